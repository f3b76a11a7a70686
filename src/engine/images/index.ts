/** Images: every verb in a file of its own, loaded when it is first used. */
import type { Platform, Reference } from "../../oci/index.ts";
import type { Remote } from "../../remote/index.ts";
import { resolveImage, type Store, type StoredImage } from "../../store/index.ts";
import type { HistoryLine } from "./history.ts";
import type { ImportOptions } from "./import.ts";
import type { ImageInspect } from "./inspect.ts";
import type { ImageSummary, ListOptions } from "./list.ts";
import type { LoadResult } from "./load.ts";
import type { PruneOptions, PruneResult } from "./prune.ts";
import type { PullResult } from "./pull.ts";
import type { PushResult } from "./push.ts";
import type { RemoveOptions, RemovedLine } from "./remove.ts";
import type { SaveOptions } from "./save.ts";
import type { ForestNode } from "./tree.ts";
import type { Waiting } from "./waiting.ts";

export class Images {
  readonly #store: Store;
  readonly #remote: () => Promise<Remote>;

  constructor(store: Store, remote: () => Promise<Remote>) {
    this.#store = store;
    this.#remote = remote;
  }

  /** The image that `name` (name, ID or ID prefix) means. Throws `Failure("not-found")`: `No such image: x:latest`. */
  resolve(name: string): Promise<StoredImage> {
    return resolveImage(this.#store, name);
  }

  async list(options: ListOptions = {}): Promise<ImageSummary[]> {
    return (await import("./list.ts")).listImages(this.#store, options);
  }

  async inspect(name: string): Promise<ImageInspect> {
    return (await import("./inspect.ts")).inspectImage(this.#store, await this.resolve(name));
  }

  async history(name: string): Promise<HistoryLine[]> {
    return (await import("./history.ts")).imageHistory(this.#store, await this.resolve(name));
  }

  async tree(): Promise<ForestNode[]> {
    return (await import("./tree.ts")).imageForest(this.#store);
  }

  async tag(source: string, target: string): Promise<void> {
    return (await import("./tag.ts")).tagImage(this.#store, source, target);
  }

  async remove(name: string, options: RemoveOptions = {}): Promise<RemovedLine[]> {
    return (await import("./remove.ts")).removeImage(this.#store, name, options);
  }

  async prune(options: PruneOptions = {}): Promise<PruneResult> {
    return (await import("./prune.ts")).pruneImages(this.#store, options);
  }

  async pull(name: string, options: Waiting & { readonly platform?: Platform }): Promise<PullResult> {
    return (await import("./pull.ts")).pullImage(this.#store, await this.#remote(), name, options);
  }

  async push(name: Reference | string, options: Waiting): Promise<PushResult> {
    return (await import("./push.ts")).pushImage(this.#store, await this.#remote(), name, options);
  }

  async save(names: readonly string[], options: SaveOptions): Promise<AsyncIterable<Uint8Array>> {
    return (await import("./save.ts")).saveImages(this.#store, names, options);
  }

  async load(archive: AsyncIterable<Uint8Array> | string, options: Waiting): Promise<LoadResult[]> {
    return (await import("./load.ts")).loadImages(this.#store, archive, options);
  }

  async import(tar: AsyncIterable<Uint8Array>, options: ImportOptions): Promise<StoredImage> {
    return (await import("./import.ts")).importImage(this.#store, tar, options);
  }
}
