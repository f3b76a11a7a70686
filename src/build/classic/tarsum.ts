/**
 * Docker's checksum of one file in a build context: sha256 over chosen fields of a tar header, then the content
 * (moby 20.10, pkg/tarsum/versioning.go, `WriteV1Header`). The time is not among the fields.
 */
import { createHash, type Hash } from "node:crypto";
import type { ByteString } from "../../byte_string.ts";
import type { OwnerNames } from "./owner_names.ts";
import type { SourceKind, SourceStat } from "../source/types.ts";

export interface SummedHeader {
  /** A directory's ends in a slash. */
  readonly name: ByteString;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes; 0 for all but files with content. */
  readonly size: number;
  /** Tar's type letter. */
  readonly type: string;
  readonly linkName: ByteString;
  readonly userName: ByteString;
  readonly groupName: ByteString;
  readonly devMajor: number;
  readonly devMinor: number;
  /** The one extended attribute that Docker sends. */
  readonly capability?: Uint8Array | undefined;
}

/** A hasher that has the header already; the content is still to come. */
export function tarsum(header: SummedHeader): Hash {
  const { name, mode, uid, gid, size, type, linkName, userName, groupName } = header;
  const hash = createHash("sha256").update(
    `name${name}mode${mode}uid${uid}gid${gid}size${size}typeflag${type}linkname${linkName}` +
      `uname${userName}gname${groupName}devmajor${header.devMajor}devminor${header.devMinor}`,
    "latin1",
  );
  const { capability } = header;
  if (capability !== undefined) hash.update("security.capability").update(capability);
  return hash;
}

const types: Readonly<Record<SourceKind, string>> = {
  file: "0",
  directory: "5",
  symlink: "2",
  char: "3",
  block: "4",
  fifo: "6",
  socket: "",
};

/** Type bits of `st_mode`, which some of Docker's programs leave in the header's mode. */
const typeBits: Readonly<Record<SourceKind, number>> = {
  file: 0o100000,
  directory: 0o040000,
  symlink: 0o120000,
  char: 0o020000,
  block: 0o060000,
  fifo: 0o010000,
  socket: 0o140000,
};

/** The header that Go's `tar.FileInfoHeader` makes of a file, as Docker fills it up. */
export function headerOf(
  path: ByteString,
  stat: SourceStat,
  options: {
    readonly typeBits: boolean;
    readonly names?: OwnerNames | undefined;
    readonly capability?: Uint8Array | undefined;
  },
): SummedHeader {
  const device = stat.kind === "char" || stat.kind === "block";
  return {
    name: stat.kind === "directory" ? `${path}/` : path,
    mode: stat.mode | (options.typeBits ? typeBits[stat.kind] : 0),
    uid: stat.uid,
    gid: stat.gid,
    size: stat.kind === "file" ? stat.size : 0,
    type: types[stat.kind],
    linkName: "",
    userName: options.names?.user(stat.uid) ?? "",
    groupName: options.names?.group(stat.gid) ?? "",
    devMajor: device ? stat.devMajor : 0,
    devMinor: device ? stat.devMinor : 0,
    capability: options.capability === undefined ? undefined : withoutRootId(options.capability),
  };
}

/** Revision 3 of a capability names a user namespace's root; Docker sends revision 2, which is without its last word. */
function withoutRootId(capability: Uint8Array): Uint8Array {
  if (capability[3] !== 3) return capability;
  const shorter = Uint8Array.from(capability.subarray(0, 20));
  shorter[3] = 2;
  return shorter;
}
