/** A container's root filesystem, to read from or write to while the container runs or not. */
import type { MountedRoot } from "../../driver/index.ts";
import type { Store } from "../../store/index.ts";
import type { ContainerRecord } from "./record.ts";
import { isAlive } from "./state.ts";
import { isSupervised } from "./supervision.ts";

/** Mounts that this process keeps for containers that run without a supervisor, by root and container. */
const kept = new Map<string, MountedRoot[]>();

const keyOf = (store: Store, id: string): string => `${store.root}\0${id}`;

/** Of a container whose removal does not wait for those who only look into it. */
export interface LookedInto extends MountedRoot {
  /** Aborted when the container goes: what is read from then on is not the container. */
  readonly dismissed: AbortSignal;
}

/** Ways to send away those who look into containers, by root and container. */
const lookers = new Map<string, Set<() => Promise<void>>>();

/**
 * Mounts it, or joins those who have it mounted. A container that was detached from runs on a mount that nobody holds:
 * that one stays when this holder leaves, or the next would mount a second file system over the same directory.
 */
export async function mountedRoot(store: Store, record: ContainerRecord): Promise<LookedInto> {
  const root = await store.containers.mount(record.ID);
  const isLent = isAlive(record) && !(await isSupervised(store, record.ID));
  const key = keyOf(store, record.ID);
  const looking = lookers.get(key) ?? new Set();
  lookers.set(key, looking);
  const gone = new AbortController();
  const leave = async (): Promise<void> => {
    if (!looking.delete(dismiss)) return;
    if (looking.size === 0 && lookers.get(key) === looking) lookers.delete(key);
    if (isLent) keepMounted(store, record.ID, root);
    else await root[Symbol.asyncDispose]();
  };
  const dismiss = async (): Promise<void> => {
    gone.abort();
    await leave();
  };
  looking.add(dismiss);
  return { path: root.path, dismissed: gone.signal, [Symbol.asyncDispose]: leave };
}

/** Sends away those of this process who look into a container that is to go. */
export async function dismissLookers(store: Store, id: string): Promise<void> {
  for (const dismiss of lookers.get(keyOf(store, id)) ?? []) await dismiss();
}

/** Keeps a mount until {@link endMounts}, or until this process ends: then it stays, and nobody holds it. */
export function keepMounted(store: Store, id: string, root: MountedRoot): void {
  const key = keyOf(store, id);
  kept.set(key, [...(kept.get(key) ?? []), root]);
}

/** Lets go of what this process has kept: somebody else holds the mount now, or it is to end. */
export async function releaseKept(store: Store, id: string): Promise<void> {
  const key = keyOf(store, id);
  const roots = kept.get(key) ?? [];
  kept.delete(key);
  for (const root of roots) await root[Symbol.asyncDispose]();
}

/** Lets go of what was kept and ends a mount that nobody holds. The container must have ended. */
export async function endMounts(store: Store, id: string): Promise<void> {
  await releaseKept(store, id);
  try {
    // Whoever lets go of a mount last ends it: so becoming a user and leaving again is enough.
    await using mounted = await store.containers.mount(id);
    void mounted.path;
  } catch {
    // Its layers are gone or it is in use; removal and garbage collection deal with both.
  }
}
