/** Events of images (moby, daemon/images/image_events.go). */
import type { Daemon } from "../../../engine/index.ts";

export type ImageAction = "tag" | "untag" | "delete" | "import" | "load" | "save" | "create";

/** What happened to an image that is here, with the image's labels as attributes. `name` where Docker tells it. */
export async function tellImage(
  daemon: Daemon,
  action: ImageAction,
  id: string,
  name: string = id,
): Promise<void> {
  daemon.events.tell("image", action, id, { ...(await labelsOf(daemon, id)), name });
}

/** Labels of an image that may be gone; then there are none, as in Docker. */
async function labelsOf(daemon: Daemon, id: string): Promise<Readonly<Record<string, string>>> {
  const image = await daemon.engine.images.resolve(id).catch(() => undefined);
  return image?.config.config?.Labels ?? {};
}

/** A transfer is told by the name that was asked for, and its repository. */
export async function tellTransfer(
  daemon: Daemon,
  action: "pull" | "push",
  name: string,
  repository: string,
): Promise<void> {
  daemon.events.tell("image", action, name, { ...(await labelsOf(daemon, name)), name: repository });
}
