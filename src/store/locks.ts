/**
 * Locks between all processes that share a data root: `flock(2)` on files in `ROOT/varve/locks`. The kernel lets go
 * of them when a process dies, however it dies.
 */
import { closeSync, fstatSync, openSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fromText } from "../byte_string.ts";
import { Failure } from "../errors.ts";
import { flock, lockFile } from "../sys/index.ts";
import { ensureDirectory } from "./atomic_write.ts";
import { modes } from "./paths.ts";
import { isMissing, listIfThere } from "./read_small.ts";
import type { Store } from "./types.ts";

export type WithLock = Store["withLock"];

/**
 * The locks whose files lie in `directory`. Names are file names; those that start with `store-` are the store's own.
 * Not reentrant: asking for a lock that the same work holds already waits until `signal` aborts.
 * `onHeld` is told of each lock that is had: others may have changed what was read before.
 * Throws `Failure("cancelled")` when `signal` aborts before the lock is had.
 */
export function openLocks(directory: string, onHeld: () => void = () => {}): WithLock {
  return async (name, work, signal) => {
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name))
      throw new Failure("invalid", `invalid lock name ${JSON.stringify(name)}`);
    await ensureDirectory(directory, modes.private);
    const path = join(directory, name);
    await using stack = new AsyncDisposableStack();
    stack.use(await lockFile(fromText(path), "exclusive", signal));
    // Else a root would collect a file for each blob it ever saw. Safe only while the lock is held, as here (the last
    // deferred goes first): whoever waits for this file then finds it removed and starts again (sys/lock_file.ts).
    stack.defer(() => rmSync(path, { force: true }));
    onHeld();
    return await work();
  };
}

/**
 * Removes the files in `directory` whose lock nobody holds: those of killed processes, which could not do it themselves.
 * They take no space, but there is one for each blob that was being fetched.
 */
export function dropFreeLocks(directory: string): void {
  for (const name of listIfThere(directory)) {
    const path = join(directory, name);
    let fd: number;
    try {
      fd = openSync(path, "r");
    } catch (error) {
      if (isMissing(error)) continue;
      throw error;
    }
    try {
      // Removed while it is held, as above; and only if it still has the name, which another file may have by now.
      if (flock(fd, "exclusive") && fstatSync(fd).nlink > 0) rmSync(path, { force: true });
    } finally {
      closeSync(fd);
    }
  }
}
