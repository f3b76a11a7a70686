/** What a layer that is being unpacked has become so far. */
import type { ByteString } from "../byte_string.ts";
import { isFailure } from "../errors.ts";
import * as sys from "../sys/index.ts";
import { Attributes } from "./attributes.ts";
import { type Directory, Directories } from "./directories.ts";
import { childOf, nameOf, parentOf } from "./layer_path.ts";
import { bothDirectoryAndFile } from "./refusals.ts";
import type { ApplyTarget, WhiteoutStyle } from "./types.ts";
import { opaqueAttribute, opaqueName, whiteoutPrefix } from "./whiteout.ts";

/** The directory of one layer, open, with what has to be known of it until the layer is whole. */
export class LayerTree {
  readonly style: WhiteoutStyle;
  readonly attributes: Attributes;
  readonly rootFd: number;
  readonly directories: Directories;
  /** Layer size so far, bytes (behaviours B135). */
  size = 0;
  /** Names that this layer has hidden, and directories that it has made opaque. */
  readonly whiteouts = new Set<ByteString>();
  readonly opaques = new Set<ByteString>();
  /** Times that directories get when nothing more is made in them. Keys are real paths where the directory is a copy of its parent layer. */
  readonly late = new Map<ByteString, sys.FileTimes>();
  /** Real paths of what this layer wrote into, where lower content lies in the same directory; else undefined. */
  readonly written: Set<ByteString> | undefined;
  #closed = false;

  /** @throws SysError if the directory cannot be opened */
  constructor(target: ApplyTarget) {
    this.style = target.whiteouts;
    this.attributes = new Attributes(target.ownership);
    const path = Buffer.from(target.directory, "utf8").toString("latin1");
    this.rootFd = sys.openAt(sys.AT_FDCWD, path, sys.O_PATH | sys.O_DIRECTORY);
    this.written = target.whiteouts === "remove" ? new Set() : undefined;
    this.directories = new Directories(this.rootFd, {
      real: this.written !== undefined,
      umask: this.attributes.umask,
      onImplied: (path) => this.noteWritten(path),
      onOpened: (real, stat) => this.#keepTimes(real, stat),
      onObstacle: (path) => this.#makeRoomForDirectory(path),
    });
  }

  /** The key of {@link late} and {@link written}. */
  keyOf(directory: Directory, name: ByteString, path: ByteString): ByteString {
    return this.written === undefined ? path : childOf(directory.real, name);
  }

  /** Remembers what this layer wrote, and the directories above it, which must not be taken for lower content. */
  noteWritten(key: ByteString): void {
    if (this.written === undefined) return;
    for (let at = key; at !== "" && !this.written.has(at); at = parentOf(at)) this.written.add(at);
  }

