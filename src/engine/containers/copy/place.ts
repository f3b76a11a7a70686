/**
 * A file or directory to copy from, found once and then read by descriptor: paths are resolved by the kernel inside a
 * root, so that a symlink of a container's never leads to this machine's files.
 */
import { posix } from "node:path";
import { fromText, toText, type ByteString } from "../../../byte_string.ts";
import { Failure, isFailure } from "../../../errors.ts";
import { treeTar } from "../../../layer/index.ts";
import * as sys from "../../../sys/index.ts";
import { packTar, readTar, type PackedEntry, type TarEntry } from "../../../tar/index.ts";
import { asContent, asDirectory, lastName } from "./path_words.ts";

/** What Docker's API sends as `X-Docker-Container-Path-Stat`. */
export interface PathStat {
  readonly name: string;
  readonly kind: "file" | "directory" | "symlink" | "other";
  /** Bytes. */
  readonly size: number;
  /** Permission bits. */
  readonly mode: number;
  /** Seconds since 1970. */
  readonly mtime: number;
  /** Target of a symlink, verbatim; else "". */
  readonly linkTarget: string;
}

/** A name in an open directory. */
export interface Place extends Disposable {
  /** Descriptor of the directory. */
  readonly parent: number;
  readonly name: string;
  /** What the archive of it calls it: `.` where the path asks for a directory's content only, `/` for the root. */
  readonly shown: string;
  /** The path as it was asked for, for messages. */
  readonly path: string;
}

/**
 * Opens the directory that holds `path`; `path` itself need not exist. A symlink at its end is followed only if the path
 * asks for a directory (`a/`, `a/.`). Throws `Failure("invalid")` where such a path leads to no directory.
 * @param missing the failure for a way that does not exist
 * @param as how it was asked for, where `path` is another spelling of that
 */
export function openPlace(
  root: string,
  path: string,
  missing: (cause?: unknown) => Failure,
  as = path,
): Place {
  const clean = posix.join("/", path);
  const inside = clean.replace(/\/$/, "") || "/";
  const whole = asDirectory(path) || inside === "/";
  const directory = whole ? inside : posix.dirname(inside);
  const rootFd = sys.openAt(sys.AT_FDCWD, fromText(root), sys.O_PATH | sys.O_DIRECTORY);
  try {
    const parent = sys.openIn(rootFd, fromText(directory), sys.O_PATH | sys.O_DIRECTORY);
    const name = whole ? "." : posix.basename(inside);
    const isRoot = posix.join("/", as, "/") === "/";
    const shown = isRoot && !asContent(as) ? "/" : lastName(as);
    return { parent, name, shown, path: as, [Symbol.dispose]: () => sys.close(parent) };
  } catch (error) {
    if (sys.isSysError(error, "ENOTDIR")) {
      throw new Failure("invalid", `lstat ${as}: not a directory`, { cause: error });
    }
    throw isFailure(error, "not-found") ? missing(error) : error;
  } finally {
    sys.close(rootFd);
  }
}

/** What is there; undefined: nothing. */
export function statPlace(place: Place): PathStat | undefined {
  const name = fromText(place.name);
  const stat = sys.statAtIfExists(place.parent, name);
  if (stat === undefined) return undefined;
  const kind = kindOf(stat.mode);
  return {
    name: place.shown,
    kind,
    size: stat.size,
    mode: stat.mode & 0o7777,
    mtime: stat.mtime,
    linkTarget: kind === "symlink" ? toText(sys.readlinkAt(place.parent, name)) : "",
  };
}

function kindOf(mode: number): PathStat["kind"] {
  switch (mode & sys.S_IFMT) {
    case sys.S_IFREG:
      return "file";
    case sys.S_IFDIR:
      return "directory";
    case sys.S_IFLNK:
      return "symlink";
    default:
      return "other";
  }
}

