/** A tar entry of which only the usual is said. */
import type { ByteString } from "../byte_string.ts";
import type { EntryType, TarEntry } from "../tar/index.ts";

/** Owned by root, empty. @param mtime seconds since 1970 */
export function bareEntry(path: ByteString, type: EntryType, mode: number, mtime: number): TarEntry {
  return {
    path,
    type,
    mode,
    mtime,
    mtimeNs: 0,
    linkPath: "",
    size: 0,
    uid: 0,
    gid: 0,
    uname: "",
    gname: "",
    devMajor: 0,
    devMinor: 0,
  };
}
