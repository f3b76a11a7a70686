/**
 * Locks between all processes that share a data root: `flock(2)` on files in `ROOT/varve/locks`. The kernel lets go
 * of them when a process dies, however it dies.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { fromText } from "../byte_string.ts";
import { Failure } from "../errors.ts";
import { lockFile } from "../sys/index.ts";
import { ensureDirectory } from "./atomic_write.ts";
import { modes } from "./paths.ts";
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
