/** Where it stands that a container has mounts of its own, and where parts of volumes are mounted for it. */
import { join } from "node:path";
import type { Store } from "../../store/index.ts";

/** There while the container runs on such mounts, and when a killed process has left them. */
export function runMountsFolder(store: Store, container: string): string {
  return join(store.root, "varve", "run-mounts", container);
}

/** What `--ipc shareable` has as /dev/shm, for others to join. */
export function sharedMemoryFolder(store: Store, container: string): string {
  return join(runMountsFolder(store, container), "shm");
}
