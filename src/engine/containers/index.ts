/** Containers: every verb in a file of its own, loaded when it is first used. */
import type { ByteSource } from "../../bytes/index.ts";
import type { EventBus } from "../events/event_bus.ts";
import { tellContainer } from "../events/tell_container.ts";
import { ImageEvents } from "../images/image_events.ts";
import type { Change } from "../../layer/index.ts";
import { familiarReference } from "../../oci/index.ts";
import type { Store, StoredImage } from "../../store/index.ts";
import type { CommitOptions } from "./commit.ts";
import type { ArchiveOptions, WriteArchiveOptions } from "./copy/archive.ts";
import type { CopyOptions } from "./copy/copy_path.ts";
import type { PathStat } from "./copy/place.ts";
import type { CreateOptions } from "./create.ts";
import type { ContainerInspect } from "./inspect.ts";
import type { ContainerSummary, ListContainersOptions } from "./list.ts";
import type { ContainerOverview } from "./overview.ts";
import type { PruneContainersOptions, PrunedContainers } from "./prune.ts";
import type { LogRecord, OciUser } from "../../runtime/index.ts";
import type { ProcessCounts } from "../live/stats/process_counts.ts";
import type { ContainerStats } from "../live/stats/stats_shape.ts";
import type { StatsOptions } from "../live/stats/watch_stats.ts";
import type { LogsOptions } from "./logs.ts";
import { findRecord, type ContainerRecord } from "./record.ts";
import type { RemoveContainerOptions } from "./remove.ts";
import type { ContainerSelection } from "./select_records.ts";
import type { StartOptions } from "./start.ts";

export class Containers {
  readonly #store: Store;
  readonly #events: EventBus;
  readonly #imageEvents: ImageEvents;

  /** @param events told of what happens to containers and volumes here */
  constructor(store: Store, events: EventBus) {
    this.#store = store;
    this.#events = events;
    this.#imageEvents = new ImageEvents(store, events);
  }

