/** Whether a file is in use (`fcntl(2)`, leases). */
import { declareCalls, errno } from "./libc.ts";
import { SysError } from "./sys_error.ts";

// The last argument is read as 64 bits by the C library.
const calls = declareCalls({ fcntl: ["int", "int", "int", "intptr_t"] });

const F_SETSIG = 10;
const F_SETLEASE = 1024;
const F_WRLCK = 1;
const F_UNLCK = 2;
/** Whoever opens the file while the lease lasts makes the kernel send a signal; SIGIO, the usual one, would kill. */
const SIGURG = 23;
const EAGAIN = 11;

/**
 * Whether the file is open elsewhere: in any process, by any name, or inside the kernel, as for a mount or a loop
 * device. The kernel gives a write lease only where `fd` is the file's one and only open descriptor.
 * @param fd open for reading and writing @throws SysError (EINVAL: this file system has no leases)
 */
export function isOpenElsewhere(fd: number): boolean {
  if (calls().fcntl(fd, F_SETSIG, SIGURG) < 0) throw new SysError(errno(), "fcntl");
  if (calls().fcntl(fd, F_SETLEASE, F_WRLCK) < 0) {
    const code = errno();
    if (code === EAGAIN) return true;
    throw new SysError(code, "fcntl");
  }
  calls().fcntl(fd, F_SETLEASE, F_UNLCK);
  return false;
}
