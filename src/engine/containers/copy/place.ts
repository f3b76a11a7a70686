/**
 * A file or directory to copy from, found once and then read by descriptor: paths are resolved by the kernel inside a
 * root, so that a symlink of a container's never leads to this machine's files.
 */
import { posix } from "node:path";
import { fromText, toText } from "../../../byte_string.ts";
import { Failure, isFailure } from "../../../errors.ts";
import * as sys from "../../../sys/index.ts";
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
