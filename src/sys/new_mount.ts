/**
 * Mounting in steps, through descriptors (Linux 5.2): a mount is made in no tree and then put somewhere. One that
 * was put nowhere ends with its last descriptor.
 */
import type { ByteString } from "../byte_string.ts";
import { cString } from "./c_string.ts";
import { AT_FDCWD, O_CLOEXEC } from "./constants.ts";
import { declareCalls, errno, syscallNumber } from "./libc.ts";
import type { MountAttributes } from "./mount_attributes.ts";
import {
  fsconfigCreate,
  fsconfigFd,
  fsconfigFlag,
  fsconfigString,
  fsmount,
  fsopen,
} from "./mount_context.ts";
import { close } from "./open.ts";
import { SysError } from "./sys_error.ts";

// glibc has functions for these since 2.36 only.
const calls = declareCalls(
  {
    moveMount: ["long", "long", "int", "const char *", "int", "const char *", "uint32_t"],
    openTree: ["long", "long", "int", "const char *", "uint32_t"],
  },
  { moveMount: "syscall", openTree: "syscall" },
);

/** One option: a string, an open file, or true for one that has no value. Keys may come again, in order. */
export type MountParameter = readonly [key: ByteString, value: ByteString | { readonly fd: number } | true];

/**
 * {@link fsopen} to {@link fsmount} in one go: a new mount that is in no tree yet. The caller closes the descriptor;
 * the mount ends with it unless {@link moveMount} put it somewhere. @throws SysError with the kernel's words
 */
export function newMount(
  type: ByteString,
  parameters: readonly MountParameter[],
  attributes: MountAttributes = {},
): number {
  const context = fsopen(type);
  try {
    for (const [key, value] of parameters) {
      if (value === true) fsconfigFlag(context, key);
      else if (typeof value === "string") fsconfigString(context, key, value);
      else fsconfigFd(context, key, value.fd);
    }
    fsconfigCreate(context, type);
    return fsmount(context, attributes);
  } finally {
    close(context);
  }
}

const MOVE_MOUNT_F_EMPTY_PATH = 4;

/**
 * Puts a mount at `target`, where a final symlink is EINVAL. The descriptor stays the caller's to
 * close, and the mount stays without it. @throws SysError
 */
export function moveMount(mountFd: number, target: ByteString): void {
  const number = syscallNumber("move_mount");
  const to = cString(target);
  if (calls().moveMount(number, mountFd, "", AT_FDCWD, to, MOVE_MOUNT_F_EMPTY_PATH) < 0) {
    throw new SysError(errno(), "move_mount", target);
  }
}

const OPEN_TREE_CLONE = 1;
const AT_RECURSIVE = 0x8000;

/**
 * A descriptor of the directory or file at `path`, which the caller closes.
 * @param options.clone of a new mount of it that is in no tree yet, as MS_BIND would make
 * @param options.recursive with the mounts below (only with `clone`), as MS_REC
 * @throws SysError
 */
export function openTree(
  path: ByteString,
  options: { readonly clone?: boolean; readonly recursive?: boolean } = {},
): number {
  const clone = options.clone === true ? OPEN_TREE_CLONE : 0;
  const flags = O_CLOEXEC | clone | (options.recursive === true ? AT_RECURSIVE : 0);
  const fd = calls().openTree(syscallNumber("open_tree"), AT_FDCWD, cString(path), flags);
  if (fd < 0) throw new SysError(errno(), "open_tree", path);
  return fd;
}
