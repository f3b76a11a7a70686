/** A container's root filesystem, to read from or write to while the container runs or not. */
import type { MountedRoot } from "../../driver/index.ts";
import type { Store } from "../../store/index.ts";
import { noSuchContainer, type ContainerRecord } from "./record.ts";
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

/** Those that nobody may look into any more, by root and container. */
const going = new Set<string>();

/**
 * Mounts it, or joins those who have it mounted. A container that was detached from runs on a mount that nobody holds:
 * that one stays when this holder leaves, or the next would mount a second file system over the same directory.
 * @throws Failure("not-found") for one that is removed
 */
export async function mountedRoot(store: Store, record: ContainerRecord): Promise<LookedInto> {
  const key = keyOf(store, record.ID);
  if (going.has(key)) throw noSuchContainer(record.ID);
  const mounting = mountOf(store, record);
  const looking = lookers.get(key) ?? new Set();
  lookers.set(key, looking);
  const gone = new AbortController();
  const leave = async (): Promise<void> => {
    if (!looking.delete(dismiss)) return;
    if (looking.size === 0 && lookers.get(key) === looking) lookers.delete(key);
    const mounted = await mounting.catch(() => undefined);
    if (mounted === undefined) return;
    const { root, isLent } = mounted;
    if (isLent) keepMounted(store, record.ID, root);
    else await root[Symbol.asyncDispose]();
  };
  const dismiss = async (): Promise<void> => {
    gone.abort();
    await leave();
  };
  // From before it is mounted, so that no removal meets a mount that nobody could be asked to leave.
  looking.add(dismiss);
  const { root } = await mounting.catch(async (error: unknown) => {
    await leave();
    throw error;
  });
  if (gone.signal.aborted) throw noSuchContainer(record.ID);
  return { path: root.path, dismissed: gone.signal, [Symbol.asyncDispose]: leave };
}

async function mountOf(
  store: Store,
  record: ContainerRecord,
): Promise<{ root: MountedRoot; isLent: boolean }> {
  const root = await store.containers.mount(record.ID);
  return { root, isLent: isAlive(record) && !(await isSupervised(store, record.ID)) };
}

/** Sends away those of this process who look into a container that is to go, and lets nobody in until `go` is over. */
export async function whileNobodyLooks(store: Store, id: string, go: () => Promise<void>): Promise<void> {
  const key = keyOf(store, id);
  going.add(key);
  try {
    for (const dismiss of lookers.get(key) ?? []) await dismiss();
    await go();
  } finally {
    going.delete(key);
  }
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
