/** A container's root filesystem, to read from or write to while the container runs or not. */
import type { MountedRoot } from "../../driver/index.ts";
import type { Store } from "../../store/index.ts";
import type { ContainerRecord } from "./record.ts";
import { isAlive } from "./state.ts";
import { isSupervised } from "./supervision.ts";

/**
 * Mounts it, or joins those who have it mounted. A container that was detached from runs on a mount that nobody holds:
 * that one stays when this holder leaves, or the next would mount a second file system over the same directory.
 */
export async function mountedRoot(store: Store, record: ContainerRecord): Promise<MountedRoot> {
  const root = await store.containers.mount(record.ID);
  if (!isAlive(record) || (await isSupervised(store, record.ID))) return root;
  return { path: root.path, [Symbol.asyncDispose]: async () => undefined };
}
