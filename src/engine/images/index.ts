/** Images: every verb in a file of its own, loaded when it is first used. */
import { familiarReference, parseReference, type Platform, type Reference } from "../../oci/index.ts";
import type { Remote } from "../../remote/index.ts";
import { resolveImage, type Store, type StoredImage } from "../../store/index.ts";
import type { EventBus } from "../events/event_bus.ts";
import type { HistoryLine } from "./history.ts";
import { ImageEvents } from "./image_events.ts";
import type { ImportOptions } from "./import.ts";
import type { ImageInspect } from "./inspect.ts";
import type { ImageSummary, ListOptions } from "./list.ts";
import type { LoadOptions, LoadResult } from "./load.ts";
import type { PruneOptions, PruneResult } from "./prune.ts";
import type { PullResult } from "./pull.ts";
import type { PushResult } from "./push.ts";
import type { RemoveOptions, RemovedLine } from "./remove.ts";
import type { SaveOptions } from "./save.ts";
import type { ForestNode } from "./tree.ts";
import type { Waiting } from "./waiting.ts";

export class Images {
  /** For those that make or name images in other ways than those below. */
  readonly events: ImageEvents;
  readonly #store: Store;
  readonly #remote: () => Promise<Remote>;

  /** @param events told of what happens to images here */
  constructor(store: Store, events: EventBus, remote: () => Promise<Remote>) {
    this.#store = store;
    this.events = new ImageEvents(store, events);
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
    const { id, name } = await (await import("./tag.ts")).tagImage(this.#store, source, target);
    await this.events.tell("tag", id, familiarReference(name));
  }

  async remove(name: string, options: RemoveOptions = {}): Promise<RemovedLine[]> {
    const { id } = await this.resolve(name);
    const before = new Set(await this.#store.images.list());
    const lines = await (await import("./remove.ts")).removeImage(this.#store, name, options);
    await this.events.removed(lines, before, { id, name });
    return lines;
  }

  async prune(options: PruneOptions = {}): Promise<PruneResult> {
    const before = new Set(await this.#store.images.list());
    const pruned = await (await import("./prune.ts")).pruneImages(this.#store, options);
    await this.events.pruned(pruned.removed, before, pruned.spaceReclaimed);
    return pruned;
  }

  async pull(name: string, options: Waiting & { readonly platform?: Platform }): Promise<PullResult> {
    const { pullImage } = await import("./pull.ts");
    const pulled = await pullImage(this.#store, await this.#remote(), name, options);
    await this.events.transferred("pull", pulled.name);
    return pulled;
  }

  async push(name: Reference | string, options: Waiting): Promise<PushResult> {
    const reference = typeof name === "string" ? parseReference(name) : name;
    const { pushImage } = await import("./push.ts");
    const pushed = await pushImage(this.#store, await this.#remote(), reference, options);
    await this.events.transferred("push", reference);
    return pushed;
  }

  async save(names: readonly string[], options: SaveOptions): Promise<AsyncIterable<Uint8Array>> {
    const bytes = await (await import("./save.ts")).saveImages(this.#store, names, options);
    for (const id of await this.#meant(names)) await this.events.tell("save", id);
    return bytes;
  }

  async load(archive: AsyncIterable<Uint8Array> | string, options: LoadOptions): Promise<LoadResult[]> {
    const loaded = await (await import("./load.ts")).loadImages(this.#store, archive, options);
    for (const { imageId } of loaded) await this.events.tell("load", imageId);
    return loaded;
  }

  async import(tar: AsyncIterable<Uint8Array>, options: ImportOptions): Promise<StoredImage> {
    const image = await (await import("./import.ts")).importImage(this.#store, tar, options);
    if (options.name !== undefined) await this.events.tell("tag", image.id, familiarReference(options.name));
    await this.events.tell("import", image.id);
    return image;
  }

  /** A repository without tag means all its images. */
  async #meant(names: readonly string[]): Promise<Set<string>> {
    const ids = new Set<string>();
    for (const name of names) {
      const image = await this.resolve(name).catch(() => undefined);
      if (image !== undefined) ids.add(image.id);
      else for (const { id } of await this.list({ reference: name })) ids.add(id);
    }
    return ids;
  }
}
