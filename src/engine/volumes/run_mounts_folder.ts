/** Where it stands that a container has mounts of its own, and where parts of volumes, and images, are mounted for it. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { Store } from "../../store/index.ts";

/** There while the container runs on such mounts, and when a killed process has left them. */
export function runMountsFolder(store: Store, container: string): string {
  return join(store.root, "varve", "run-mounts", container);
}

/** Where an image that is mounted at `destination` is for the container, while it runs. */
export function imageMountPath(store: Store, container: string, destination: string): string {
  const digest = createHash("sha256").update(destination).digest("hex");
  return join(runMountsFolder(store, container), `image-${digest.slice(0, 16)}`);
}

/** What `--ipc shareable` has as /dev/shm, for others to join. */
export function sharedMemoryFolder(store: Store, container: string): string {
  return join(runMountsFolder(store, container), "shm");
}
