/** Makes files, directories, links and nodes as tar entries say. */
import type { ByteString } from "../byte_string.ts";
import * as sys from "../sys/index.ts";
import type { TarEntry } from "../tar/index.ts";
import type { Directory } from "./directories.ts";
import { layerPath, nameOf, parentOf } from "./layer_path.ts";
import type { LayerTree } from "./layer_tree.ts";
import { impossibleDevice, impossibleTarget, isTarget, missingTarget, notLinkable } from "./refusals.ts";

const createFlags = sys.O_CREAT | sys.O_EXCL | sys.O_WRONLY | sys.O_NOFOLLOW;

/**
 * One method a kind of entry. Each makes the name, O_EXCL or its like, so that what is there already (lower content
 * in a copy, or the same place under two spellings) is only ever replaced on purpose: {@link LayerTree.clearFor}.
 */
export class EntryWriter {
  readonly #tree: LayerTree;
  #fd = -1;
  #entry: TarEntry | undefined;
  #chowned = false;
  #written = 0;

  constructor(tree: LayerTree) {
    this.#tree = tree;
  }

  /** Creates a file; {@link write} and {@link endFile} follow. Owner first: writing does not need it, but it resets. */
  beginFile(directory: Directory, name: ByteString, path: ByteString, entry: TarEntry): void {
    const { attributes, written } = this.#tree;
    this.#fd = this.#createFile(directory, name, path, attributes.modeOf(entry));
    this.#entry = entry;
    this.#written = 0;
    this.#chowned = attributes.ownerDiffers(directory, name, entry);
    if (this.#chowned) attributes.ownFile(this.#fd, entry);
    this.#tree.size += entry.size;
    if (written !== undefined) this.#tree.noteWritten(this.#tree.keyOf(directory, name, path));
  }

  #createFile(directory: Directory, name: ByteString, path: ByteString, mode: number): number {
    try {
      return sys.openAt(directory.fd, name, createFlags, mode);
    } catch (error) {
      if (!sys.isSysError(error, "EEXIST")) throw error;
      this.#tree.clearFor(directory, name, path, false);
      return sys.openAt(directory.fd, name, createFlags, mode);
    }
  }

