/** Docker's `overlay2` driver: a directory a layer, stacked by the kernel. */
import { dirname } from "node:path";
import { checkCacheId, isOwnCacheId } from "./cache_id.ts";
import { fromText } from "../byte_string.ts";
import type { ByteSource } from "../bytes/index.ts";
import { removeTreeInSlices } from "../sys/index.ts";
import { compareDirectories } from "./compare_views.ts";
import { findMount, holdMount, type MountPlan, removeUnmounted } from "./held_mount.ts";
import { OverlayLayout } from "./overlay_layout.ts";
import { mountOverlay, type OverlayDialect, overlayDialect } from "./overlay_mount.ts";
import { realRoot } from "./real_root.ts";
import { holdReadOnlyView, viewKey, viewPath } from "./read_only_view.ts";
import type { StorageOptions } from "./storage_options.ts";
import type { CacheId, Driver, MountedRoot, MountOptions } from "./types.ts";
import { ownershipHere } from "./user_namespace.ts";
import { type ApplyTarget, type Change, diffLayer } from "../layer/index.ts";

export interface DriverOptions {
  /** The driver's own directory: `ROOT/overlay2`, `ROOT/vfs`. Made when the first layer is. */
  readonly root: string;
  /** Where varve keeps its locks; default `ROOT/varve/mounts`, which dockerd does not look at. */
  readonly locks?: string;
  /** What the driver does not know it does not heed. */
  readonly storage?: StorageOptions;
}

/** The driver on `options.root`. Touches nothing until it is used. */
export function createOverlay2(options: DriverOptions): Driver {
  const root = realRoot(options.root);
  return new Overlay2(root, locksOf(options, root));
}

/** @param root the driver's resolved directory */
export function locksOf(options: DriverOptions, root: string): string {
  return options.locks === undefined ? `${dirname(root)}/varve/mounts` : realRoot(options.locks);
}

interface OverlayPlan extends MountOptions {
  readonly key: string;
  readonly path: string;
  readonly readOnly: boolean;
}

class Overlay2 implements Driver {
  readonly name = "overlay2";
  readonly independentLayers = true;
  readonly #layout: OverlayLayout;
  readonly #locks: string;
  #dialect: OverlayDialect | undefined;

  constructor(root: string, locks: string) {
    this.#layout = new OverlayLayout(root);
    this.#locks = locks;
  }

  async create(id: CacheId, parent: CacheId | undefined): Promise<void> {
    this.#layout.create(checkCacheId(id), parent === undefined ? undefined : checkCacheId(parent));
  }

  target(id: CacheId): ApplyTarget {
    return {
      directory: this.#layout.diff(checkCacheId(id)),
      whiteouts: this.#kernel().userxattr ? "overlay-user" : "overlay",
      ownership: ownershipHere(),
    };
  }

  async prepare(): Promise<void> {
    // The kernel stacks the directories when they are mounted.
  }

  async mount(id: CacheId, options: MountOptions = {}): Promise<MountedRoot> {
    this.#layout.mustExist(checkCacheId(id));
    const readOnly = options.readOnly === true;
    // Like Docker: nothing is stacked where there is nothing below.
    if (this.#layout.lowerLinks(id).length === 0) {
      const base = await holdMount(this.#locks, { key: id, path: this.#layout.diff(id) });
      return readOnly ? holdReadOnlyView(this.#locks, id, base) : base;
    }
    // A layer with children is never written again, or they would change (behaviours B149).
    if (this.#layout.isCommitted(id)) return this.#holdMerged(id, true);
    if (!readOnly) return this.#holdMerged(id, false, options.volatile);
    // Where somebody writes to it, look at his mount: two of one upper directory would not agree.
    if (findMount(this.#layout.merged(id)) !== undefined) {
      return holdReadOnlyView(this.#locks, id, await this.#holdMerged(id, false));
    }
    // Not at `merged`, so that nobody who comes to write has to wait.
    return holdMount(
      this.#locks,
      this.#plan(id, { key: viewKey(id), path: viewPath(this.#locks, id), readOnly }),
    );
  }

  async *diff(id: CacheId, options: { readonly signal: AbortSignal }): ByteSource {
    this.#layout.mustExist(checkCacheId(id));
    const lowers = this.#layout.lowers(id).map((lower) => this.#layout.diff(lower));
    const { directory, whiteouts } = this.target(id);
    // Held, so that it is not removed meanwhile; what is read is the change directory itself.
    await using held = new AsyncDisposableStack();
    held.use(await holdMount(this.#locks, { key: id, path: this.#layout.merged(id) }));
    yield* diffLayer({ directory, whiteouts, lowers, ...options });
  }

  async changes(id: CacheId, options: { readonly signal: AbortSignal }): Promise<Change[]> {
    this.#layout.mustExist(checkCacheId(id));
    const [parent] = this.#layout.lowers(id);
    const upper = this.#layout.diff(id);
    if (parent === undefined) return compareDirectories({ new: upper }, options.signal);
    await using before = await this.mount(parent);
    await using after = await this.mount(id, { readOnly: true });
    return await compareDirectories({ old: before.path, new: after.path, upper }, options.signal);
  }

  async graphData(id: CacheId): Promise<Readonly<Record<string, string>>> {
    this.#layout.mustExist(checkCacheId(id));
    const lowers = this.#layout.lowers(id).map((lower) => this.#layout.diff(lower));
    return {
      ...(lowers.length > 0 && { LowerDir: lowers.join(":") }),
      MergedDir: this.#layout.merged(id),
      UpperDir: this.#layout.diff(id),
      WorkDir: this.#layout.work(id),
    };
  }

  async remove(id: CacheId): Promise<void> {
    const merged = { key: checkCacheId(id), path: this.#layout.merged(id) };
    const view = { key: viewKey(id), path: viewPath(this.#locks, id) };
    const directory = this.#layout.directory(id);
    await removeUnmounted(this.#locks, [merged, view], directory, async () => {
      this.#layout.removeLink(id);
      await removeTreeInSlices(fromText(directory));
    });
  }

  async list(): Promise<CacheId[]> {
    return this.#layout.names().filter(isOwnCacheId).sort();
  }

  #holdMerged(id: CacheId, readOnly: boolean, volatile = false): Promise<MountedRoot> {
    const path = this.#layout.merged(id);
    return holdMount(this.#locks, this.#plan(id, { key: id, path, readOnly, volatile }));
  }

  #plan(id: CacheId, { key, path, readOnly, volatile = false }: OverlayPlan): MountPlan {
    const how = { at: path, readOnly, volatile, dialect: this.#kernel() };
    return { key, path, mounting: { readOnly, mount: () => mountOverlay(this.#layout, id, how) } };
  }

  #kernel(): OverlayDialect {
    return (this.#dialect ??= overlayDialect());
  }
}
