/** `flock(2)`: locks that belong to an open file, so that a process that dies lets go of them. */
import { declareCalls, errno } from "./libc.ts";
import { SysError } from "./sys_error.ts";

const calls = declareCalls({ flock: ["int", "int", "int"] });

export type LockMode = "shared" | "exclusive";

const LOCK_SH = 1;
const LOCK_EX = 2;
const LOCK_NB = 4;
const LOCK_UN = 8;
const EINTR = 4;
const EWOULDBLOCK = 11;

/**
 * Locks the open file. With `wait` the thread stands still until it has the lock: never on the main thread.
 * @returns false if another holds it (only without `wait`, which is the default) @throws SysError
 */
export function flock(
  fd: number,
  mode: LockMode | "unlock",
  options: { readonly wait?: boolean } = {},
): boolean {
  const operation = mode === "unlock" ? LOCK_UN : mode === "shared" ? LOCK_SH : LOCK_EX;
  const flags = operation | (options.wait === true ? 0 : LOCK_NB);
  for (;;) {
    if (calls().flock(fd, flags) === 0) return true;
    const code = errno();
    if (code === EWOULDBLOCK) return false;
    if (code !== EINTR) throw new SysError(code, "flock");
  }
}
