/** Listing a directory by its descriptor. */
import type { ByteString } from "../byte_string.ts";
import { SEEK_SET } from "./constants.ts";
import { seek } from "./io.ts";
import { declareCalls, errno, syscallNumber } from "./libc.ts";
import { SysError } from "./sys_error.ts";

const calls = declareCalls(
  { getdents64: ["long", "long", "long", "void *", "size_t"] },
  { getdents64: "syscall" },
);

/** "unknown" where the file system does not tell: ask {@link statAt} then. */
export type DirEntryType =
  "unknown" | "fifo" | "char" | "directory" | "block" | "file" | "symlink" | "socket";

export interface DirEntry {
  readonly name: ByteString;
  readonly type: DirEntryType;
}

/** By DT_* (dirent.h). */
const types: Record<number, DirEntryType> = {
  1: "fifo",
  2: "char",
  4: "directory",
  6: "block",
  8: "file",
  10: "symlink",
  12: "socket",
};

const buffer = Buffer.alloc(64 * 1024);

/** All entries of the directory but "." and "..", in the file system's order, from the start. @throws SysError */
export function readDir(fd: number): DirEntry[] {
  const entries: DirEntry[] = [];
  seek(fd, 0, SEEK_SET);
  for (;;) {
    const count = calls().getdents64(syscallNumber("getdents64"), fd, buffer, buffer.length);
    if (count < 0) throw new SysError(errno(), "getdents64");
    if (count === 0) return entries;
    parse(count, entries);
  }
}

/** `struct linux_dirent64 { u64 ino; s64 off; u16 reclen; u8 type; char name[] }` */
function parse(count: number, entries: DirEntry[]): void {
  for (let at = 0; at < count; at += buffer[at + 16]! | (buffer[at + 17]! << 8)) {
    const start = at + 19;
    const name = buffer.toString("latin1", start, buffer.indexOf(0, start));
    if (name !== "." && name !== "..") entries.push({ name, type: types[buffer[at + 18]!] ?? "unknown" });
  }
}
