/**
 * Mounts that several holders, in several processes, share.
 *
 * For each key two lock files: `<key>.gate` is held while the mount changes; each holder has `<key>.users` locked
 * shared for as long as it uses the mount. Whoever lets go tries to lock `users` alone: if it can, nobody else is
 * left, and it unmounts. The kernel drops a dead process's locks, so a crash leaves at worst an unused mount, which
 * the next holder adopts and the last one ends. Whether something is mounted is asked of the kernel, never written
 * down.
 */
import { type ByteString, fromText } from "../byte_string.ts";
import { Failure } from "../errors.ts";
import * as sys from "../sys/index.ts";
import { makeIfMissing } from "./overlay_layout.ts";
import type { MountedRoot } from "./types.ts";

export interface MountPlan {
  /** Names the lock files. */
  readonly key: string;
  /** What the holder sees. */
  readonly path: string;
  /** Absent where `path` is an ordinary directory that only has to stay. */
  readonly mounting?: Mounting;
}

export interface Mounting {
  readonly readOnly: boolean;
  /** Makes the mount point `path`, and mounts there. Synchronous. */
  mount(): void;
  /** Whether the mount is to stay when nobody holds it. Default: it ends. */
  stays?(): boolean;
  /** Whether what is mounted there can be used; else it is ended and made anew. Default: it can. */
  works?(): boolean;
}

/**
 * Holds the mount of `plan`, making it if need be.
 * @param locks directory of the lock files, made if missing
 * @throws Failure("conflict") if others hold it mounted in the other mode; what `mount` throws
 */
export async function holdMount(locks: string, plan: MountPlan): Promise<MountedRoot> {
  await using gate = await enter(locks, plan.key);
  const users = gate.openUsers();
  try {
    const alone = sys.flock(users, "exclusive");
    if (plan.mounting !== undefined) ensureMounted(plan.path, plan.mounting, alone);
    // Nobody else can take it in between: that needs the gate.
    sys.flock(users, "shared");
  } catch (error) {
    sys.close(users);
    throw error;
  }
  let held = true;
  return {
    path: plan.path,
    [Symbol.asyncDispose]: async () => {
      if (!held) return;
      held = false;
      await release(locks, plan, users);
    },
  };
}

/**
 * Runs `work` while nobody holds any of the mounts and nobody can take one; mounts that a crash left are ended first.
 * @throws Failure("conflict") while somebody holds one
 */
export async function whileUnmounted(
  locks: string,
  plans: readonly Pick<MountPlan, "key" | "path">[],
  work: () => Promise<void>,
): Promise<void> {
  const [first, ...rest] = plans;
  if (first === undefined) return work();
  await using gate = await enter(locks, first.key);
  const users = gate.openUsers();
  try {
    if (!sys.flock(users, "exclusive")) {
      throw new Failure("conflict", `cannot remove layer ${first.key}: it is mounted`);
    }
    if (findMount(first.path) !== undefined) end(first.path);
    await whileUnmounted(locks, rest, work);
    gate.removeUsers();
  } finally {
    sys.close(users);
  }
}

/**
 * Removes a layer that is not mounted, and the lock files of its mounts; where the layer has gone, those that a kill has left
 * of its removal.
 * @param plans of all mounts that there may be of it @param directory the layer's @param work removes it
 * @throws Failure("conflict") while somebody holds one
 */
export async function removeUnmounted(
  locks: string,
  plans: readonly Pick<MountPlan, "key" | "path">[],
  directory: string,
  work: () => Promise<void>,
): Promise<void> {
  const isGone = (): boolean => isMissing(fromText(directory));
  const files = plans.flatMap(({ key }) => [`${key}.gate`, `${key}.users`]);
  if (isGone() && files.every((name) => isMissing(`${fromText(locks)}/${name}`))) return;
  await whileUnmounted(locks, plans, async () => {
    if (!isGone()) await work();
  });
}

/** Ends a mount that was to stay, if nobody holds it and it need not stay any longer. */
export async function endIfUnused(locks: string, plan: MountPlan): Promise<void> {
  await using gate = await enter(locks, plan.key);
  leave(gate, plan, gate.openUsers());
}