  /** Finds by ID, name or ID prefix. Throws `Failure("not-found")`: `No such container: x`. */
  find(text: string): Promise<ContainerRecord> {
    return findRecord(this.#store.root, text);
  }

  async list(options: ListContainersOptions = {}): Promise<ContainerSummary[]> {
    return (await import("./list.ts")).listContainers(this.#store, options);
  }

  /** What lists are made of: records and what stands beside them, newest first. */
  async overview(selection: ContainerSelection): Promise<ContainerOverview[]> {
    return (await import("./overview.ts")).overviewOfContainers(this.#store, selection);
  }

  /** Bytes of the writable layer, and of that and the image together. */
  async sizes(id: string): Promise<{ readonly sizeRw: number; readonly sizeRootFs: number }> {
    return (await import("./size.ts")).containerSizes(this.#store, id);
  }

  /** Bytes and inodes of the writable layer. */
  async writable(id: string): Promise<{ readonly bytes: number; readonly inodes: number }> {
    return (await import("./size.ts")).writableUsage(this.#store, id);
  }

  /** @returns the record with the new name */
  async rename(text: string, name: string): Promise<ContainerRecord> {
    return (await import("./rename.ts")).renameContainer(this.#store, await this.find(text), name);
  }

  /** Removes what has ended. */
  async prune(options: PruneContainersOptions): Promise<PrunedContainers> {
    const pruned = await (await import("./prune.ts")).pruneContainers(this.#store, options);
    this.#events.tell("container", "prune", "", { reclaimed: String(pruned.spaceReclaimed) });
    return pruned;
  }

  async create(options: CreateOptions): Promise<ContainerRecord> {
    const record = await (await import("./create.ts")).createContainer(this.#store, options, this.#events);
    tellContainer(this.#events, "create", record);
    return record;
  }

  /** Runs the container in the foreground until it ends. Returns its exit code as Docker's CLI gives it. */
  async start(text: string, options: StartOptions): Promise<number> {
    return (await import("./start.ts")).startContainer(
      this.#store,
      await this.find(text),
      options,
      this.#events,
    );
  }

  async inspect(text: string, options: { readonly size?: boolean } = {}): Promise<ContainerInspect> {
    return (await import("./inspect.ts")).inspectContainer(this.#store, await this.find(text), options);
  }

  /** What the container changed, sorted by path (behaviours B097). */
  async diff(text: string, options: { readonly signal: AbortSignal }): Promise<Change[]> {
    return (await import("./diff.ts")).diffContainer(this.#store, await this.find(text), options);
  }

  async commit(text: string, options: CommitOptions): Promise<StoredImage> {
    const { commitContainer } = await import("./commit.ts");
    const record = await this.find(text);
    const image = await commitContainer(this.#store, record, options);
    const imageRef = options.name === undefined ? "" : familiarReference(options.name);
    if (imageRef !== "") await this.#imageEvents.tell("tag", image.id, imageRef);
    const comment = options.message ?? "";
    tellContainer(this.#events, "commit", record, { comment, imageID: image.id, imageRef });
    return image;
  }

  async remove(text: string, options: RemoveContainerOptions = {}): Promise<void> {
    const { removeContainer } = await import("./remove.ts");
    const record = await this.find(text);
    await removeContainer(this.#store, record, { ...options, events: this.#events });
    tellContainer(this.#events, "destroy", record);
  }

  /** What it has printed, some lines at a time; with `follow` until the run that is under way has ended. */
  async logs(text: string, options: LogsOptions): Promise<AsyncIterable<LogRecord[]>> {
    return (await import("./logs.ts")).containerLogs(this.#store, await this.find(text), options);
  }

  /** What it uses, once or every second. @throws Failure("not-found") before the first */
  async stats(text: string, options: StatsOptions): Promise<AsyncIterable<ContainerStats>> {
    const [{ watchStats }, { reconcile }, { readHostConfig }] = await Promise.all([
      import("../live/stats/watch_stats.ts"),
      import("./state.ts"),
      import("./record.ts"),
    ]);
    const { ID } = await this.find(text);
    const find = async (): Promise<ContainerRecord> => reconcile(this.#store, await this.find(ID));
    return watchStats({ find, hostConfigOf: () => readHostConfig(this.#store.root, ID) }, options);
  }

  /** What its processes have, beside {@link stats}. Undefined: it does not run. @throws Failure("not-found") */
  async processCounts(text: string): Promise<ProcessCounts | undefined> {
    const { State } = await this.find(text);
    if (!State.Running || State.Pid <= 0) return undefined;
    return (await import("../live/stats/process_counts.ts")).countProcesses(State.Pid);
  }

  /** Who its first process is. Undefined: it does not run. @throws Failure("not-found") */
  async firstUser(text: string): Promise<OciUser | undefined> {
    const { ID } = await this.find(text);
    return (await import("./first_user.ts")).firstUser(this.#store.root, ID);
  }

  /** The whole root filesystem as one tar (behaviours B108). */
  async export(text: string, options: { readonly signal: AbortSignal }): Promise<ByteSource> {
    return (await import("./export.ts")).exportContainer(this.#store, await this.find(text), options);
  }

  /** A file or directory of the container as a tar, as the Engine API gives it. */
  async readArchive(
    text: string,
    path: string,
    options: ArchiveOptions,
  ): Promise<{ readonly stat: PathStat; readonly tar: ByteSource }> {
    const record = await this.find(text);
    const { readArchive } = await import("./copy/archive.ts");
    return readArchive(this.#store, record, path, { calledBy: text, ...options });
  }

  /** Unpacks a tar into a directory of the container. */
  async writeArchive(
    text: string,
    path: string,
    tar: ByteSource,
    options: WriteArchiveOptions,
  ): Promise<void> {
    const record = await this.find(text);
    const { writeArchive } = await import("./copy/archive.ts");
    return writeArchive(this.#store, record, path, tar, { calledBy: text, ...options });
  }

  /** What `path` is in the container. Throws `Failure("not-found")`. */
  async statPath(text: string, path: string): Promise<PathStat> {
    const record = await this.find(text);
    const { statPath } = await import("./copy/archive.ts");
    return statPath(this.#store, record, path, { calledBy: text });
  }

  /** `cp` from the container to this machine. */
  async copyOut(text: string, source: string, target: string, options: CopyOptions): Promise<void> {
    return (await import("./copy/copy_path.ts")).copyOut(
      this.#store,
      await this.find(text),
      source,
      target,
      options,
    );
  }

  /** `cp` from this machine into the container. */
  async copyIn(source: string, text: string, target: string, options: CopyOptions): Promise<void> {
    return (await import("./copy/copy_path.ts")).copyIn(
      this.#store,
      source,
      await this.find(text),
      target,
      options,
    );
  }
}
