/** Containers: every verb in a file of its own, loaded when it is first used. */
import type { Change } from "../../layer/index.ts";
import type { Store, StoredImage } from "../../store/index.ts";
import type { CommitOptions } from "./commit.ts";
import type { CreateOptions } from "./create.ts";
import type { ContainerInspect } from "./inspect.ts";
import type { ContainerSummary, ListContainersOptions } from "./list.ts";
import { findRecord, type ContainerRecord } from "./record.ts";
import type { RemoveContainerOptions } from "./remove.ts";
import type { StartOptions } from "./start.ts";

export class Containers {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Finds by ID, name or ID prefix. Throws `Failure("not-found")`: `No such container: x`. */
  find(text: string): Promise<ContainerRecord> {
    return findRecord(this.#store.root, text);
  }

  async list(options: ListContainersOptions = {}): Promise<ContainerSummary[]> {
    return (await import("./list.ts")).listContainers(this.#store, options);
  }

  async create(options: CreateOptions): Promise<ContainerRecord> {
    return (await import("./create.ts")).createContainer(this.#store, options);
  }

  /** Runs the container in the foreground until it ends. Returns its exit code as Docker's CLI gives it. */
  async start(text: string, options: StartOptions): Promise<number> {
    return (await import("./start.ts")).startContainer(this.#store, await this.find(text), options);
  }

  async inspect(text: string, options: { readonly size?: boolean } = {}): Promise<ContainerInspect> {
    return (await import("./inspect.ts")).inspectContainer(this.#store, await this.find(text), options);
  }

  /** What the container changed, sorted by path (behaviours B097). */
  async diff(text: string, options: { readonly signal: AbortSignal }): Promise<Change[]> {
    return (await import("./diff.ts")).diffContainer(this.#store, await this.find(text), options);
  }

  async commit(text: string, options: CommitOptions): Promise<StoredImage> {
    return (await import("./commit.ts")).commitContainer(this.#store, await this.find(text), options);
  }

  async remove(text: string, options: RemoveContainerOptions = {}): Promise<void> {
    return (await import("./remove.ts")).removeContainer(this.#store, await this.find(text), options);
  }
}