/** The place as a tar whose entries begin with the name that it shows. */
export async function* placeTar(
  place: Place,
  stat: PathStat,
  options: { readonly signal: AbortSignal },
): AsyncGenerator<Uint8Array, void, undefined> {
  yield* packTar(placeEntries(place, stat, options), { nanoseconds: true });
}

async function* placeEntries(
  place: Place,
  stat: PathStat,
  options: { readonly signal: AbortSignal },
): AsyncGenerator<PackedEntry, void, undefined> {
  const head = headOf(place, stat);
  switch (stat.kind) {
    case "symlink":
      yield { entry: { ...head, type: "symlink", linkPath: fromText(stat.linkTarget) } };
      return;
    case "file":
      yield { entry: { ...head, size: stat.size }, body: contentOf(place, stat.size) };
      return;
    case "directory":
      yield { entry: { ...head, path: inside(head.path, ""), type: "directory" } };
      yield* below(place, options);
      return;
    case "other":
      yield { entry: { ...head, ...specialOf(place) } };
  }
}

function headOf(place: Place, stat: PathStat): TarEntry {
  const { uid, gid, mtime, mtimeNs } = sys.statAt(place.parent, fromText(place.name));
  return {
    path: fromText(place.shown),
    type: "file",
    linkPath: "",
    mode: stat.mode,
    uid,
    gid,
    uname: "",
    gname: "",
    size: 0,
    mtime,
    mtimeNs,
    devMajor: 0,
    devMinor: 0,
  };
}

/** The root is `/` itself, and what it holds `/bin`. */
function inside(directory: ByteString, path: ByteString): ByteString {
  return directory.endsWith("/") ? `${directory}${path}` : `${directory}/${path}`;
}

/** @throws Failure("unsupported") for a socket, of which a tar knows nothing */
function specialOf(place: Place): Pick<TarEntry, "type" | "devMajor" | "devMinor"> {
  const { mode, rdevMajor: devMajor, rdevMinor: devMinor } = sys.statAt(place.parent, fromText(place.name));
  const type = specialTypes.get(mode & sys.S_IFMT);
  if (type !== undefined) return { type, devMajor, devMinor };
  throw new Failure("unsupported", `cannot copy ${place.path}: sockets not supported`);
}

const specialTypes: ReadonlyMap<number, TarEntry["type"]> = new Map([
  [sys.S_IFIFO, "fifo"],
  [sys.S_IFCHR, "char"],
  [sys.S_IFBLK, "block"],
]);

async function* below(
  place: Place,
  options: { readonly signal: AbortSignal },
): AsyncGenerator<PackedEntry, void, undefined> {
  const shown = fromText(place.shown);
  const flags = sys.O_RDONLY | sys.O_DIRECTORY | sys.O_NOFOLLOW;
  const fd = sys.openAt(place.parent, fromText(place.name), flags);
  try {
    // The descriptor names the directory that was found, wherever its path leads by now.
    for await (const { entry, body } of readTar(treeTar(`/proc/self/fd/${fd}`, options))) {
      const linkPath = entry.type === "hardlink" ? inside(shown, entry.linkPath) : entry.linkPath;
      yield { entry: { ...entry, path: inside(shown, entry.path), linkPath }, body };
    }
  } finally {
    sys.close(fd);
  }
}

const readSize = 1 << 20;

async function* contentOf(place: Place, size: number): AsyncGenerator<Uint8Array, void, undefined> {
  const fd = sys.openRegular(place.parent, fromText(place.name));
  if (fd === undefined) throw new Failure("corrupt", `${place.path} is no file any more`);
  try {
    for (let left = size; left > 0;) {
      const buffer = Buffer.allocUnsafeSlow(Math.min(readSize, left));
      const count = sys.read(fd, buffer, 0, buffer.length);
      if (count === 0) throw new Failure("corrupt", `${place.path} shrank while it was copied`);
      left -= count;
      yield buffer.subarray(0, count);
    }
  } finally {
    sys.close(fd);
  }
}
