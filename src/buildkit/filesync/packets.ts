/** What travels in `moby.filesync.v1.FileSync` and `FileSend` (tonistiigi/fsutil, types/wire.proto and stat.proto). */
import type { SourceKind } from "../../build/index.ts";
import { big, bytes, integer, many, message, one, type Read } from "../../rpc/index.ts";

/**
 * Names are bytes. `mode` is Go's, see {@link kindOf}; `mtime` has nanoseconds; `linkname` of a symlink is its target, of a
 * file another path of it, sent before.
 */
export const Stat = message({
  path: bytes(1),
  mode: integer(2),
  uid: integer(3),
  gid: integer(4),
  size: integer(5),
  mtime: big(6),
  linkname: bytes(7),
  devMajor: integer(8),
  devMinor: integer(9),
  xattrs: many(10, message({ key: bytes(1), value: bytes(2) })),
});

export type FileStat = Read<typeof Stat>;

/** A `stat` without a record ends the list; `data` without bytes a file. Files are numbered as they are listed. */
export const packetTypes = { stat: 0, request: 1, data: 2, end: 3, error: 4 } as const;

export const Packet = message({ type: integer(1), stat: one(2, Stat), id: integer(3), data: bytes(4) });

/** Bits of Go's `fs.FileMode` above the permissions. */
const directory = 2 ** 31;
const symlink = 1 << 27;
const device = 1 << 26;
const fifo = 1 << 25;
const socket = 1 << 24;
const setUid = 1 << 23;
const setGid = 1 << 22;
const charDevice = 1 << 21;
const sticky = 1 << 20;
const irregular = 1 << 19;

const has = (mode: number, bit: number): boolean => Math.floor(mode / bit) % 2 === 1;

/** Undefined: what Go has no name for. */
export function kindOf(mode: number): SourceKind | undefined {
  if (has(mode, directory)) return "directory";
  if (has(mode, symlink)) return "symlink";
  if (has(mode, device)) return has(mode, charDevice) ? "char" : "block";
  if (has(mode, fifo)) return "fifo";
  if (has(mode, socket)) return "socket";
  return has(mode, irregular) ? undefined : "file";
}

/** Permissions as Linux has them. */
export function permissionsOf(mode: number): number {
  const special =
    (has(mode, setUid) ? 0o4000 : 0) | (has(mode, setGid) ? 0o2000 : 0) | (has(mode, sticky) ? 0o1000 : 0);
  return (mode % 0o1000) | special;
}

/** The reverse of both. */
export function goMode(kind: SourceKind, permissions: number): number {
  const special =
    (permissions & 0o4000 ? setUid : 0) |
    (permissions & 0o2000 ? setGid : 0) |
    (permissions & 0o1000 ? sticky : 0);
  return kindBits[kind] + (special | (permissions & 0o777));
}

const kindBits: Readonly<Record<SourceKind, number>> = {
  file: 0,
  directory,
  symlink,
  char: device + charDevice,
  block: device,
  fifo,
  socket,
};
