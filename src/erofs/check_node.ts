/** Refuses what the format, or Linux itself, cannot express, before it is cut off silently. */
import { Failure } from "../errors.ts";
import { type Inode, pathOf } from "./inode.ts";

const goodTarget = /^[\x01-\xff]{1,4095}$/;
/** All ones is "no user": chown(2) takes it for "leave as it is". */
const maxId = 0xffff_fffe;

export function checkNode(inode: Inode): void {
  const { node } = inode;
  if (!within(node.mode, 0o7777)) refuse(inode, `mode ${node.mode}`);
  if (!within(node.uid, maxId)) refuse(inode, `uid ${node.uid}`);
  if (!within(node.gid, maxId)) refuse(inode, `gid ${node.gid}`);
  if (!Number.isSafeInteger(node.mtime)) refuse(inode, `mtime ${node.mtime}`);
  if (!within(node.mtimeNs, 999_999_999)) refuse(inode, `mtime of ${node.mtimeNs} ns`);
  if (node.kind === "file") {
    if (!within(node.size, Number.MAX_SAFE_INTEGER)) refuse(inode, `size ${node.size}`);
  } else if (node.kind === "symlink") {
    if (!goodTarget.test(node.target)) refuse(inode, `target of ${node.target.length} bytes`);
  } else if (node.kind !== "directory") {
    if (!within(node.rdevMajor, 0xfff)) refuse(inode, `major device number ${node.rdevMajor}`);
    if (!within(node.rdevMinor, 0xf_ffff)) refuse(inode, `minor device number ${node.rdevMinor}`);
  }
}

function within(value: number, max: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= max;
}

function refuse(inode: Inode, what: string): never {
  throw new Failure("invalid", `${inode.node.kind} ${pathOf(inode)} cannot have ${what}`);
}