  /** @param offset place in the file; what lies between two writes becomes a hole */
  write(chunk: Uint8Array, offset: number): void {
    if (offset === this.#written) sys.write(this.#fd, chunk);
    else this.#writeAt(chunk, offset);
    this.#written = offset + chunk.length;
  }

  #writeAt(chunk: Uint8Array, offset: number): void {
    sys.seek(this.#fd, offset, sys.SEEK_SET);
    sys.write(this.#fd, chunk);
  }

  /** Completes the file. Set-id bits, capabilities and times do not survive what went before, so they come now. */
  endFile(): void {
    const { attributes } = this.#tree;
    const entry = this.#entry as TarEntry;
    const fd = this.#fd;
    // A sparse file that ends in a hole.
    if (this.#written < entry.size) sys.truncate(fd, entry.size);
    const mode = attributes.modeOf(entry);
    if (attributes.fileModeDiffers(mode, this.#chowned)) sys.fchmod(fd, mode);
    if (entry.xattrs !== undefined) attributes.fileXattrs(fd, entry.xattrs);
    sys.futimens(fd, timesOf(entry));
    this.#fd = -1;
    sys.close(fd);
  }

  /** Closes a file that will not be completed. */
  abandon(): void {
    if (this.#fd < 0) return;
    sys.close(this.#fd);
    this.#fd = -1;
  }

  directory(directory: Directory, name: ByteString, path: ByteString, entry: TarEntry): void {
    const { attributes, directories, late } = this.#tree;
    const mode = attributes.modeOf(entry);
    const merges = this.#makeDirectory(directory, name, path, mode);
    // What was there already may be anybody's.
    if (merges) attributes.chown(directory, name, entry);
    else attributes.own(directory, name, entry);
    if (merges || attributes.directoryModeDiffers(directory, mode)) sys.chmodAt(directory.fd, name, mode);
    if (merges) attributes.dropXattrs(directory, name);
    if (entry.xattrs !== undefined) attributes.xattrs(directory, name, entry.xattrs);
    const key = this.#tree.keyOf(directory, name, path);
    const { atime, atimeNs, mtime, mtimeNs } = timesOf(entry);
    late.set(key, { atime, atimeNs, mtime, mtimeNs });
    this.#tree.noteWritten(key);
    // Those that have it open know an owner and a set-group-id bit that may have changed.
    if (merges) directories.flush(directory);
  }

  /** @returns whether the directory was there already */
  #makeDirectory(directory: Directory, name: ByteString, path: ByteString, mode: number): boolean {
    try {
      sys.mkdirAt(directory.fd, name, mode);
      return false;
    } catch (error) {
      if (!sys.isSysError(error, "EEXIST")) throw error;
      if (this.#tree.clearFor(directory, name, path, true)) return true;
      sys.mkdirAt(directory.fd, name, mode);
      return false;
    }
  }

  symlink(directory: Directory, name: ByteString, path: ByteString, entry: TarEntry): void {
    const { attributes } = this.#tree;
    if (!isTarget(entry.linkPath)) throw impossibleTarget(path, entry.linkPath);
    const make = (): void => sys.symlinkAt(entry.linkPath, directory.fd, name);
    this.#makeName(directory, name, path, make);
    attributes.own(directory, name, entry);
    if (entry.xattrs !== undefined) attributes.xattrs(directory, name, entry.xattrs);
    sys.utimensAt(directory.fd, name, timesOf(entry));
    // vfs counts no symlinks (behaviours B135).
    if (this.#tree.style !== "remove") this.#tree.size += entry.linkPath.length;
  }

  /** A device or fifo; `kind` is S_IFCHR, S_IFBLK or S_IFIFO. What an ordinary user may not make is left out. */
  node(directory: Directory, name: ByteString, path: ByteString, entry: TarEntry, kind: number): void {
    const { attributes } = this.#tree;
    const { devMajor, devMinor, mode } = entry;
    if (devMajor < 0 || devMajor > 0xfff || devMinor < 0 || devMinor > 0xf_ffff) {
      throw impossibleDevice(path, devMajor, devMinor);
    }
    try {
      const make = (): void => sys.mknodAt(directory.fd, name, kind | mode, devMajor, devMinor);
      this.#makeName(directory, name, path, make);
    } catch (error) {
      if (attributes.tolerant && sys.isSysError(error, "EPERM")) return;
      throw error;
    }
    const chowned = attributes.own(directory, name, entry);
    if (attributes.fileModeDiffers(mode, chowned)) sys.chmodAt(directory.fd, name, mode);
    if (entry.xattrs !== undefined) attributes.xattrs(directory, name, entry.xattrs);
    sys.utimensAt(directory.fd, name, timesOf(entry));
  }

  /** A hard link to what `entry.linkPath` names inside the layer; a symlink is itself linked. */
  link(directory: Directory, name: ByteString, path: ByteString, entry: TarEntry): void {
    const target = layerPath(entry.linkPath);
    try {
      this.#makeName(directory, name, path, () => {
        const from = this.#tree.directories.find(parentOf(target));
        if (from === undefined || target === "") throw missingTarget(path, target);
        sys.linkAt(from.fd, nameOf(target), directory.fd, name);
      });
    } catch (error) {
      if (sys.isSysError(error, "ENOENT")) throw missingTarget(path, target, error);
      if (sys.isSysError(error, "EPERM")) throw notLinkable(path, target, error);
      throw error;
    }
    this.#matchLink(directory, name, path, entry);
  }

  /**
   * Docker applies a link's own header to the file that both names share, so the last header counts. Most say the
   * same as the first: one look saves four calls.
   */
  #matchLink(directory: Directory, name: ByteString, path: ByteString, entry: TarEntry): void {
    const { attributes } = this.#tree;
    const stat = sys.statAt(directory.fd, name);
    if (this.#tree.isWhiteout(stat)) {
      sys.unlinkAt(directory.fd, name);
      throw missingTarget(path, layerPath(entry.linkPath));
    }
    const isSymlink = (stat.mode & sys.S_IFMT) === sys.S_IFLNK;
    const chowned =
      (stat.uid !== entry.uid || stat.gid !== entry.gid) && attributes.chown(directory, name, entry);
    const mode = attributes.modeOf(entry);
    if (!isSymlink && (chowned || (stat.mode & 0o7777) !== mode)) sys.chmodAt(directory.fd, name, mode);
    if (chowned && entry.xattrs !== undefined) attributes.xattrs(directory, name, entry.xattrs);
    if (!isSymlink && (stat.mtime !== entry.mtime || stat.mtimeNs !== entry.mtimeNs)) {
      sys.utimensAt(directory.fd, name, timesOf(entry));
    }
  }

  /** Runs `make`; if the name exists already, once more after it was cleared away. */
  #makeName(directory: Directory, name: ByteString, path: ByteString, make: () => void): void {
    try {
      make();
    } catch (error) {
      if (!sys.isSysError(error, "EEXIST")) throw error;
      this.#tree.clearFor(directory, name, path, false);
      make();
    }
    this.#tree.noteWritten(this.#tree.keyOf(directory, name, path));
  }
}

/** Docker sets the later of the two as access time. */
function timesOf(entry: sys.FileTimes): sys.FileTimes {
  const { atime, mtime, mtimeNs } = entry;
  return atime === undefined || atime > mtime ? entry : { mtime, mtimeNs };
}
