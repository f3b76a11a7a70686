/** Mounting and unmounting. */
import type { ByteString } from "../byte_string.ts";
import { cString } from "./c_string.ts";
import { declareCalls, errno } from "./libc.ts";
import { SysError } from "./sys_error.ts";

const calls = declareCalls({
  mount: ["int", "const char *", "const char *", "const char *", "unsigned long", "const char *"],
  umount2: ["int", "const char *", "int"],
  fchdir: ["int", "int"],
  chdir: ["int", "const char *"],
});

/** `mount(2)`. @param flags MS_* @param data options; at most a page less one byte @throws SysError */
export function mount(
  source: ByteString,
  target: ByteString,
  type: ByteString,
  flags: number,
  data: ByteString = "",
): void {
  const [from, to, options] = [cString(source), cString(target), cString(data)];
  if (calls().mount(from, to, type, flags, options) < 0) throw new SysError(errno(), "mount", target);
}

const MNT_DETACH = 2;
const UMOUNT_NOFOLLOW = 8;

/**
 * `umount2(2)`, never through a symlink.
 * @param options.detach take it out of the tree now, end it when the last user leaves
 * @throws SysError (EINVAL: not a mount point; EBUSY: in use)
 */
export function unmount(target: ByteString, options: { readonly detach?: boolean } = {}): void {
  const flags = UMOUNT_NOFOLLOW | (options.detach === true ? MNT_DETACH : 0);
  if (calls().umount2(cString(target), flags) < 0) throw new SysError(errno(), "umount", target);
}

/** `chdir(2)` of all threads, behind Node's back: `process.cwd()` does not notice. @throws SysError */
export function chdir(path: ByteString): void {
  if (calls().chdir(cString(path)) < 0) throw new SysError(errno(), "chdir", path);
}

/** `fchdir(2)` of all threads, behind Node's back. @throws SysError */
export function fchdir(fd: number): void {
  if (calls().fchdir(fd) < 0) throw new SysError(errno(), "fchdir");
}
