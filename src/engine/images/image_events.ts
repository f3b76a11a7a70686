/** Events of images (moby, daemon/images/image_events.go). */
import { familiarName, familiarReference, type ImageId, type Reference } from "../../oci/index.ts";
import { resolveImage, type Store } from "../../store/index.ts";
import type { EventBus } from "../events/event_bus.ts";
import { isIdPrefix } from "./id_prefix.ts";
import type { RemovedLine } from "./remove.ts";

export type ImageAction = "tag" | "untag" | "delete" | "import" | "load" | "save" | "create";

export class ImageEvents {
  readonly #store: Store;
  readonly #events: EventBus;

  constructor(store: Store, events: EventBus) {
    this.#store = store;
    this.#events = events;
  }

  /** What happened to an image that is here, with the image's labels as attributes. `name` where Docker tells it. */
  async tell(action: ImageAction, id: string, name: string = id): Promise<void> {
    this.#events.tell("image", action, id, { ...(await this.#labelsOf(id)), name });
  }

  /** A transfer is told by the name that was asked for, and its repository. */
  async transferred(action: "pull" | "push", name: Reference): Promise<void> {
    const full = familiarReference(name);
    this.#events.tell("image", action, full, { ...(await this.#labelsOf(full)), name: familiarName(name) });
  }

  /**
   * Only images are told of, not layers; and of the digests that go with a tag nothing.
   * @param images those that were here before
   * @param asked the image that all names were of, and what it was called: a name or an ID
   */
  async removed(
    lines: readonly RemovedLine[],
    images: ReadonlySet<string>,
    asked: { readonly id: ImageId; readonly name: string },
  ): Promise<void> {
    const byTag = !isIdPrefix(asked.id, asked.name) && !asked.name.includes("@");
    for (const line of lines) {
      if ("Untagged" in line) {
        if (!byTag || !line.Untagged.includes("@")) await this.tell("untag", asked.id);
      } else if (images.has(line.Deleted)) await this.tell("delete", line.Deleted);
    }
  }

  async pruned(
    lines: readonly RemovedLine[],
    images: ReadonlySet<string>,
    spaceReclaimed: number,
  ): Promise<void> {
    for (const line of lines) {
      if ("Deleted" in line && images.has(line.Deleted)) await this.tell("delete", line.Deleted);
    }
    this.#events.tell("image", "prune", "", { reclaimed: String(spaceReclaimed) });
  }

  /** Of an image that may be gone: then there are none, as in Docker. */
  async #labelsOf(name: string): Promise<Readonly<Record<string, string>>> {
    const image = await resolveImage(this.#store, name).catch(() => undefined);
    return image?.config.config?.Labels ?? {};
  }
}
