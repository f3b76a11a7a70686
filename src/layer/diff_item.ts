/** One entry of a layer tar that is being made from a directory. */
import type { ByteString } from "../byte_string.ts";
import { Failure } from "../errors.ts";
import * as sys from "../sys/index.ts";
import type { EntryType, TarEntry } from "../tar/index.ts";
import { isReserved } from "./attributes.ts";
import { childOf, shown } from "./layer_path.ts";
import { opaqueName, whiteoutPrefix } from "./whiteout.ts";

export interface DiffItem {
  readonly entry: TarEntry;
  /** Docker leaves the type out of the mode of its whiteouts (behaviours B044). */
  readonly typeBits: boolean;
  /** Opens the content of a file that has any; the caller closes it. */
  readonly open?: () => number;
}

/** A name in an open directory. */
export interface Place {
  readonly fd: number;
  readonly name: ByteString;
}

const types: Record<number, EntryType> = {
  [sys.S_IFREG]: "file",
  [sys.S_IFDIR]: "directory",
  [sys.S_IFLNK]: "symlink",
  [sys.S_IFCHR]: "char",
  [sys.S_IFBLK]: "block",
  [sys.S_IFIFO]: "fifo",
};

const maximumPath = 4095;

/** Makes items, and remembers inodes: of several names of one file the first is the file, the others are links. */
export class ItemMaker {
  readonly #links = new Map<string, ByteString>();

  /**
   * The item for what lies at `place`, undefined for a socket, which no tar can hold.
   * @param path in the layer
   * @param content where the content is, if not at `place` (a metacopy)
   * @param attributes names of its extended attributes
   */
  make(
    place: Place,
    path: ByteString,
    stat: sys.Stat,
    content: Place = place,
    attributes = sys.listXattrAt(place.fd, place.name),
  ): DiffItem | undefined {
    const type = types[stat.mode & sys.S_IFMT];
    if (type === undefined) return undefined;
    if (path.length > maximumPath) {
      throw new Failure("limit", `path ${shown(path)} has ${path.length} bytes: no layer can hold it`);
    }
    const entry = plainEntry(path, type, stat);
    const xattrs = attributes.length === 0 ? undefined : readXattrs(place, attributes);
    if (xattrs !== undefined) entry.xattrs = xattrs;
    if (type === "directory") entry.path = `${path}/`;
    else if (stat.nlink > 1 && this.#isLink(entry, stat)) return { entry, typeBits: true };
    if (type === "symlink") entry.linkPath = sys.readlinkAt(place.fd, place.name);
    if (type !== "file" || stat.size === 0) return { entry, typeBits: true };
    const open = (): number => {
      const fd = sys.openRegular(content.fd, content.name);
      if (fd === undefined) throw new Failure("corrupt", `${shown(path)} is no file any more`);
      return fd;
    };
    return { entry, typeBits: true, open };
  }

  #isLink(entry: TarEntry, { dev, ino }: sys.Stat): boolean {
    const key = `${dev}:${ino}`;
    const first = this.#links.get(key);
    if (first === undefined) {
      this.#links.set(key, entry.path);
      return false;
    }
    entry.type = "hardlink";
    entry.linkPath = first;
    entry.size = 0;
    entry.devMajor = entry.devMinor = 0;
    return true;
  }
}

function plainEntry(path: ByteString, type: EntryType, stat: sys.Stat): TarEntry {
  const isDevice = type === "char" || type === "block";
  return {
    path,
    type,
    linkPath: "",
    mode: stat.mode & 0o7777,
    uid: stat.uid,
    gid: stat.gid,
    // Docker writes the host's names for the ids, so that one layer has another diff ID on another host.
    uname: "",
    gname: "",
    size: type === "file" ? stat.size : 0,
    mtime: stat.mtime,
    mtimeNs: stat.mtimeNs,
    devMajor: isDevice ? stat.rdevMajor : 0,
    devMinor: isDevice ? stat.rdevMinor : 0,
  };
}

const capability = "security.capability";
/** linux/capability.h: revision 3 is revision 2 with the user namespace's root appended. */
const revision2 = 2;
const revision3 = 3;
const revision2Size = 20;

/** All attributes that mean something elsewhere. Docker itself keeps `security.capability` only. */
function readXattrs(
  { fd, name }: Place,
  attributes: readonly ByteString[],
): Map<ByteString, Uint8Array> | undefined {
  const found = new Map<ByteString, Uint8Array>();
  for (const attribute of attributes) {
    if (isReserved(attribute)) continue;
    const value = sys.getXattrAt(fd, name, attribute);
    if (value !== undefined) found.set(attribute, attribute === capability ? withoutNamespace(value) : value);
  }
  return found.size === 0 ? undefined : found;
}

/** A root user of this host's namespace means nothing in an image (as Docker, ReadSecurityXattrToTarHeader). */
function withoutNamespace(value: Uint8Array): Uint8Array {
  if (value[3] !== revision3) return value;
  const plain = value.slice(0, revision2Size);
  plain[3] = revision2;
  return plain;
}

/** The entry that hides `name` in `directory`; owner and time are those of the mark, where there is one. */
export function whiteoutItem(
  directory: ByteString,
  name: ByteString,
  mark: Partial<sys.Stat> = {},
): DiffItem {
  const { uid = 0, gid = 0, mtime = 0, mtimeNs = 0 } = mark;
  return markItem(childOf(directory, whiteoutPrefix + name), { mode: 0o600, uid, gid, mtime, mtimeNs });
}

/** The entry that makes `directory` opaque: mode and owner of the directory, no time (behaviours B044). */
export function opaqueItem(directory: ByteString, { mode, uid, gid }: sys.Stat): DiffItem {
  return markItem(childOf(directory, opaqueName), { mode: mode & 0o777, uid, gid, mtime: 0, mtimeNs: 0 });
}

type MarkFields = Pick<TarEntry, "mode" | "uid" | "gid" | "mtime" | "mtimeNs">;

function markItem(path: ByteString, fields: MarkFields): DiffItem {
  const nothing = { linkPath: "", uname: "", gname: "", size: 0, devMajor: 0, devMinor: 0 };
  return { entry: { path, type: "file", ...nothing, ...fields }, typeBits: false };
}