function ensureMounted(path: string, mounting: Mounting, alone: boolean): void {
  const present = findMount(path);
  if (present !== undefined) {
    const works = mounting.works?.() ?? true;
    if (works && isReadOnly(present) === mounting.readOnly) return;
    if (!works) {
      // Who still uses it finds nothing there either way.
      end(path);
      return mounting.mount();
    }
    if (!alone) {
      const mode = mounting.readOnly ? "writable" : "read-only";
      throw new Failure("conflict", `cannot mount ${path}: it is in use, mounted ${mode}`);
    }
    end(path);
  } else removeMountPoint(path);
  mounting.mount();
}

/** Mounts end with the machine or the namespace; the place of one stays on disk. */
function removeMountPoint(path: string): void {
  try {
    sys.unlinkAt(sys.AT_FDCWD, fromText(path), sys.AT_REMOVEDIR);
  } catch (error) {
    if (!sys.isSysError(error, "ENOENT", "ENOTDIR", "ENOTEMPTY")) throw error;
  }
}

async function release(locks: string, plan: MountPlan, users: number): Promise<void> {
  await using gate = await enter(locks, plan.key);
  leave(gate, plan, users);
}

/** Closes `users`, and ends the mount if nobody else has it and it need not stay. */
function leave(gate: Gate, plan: MountPlan, users: number): void {
  try {
    if (!sys.flock(users, "exclusive") || plan.mounting?.stays?.() === true) return;
    // Also for a holder that did not mount: others may have left the mount to the last one.
    if (findMount(plan.path) !== undefined) end(plan.path);
    gate.removeUsers();
  } finally {
    sys.close(users);
  }
}

/** Unmounts and removes the mount point, which exists only while mounted (behaviours B153). */
function end(path: string): void {
  const bytes = fromText(path);
  try {
    sys.unmount(bytes);
  } catch (error) {
    // Somebody stands in it: out of the tree now, gone when he leaves. Docker always does so.
    if (!sys.isSysError(error, "EBUSY")) throw error;
    sys.unmount(bytes, { detach: true });
  }
  sys.unlinkAt(sys.AT_FDCWD, bytes, sys.AT_REMOVEDIR);
}

/** The topmost mount at `path`. */
export function findMount(path: string): sys.MountInfo | undefined {
  const bytes = fromText(path);
  // Mostly there is none, and the kernel lists all mounts of the machine.
  if (isMissing(bytes)) return undefined;
  return sys.mountInfo().findLast((mount) => mount.mountPoint === bytes);
}

/** Asks no file system that may be mounted there: a server that does not answer would hold us. */
function isMissing(path: ByteString): boolean {
  try {
    sys.close(sys.openAt(sys.AT_FDCWD, path, sys.O_PATH | sys.O_NOFOLLOW));
    return false;
  } catch (error) {
    return sys.isSysError(error, "ENOENT", "ENOTDIR");
  }
}

function isReadOnly(mount: sys.MountInfo): boolean {
  // An overlay without upper layer is read-only as a file system, a bind mount as a mount.
  return [mount.options, mount.superOptions].some((options) => options.split(",").includes("ro"));
}

/** The right to change one mount, until disposal. */
interface Gate extends AsyncDisposable {
  openUsers(): number;
  removeUsers(): void;
}

async function enter(locks: string, key: string): Promise<Gate> {
  const directory: ByteString = fromText(locks);
  makeIfMissing(directory, 0o700);
  const gatePath = `${directory}/${key}.gate`;
  const usersPath = `${directory}/${key}.users`;
  const lock = await sys.lockFile(gatePath, "exclusive");
  let unused = false;
  return {
    openUsers: () => sys.openAt(sys.AT_FDCWD, usersPath, sys.O_RDWR | sys.O_CREAT, 0o600),
    removeUsers: () => {
      sys.removeTree(usersPath);
      unused = true;
    },
    [Symbol.asyncDispose]: async () => {
      // Whoever waits for the removed file finds it gone when he gets the lock, and starts again (lockFile).
      if (unused) sys.removeTree(gatePath);
      await lock[Symbol.asyncDispose]();
    },
  };
}