  /** A directory that the tar does not list keeps its times, though what is made in it changes them. */
  #keepTimes(real: ByteString, stat: sys.Stat): void {
    // The root is the driver's; it can be opened by a name, too, through a symlink.
    if (real === "" || this.written?.has(real) || this.late.has(real)) return;
    const { atime, atimeNs, mtime, mtimeNs } = stat;
    this.late.set(real, { atime, atimeNs, mtime, mtimeNs });
  }

  /**
   * Takes away what stands where a new entry is to be made.
   * @returns true if it is a directory that the entry may merge with
   * @throws Failure("invalid") if this layer has used it as a directory and the entry is none
   */
  clearFor(directory: Directory, name: ByteString, path: ByteString, isDirectory: boolean): boolean {
    const old = sys.statAtIfExists(directory.fd, name);
    if (old === undefined) return false;
    const kind = old.mode & sys.S_IFMT;
    if (kind !== sys.S_IFDIR) {
      this.#removeName(directory, name, old);
      return false;
    }
    if (isDirectory) return true;
    const key = this.keyOf(directory, name, path);
    if (this.written === undefined || this.written.has(key)) {
      throw bothDirectoryAndFile(path);
    }
    this.#removeTree(directory, name);
    return false;
  }

  /** Removes whatever is there: lower content that the layer takes out of its copy. */
  remove(directory: Directory, name: ByteString): void {
    const old = sys.statAtIfExists(directory.fd, name);
    if (old === undefined) return;
    if ((old.mode & sys.S_IFMT) === sys.S_IFDIR) this.#removeTree(directory, name);
    else this.#removeName(directory, name, old);
  }

  #removeName(directory: Directory, name: ByteString, old: sys.Stat): void {
    sys.unlinkAt(directory.fd, name);
    const kind = old.mode & sys.S_IFMT;
    // In a directory of its own, all that is there was counted; two spellings of one path meet here.
    if (this.written === undefined && old.nlink === 1 && (kind === sys.S_IFREG || kind === sys.S_IFLNK)) {
      this.size -= old.size;
    }
    // A symlink may have been the way to directories that are open.
    if (kind === sys.S_IFLNK) this.directories.flush(directory);
  }

  #removeTree(directory: Directory, name: ByteString): void {
    sys.removeTreeAt(directory.fd, name);
    this.forget(childOf(directory.real, name));
    this.directories.flush(directory);
  }

  /** Drops what was to happen at the end to a directory that is gone. */
  forget(key: ByteString): void {
    this.late.delete(key);
  }

  /** A whiteout in the way of a path: the tar hides a name and then fills it anew. True if there was one. */
  #makeRoomForDirectory(path: ByteString): boolean {
    if (!this.whiteouts.has(path)) return false;
    const parent = this.directories.obtain(parentOf(path));
    this.dropWhiteout(parent, path);
    // Made, with the usual attributes of a parent that the tar does not list.
    this.markOpaque(this.directories.obtain(path), path);
    return true;
  }

  /** Takes a whiteout of this layer back. @param parent the directory of `path` */
  dropWhiteout(parent: Directory, path: ByteString): void {
    const name = nameOf(path);
    this.whiteouts.delete(path);
    sys.unlinkAt(parent.fd, this.style === "aufs" ? whiteoutPrefix + name : name);
  }

  /** Marks that nothing lower shows through in `directory`, which is at `path`. */
  markOpaque(directory: Directory, path: ByteString): void {
    this.opaques.add(path);
    switch (this.style) {
      case "overlay":
      case "overlay-user":
        return sys.setXattrAt(directory.fd, ".", opaqueAttribute(this.style), Buffer.from("y"));
      case "aufs":
        return sys.close(
          sys.openAt(directory.fd, opaqueName, sys.O_CREAT | sys.O_WRONLY | sys.O_NOFOLLOW, 0o644),
        );
      case "remove":
        return;
    }
  }

  /** Whether the kernel would take this for a whiteout. */
  isWhiteout({ mode, rdevMajor, rdevMinor }: sys.Stat): boolean {
    const overlay = this.style === "overlay" || this.style === "overlay-user";
    return overlay && (mode & sys.S_IFMT) === sys.S_IFCHR && rdevMajor === 0 && rdevMinor === 0;
  }

  /** Whether `path` lies in a directory whose lower content is hidden anyway. */
  isInsideOpaque(path: ByteString): boolean {
    if (this.opaques.size === 0) return false;
    for (let at = path; at !== "";) {
      at = parentOf(at);
      if (this.opaques.has(at)) return true;
    }
    return false;
  }

  /**
   * Completes the tree: whiteouts in opaque directories go, since the kernel would list them though they hide nothing;
   * directories get their times, now that nothing more is made in them.
   */
  finish(): void {
    for (const path of this.whiteouts) {
      if (this.isInsideOpaque(path)) this.dropWhiteout(this.directories.obtain(parentOf(path)), path);
    }
    for (const [path, times] of this.late) {
      const parent = this.#findQuietly(parentOf(path));
      const name = nameOf(path);
      // What was reached through a symlink may be out of reach by now, and what lay in a copy may be replaced.
      if (parent !== undefined && isDirectory(parent, name)) sys.utimensAt(parent.fd, name, times);
    }
  }

  #findQuietly(path: ByteString): Directory | undefined {
    try {
      return this.directories.find(path);
    } catch (error) {
      if (isFailure(error, "invalid")) return undefined;
      throw error;
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.directories.flush();
    this.directories.flush();
    sys.close(this.rootFd);
  }
}

function isDirectory(parent: Directory, name: ByteString): boolean {
  const stat = sys.statAtIfExists(parent.fd, name);
  return stat !== undefined && (stat.mode & sys.S_IFMT) === sys.S_IFDIR;
}
