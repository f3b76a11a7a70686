/** What concerns the whole root: info, disk use, clean-up, checks. */
import type { Remote } from "../../remote/index.ts";
import type { Repair } from "./repair.ts";
import type {
  CollectedGarbage,
  Ledger,
  MigrationResult,
  OptimizeReport,
  OptimizeStoreOptions,
  Problem,
  Store,
} from "../../store/index.ts";
import type { Containers } from "../containers/index.ts";
import type { EventBus } from "../events/event_bus.ts";
import type { Images } from "../images/index.ts";
import type { BuildCacheItem, BuildCachePruneOptions, PrunedBuildCache } from "./build_cache.ts";
import type { DiskUsage } from "./disk_usage.ts";
import type { SystemInfo } from "./info.ts";
import type { MachineInfo } from "./machine.ts";
import type { MigrateOptions } from "./migrate.ts";
import type { SystemPruneOptions, SystemPruneResult } from "./prune.ts";

interface SystemParts {
  readonly store: Store;
  readonly containers: Containers;
  readonly images: Images;
  /** Told of what is pruned. */
  readonly events: EventBus;
}

export class System {
  readonly #store: Store;
  readonly #containers: Containers;
  readonly #images: Images;
  readonly #events: EventBus;
  readonly #remote: () => Promise<Remote>;
  #machine: Promise<MachineInfo> | undefined;

  constructor({ store, containers, images, events }: SystemParts, remote: () => Promise<Remote>) {
    this.#store = store;
    this.#containers = containers;
    this.#images = images;
    this.#events = events;
    this.#remote = remote;
  }

  async info(): Promise<SystemInfo> {
    return (await import("./info.ts")).systemInfo(this.#store);
  }

  /** What this machine can do for containers; asked once. */
  machine(): Promise<MachineInfo> {
    return (this.#machine ??= import("./machine.ts").then(({ machineInfo }) =>
      machineInfo(this.#store.root),
    ));
  }

  /** Docker's `system df`, with what deleting each thing would free. */
  async diskUsage(): Promise<DiskUsage> {
    return (await import("./disk_usage.ts")).diskUsage(this.#store, this.#containers);
  }

  /** Who holds each byte of the root. */
  async ledger(): Promise<Ledger> {
    return (await import("../../store/index.ts")).ledger(this.#store);
  }

  /** How many inodes a layer of the ledger takes; a walk through its files. */
  async layerInodes({ cacheId }: Pick<Ledger["layers"][number], "cacheId">): Promise<number> {
    return (await import("../../store/index.ts")).layerInodes(this.#store, cacheId);
  }

  /** What builds have left for the next ones, least recently used first. */
  async buildCache({ signal }: { readonly signal: AbortSignal }): Promise<BuildCacheItem[]> {
    return (await import("./build_cache.ts")).listBuildCache(this.#store, signal);
  }

  /** Removes of it what nobody uses. */
  async pruneBuildCache(options: BuildCachePruneOptions): Promise<PrunedBuildCache> {
    const pruned = await (await import("./build_cache.ts")).pruneBuildCache(this.#store, options);
    this.#events.tell("builder", "prune", "", { reclaimed: String(pruned.spaceReclaimed) });
    return pruned;
  }

  /** Stopped containers, dangling (or all unused) images, the build cache, and what crashes left. */
  async prune(options: SystemPruneOptions): Promise<SystemPruneResult> {
    const { pruneSystem } = await import("./prune.ts");
    const { all, unusedSince, signal } = options;
    const cacheOptions = {
      ...(all !== undefined && { all }),
      ...(unusedSince !== undefined && { unusedFor: Date.now() - unusedSince }),
      signal,
    };
    const parts = { store: this.#store, containers: this.#containers, images: this.#images };
    return pruneSystem({ ...parts, pruneCache: () => this.pruneBuildCache(cacheOptions) }, options);
  }

  /** Removes what no image, container or running process refers to. */
  async collectGarbage(options: { readonly dryRun?: boolean } = {}): Promise<CollectedGarbage> {
    return (await import("../../store/index.ts")).collectGarbage(this.#store, options);
  }

  /**
   * Moves all images and containers to another storage driver; an interrupted one goes on where it stopped. Afterwards
   * this engine is over: open the root anew.
   */
  async migrate(options: MigrateOptions): Promise<MigrationResult> {
    return (await import("./migrate.ts")).migrate(this.#store, options);
  }

  /** Keeps large files that several layers have once; needs layers kept as tars. Never done by itself. */
  async optimize(options: Omit<OptimizeStoreOptions, "onStep">): Promise<OptimizeReport> {
    return (await import("../../store/index.ts")).optimizeStore(this.#store, options);
  }

  /** Looks for damage; `deep` hashes every layer. */
  async check(options: { readonly deep?: boolean } = {}): Promise<Problem[]> {
    return (await import("../../store/index.ts")).checkStore(this.#store, options);
  }

  /** Fetches the damaged layers among what {@link check} found again, each alone; needs layers kept as tars. */
  async repair(problems: readonly Problem[], { signal }: { readonly signal: AbortSignal }): Promise<Repair> {
    return (await import("./repair.ts")).repairLayers(this.#store, this.#remote, problems, signal);
  }
}
