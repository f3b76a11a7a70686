/** What one mount of a file system allows, whatever the file system itself allows. */
import { AT_EMPTY_PATH } from "./constants.ts";
import { declareCalls, errno, syscallNumber } from "./libc.ts";
import { SysError } from "./sys_error.ts";

const calls = declareCalls(
  { mountSetattr: ["long", "long", "int", "const char *", "uint32_t", "void *", "size_t"] },
  { mountSetattr: "syscall" },
);

/** MOUNT_ATTR_* of one mount; a file system may be read-only as a whole besides (the option "ro"). */
export interface MountAttributes {
  readonly readOnly?: boolean;
  readonly noSuid?: boolean;
  readonly noDev?: boolean;
  readonly noExec?: boolean;
  readonly noAtime?: boolean;
}

/** As the kernel counts them. */
export function attributeBits(attributes: MountAttributes): number {
  return (
    (attributes.readOnly === true ? 1 : 0) |
    (attributes.noSuid === true ? 2 : 0) |
    (attributes.noDev === true ? 4 : 0) |
    (attributes.noExec === true ? 8 : 0) |
    (attributes.noAtime === true ? 16 : 0)
  );
}

/** Adds attributes to an open mount, such as a clone of {@link openTree} (`mount_setattr(2)`, Linux 5.12). @throws SysError */
export function addMountAttributes(mountFd: number, attributes: MountAttributes): void {
  // struct mount_attr { u64 attr_set, attr_clr, propagation, userns_fd }; the time's bits must be cleared to be set.
  const noAtime = attributes.noAtime === true ? 0x70n : 0n;
  const change = new BigUint64Array([BigInt(attributeBits(attributes)), noAtime, 0n, 0n]);
  const number = syscallNumber("mount_setattr");
  if (calls().mountSetattr(number, mountFd, "", AT_EMPTY_PATH, change, 32) < 0) {
    throw new SysError(errno(), "mount_setattr");
  }
}
