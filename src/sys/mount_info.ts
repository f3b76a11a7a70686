/** The mounts that this process sees: proc_pid_mountinfo(5). */
import { readFileSync } from "node:fs";
import type { ByteString } from "../byte_string.ts";

export interface MountInfo {
  readonly id: number;
  readonly parentId: number;
  /** `major:minor` of the file system. */
  readonly device: string;
  /** The directory of the file system that is seen at `mountPoint`. */
  readonly root: ByteString;
  readonly mountPoint: ByteString;
  /** Per mount: `rw,relatime`. */
  readonly options: string;
  /** `shared:N`, `master:N`, ... */
  readonly propagation: readonly string[];
  readonly type: string;
  readonly source: ByteString;
  /** Of the file system: `rw,lowerdir=...`. */
  readonly superOptions: ByteString;
}

/** Space, tab, LF and backslash are written as three octal digits (fs/proc_namespace.c, mangle). */
function unescape(field: string): ByteString {
  return field.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 8)));
}

/** `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue` */
export function parseMountInfo(text: ByteString): MountInfo[] {
  const mounts: MountInfo[] = [];
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const fields = line.split(" ");
    const dash = fields.indexOf("-", 6);
    const field = (index: number): string => fields[index] ?? "";
    mounts.push({
      id: Number(field(0)),
      parentId: Number(field(1)),
      device: field(2),
      root: unescape(field(3)),
      mountPoint: unescape(field(4)),
      options: field(5),
      propagation: fields.slice(6, dash),
      type: field(dash + 1),
      source: unescape(field(dash + 2)),
      superOptions: unescape(field(dash + 3)),
    });
  }
  return mounts;
}

/** All mounts of this process's namespace, oldest first within one parent. */
export function mountInfo(): MountInfo[] {
  return parseMountInfo(readFileSync("/proc/self/mountinfo", "latin1"));
}
