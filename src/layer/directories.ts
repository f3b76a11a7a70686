/** Open directories of a layer that is being unpacked: each path is resolved once, by the kernel, inside the root. */
import type { ByteString } from "../byte_string.ts";
import { Failure } from "../errors.ts";
import * as sys from "../sys/index.ts";
import { childOf, nameOf, parentOf, shown } from "./layer_path.ts";
import { danglingParent, notADirectory } from "./refusals.ts";

export interface Directory {
  /** Opened with O_PATH: good for all `*at()` calls, not for reading. */
  readonly fd: number;
  /** Whether and to which group new names belong that are made in it: the set-group-id bit (inode(7)). */
  readonly groupOfNew: number | undefined;
  /** Where it really lies inside the root, symlinks resolved; only filled where {@link DirectoriesOptions.real}. */
  readonly real: ByteString;
}

export interface DirectoriesOptions {
  /** Look up where each directory really lies. */
  readonly real: boolean;
  /** Called when a parent had to be made, with its real path where that is looked up, else as spelled. */
  readonly onImplied: (path: ByteString) => void;
  /** Called when a directory is opened, with its real path, if that is looked up. */
  readonly onOpened: (real: ByteString, stat: sys.Stat) => void;
  /** Called for a part that is no directory; true if it has made one of it. */
  readonly onObstacle: (path: ByteString) => boolean;
  readonly umask: number;
}

/** Parents that tars do not list are made with this mode, owned by root (as Docker, `ImpliedDirectoryMode`). */
const impliedMode = 0o755;
/** A tar goes through its tree in depth-first order as a rule, so that few directories are in use at once. */
const capacity = 128;

const pathFlags = sys.O_PATH | sys.O_DIRECTORY;

/** Least recently used go first. Must be {@link flush}ed whenever a directory or symlink is taken away. */
export class Directories {
  readonly root: Directory;
  readonly #rootPath: ByteString;
  readonly #options: DirectoriesOptions;
  readonly #open = new Map<ByteString, Directory>();
  #currentPath: ByteString | undefined;
  #current: Directory | undefined;
  #held: Directory | undefined;

  /** @param rootFd stays the caller's */
  constructor(rootFd: number, options: DirectoriesOptions) {
    this.#options = options;
    this.#rootPath = options.real ? sys.readlinkAt(sys.AT_FDCWD, `/proc/self/fd/${rootFd}`) : "";
    this.root = { fd: rootFd, groupOfNew: groupOfNew(sys.fstat(rootFd)), real: "" };
  }

  /**
   * The directory at `path`, made with its parents if it is missing. Symlinks on the way are followed inside the root.
   * @throws Failure("invalid") where a part is a file, or a symlink to nothing (behaviours B013, B014)
   */
  obtain(path: ByteString): Directory {
    return this.#find(path) ?? this.#make(path);
  }

  /** The directory at `path`, or undefined where it is missing. @throws Failure("invalid") where a part is a file */
  find(path: ByteString): Directory | undefined {
    return this.#find(path);
  }

  /**
   * Forgets all that is open, because what paths mean may have changed.
   * @param held the directory in which the caller is at work: it stays open until the next flush
   */
  flush(held?: Directory): void {
    const fds = new Set(
      [...this.#open.values(), ...(this.#held === undefined ? [] : [this.#held])].map(({ fd }) => fd),
    );
    this.#open.clear();
    this.#currentPath = undefined;
    this.#held = held === this.root ? undefined : held;
    for (const fd of fds) if (fd !== this.#held?.fd) sys.close(fd);
  }

  #find(path: ByteString): Directory | undefined {
    if (path === this.#currentPath) return this.#current;
    if (path === "") return this.root;
    const known = this.#open.get(path);
    if (known !== undefined) {
      // A Map keeps the order of insertion: in again at the end means "used last".
      this.#open.delete(path);
      return this.#remember(path, known);
    }
    const fd = this.#openPath(path);
    return fd === undefined ? undefined : this.#remember(path, this.#describe(fd));
  }

  #remember(path: ByteString, directory: Directory): Directory {
    this.#open.set(path, directory);
    this.#currentPath = path;
    this.#current = directory;
    if (this.#open.size > capacity) {
      const [oldest, { fd }] = this.#open.entries().next().value as [ByteString, Directory];
      this.#open.delete(oldest);
      sys.close(fd);
    }
    return directory;
  }

  #openPath(path: ByteString): number | undefined {
    for (let last = ""; ;) {
      try {
        return sys.openIn(this.root.fd, path, pathFlags);
      } catch (error) {
        if (sys.isSysError(error, "ENOENT")) return undefined;
        if (!sys.isSysError(error, "ENOTDIR", "ELOOP")) throw error;
        const obstacle = error.code === "ENOTDIR" ? this.#obstacle(path) : undefined;
        // The same obstacle twice would go on for ever.
        if (obstacle === undefined || obstacle === last || !this.#options.onObstacle(obstacle)) {
          throw notADirectory(obstacle ?? path, error);
        }
        last = obstacle;
      }
    }
  }

  /** The first part of `path` that is neither a directory nor a symlink. */
  #obstacle(path: ByteString): ByteString | undefined {
    for (let end = path.indexOf("/"); ; end = path.indexOf("/", end + 1)) {
      const part = end < 0 ? path : path.slice(0, end);
      const parent = this.#openQuietly(parentOf(part));
      if (parent === undefined) return part;
      try {
        const kind = (sys.statAtIfExists(parent, nameOf(part))?.mode ?? 0) & sys.S_IFMT;
        if (kind !== sys.S_IFDIR && kind !== sys.S_IFLNK) return part;
      } finally {
        sys.close(parent);
      }
      if (end < 0) return undefined;
    }
  }

  #openQuietly(path: ByteString): number | undefined {
    try {
      return sys.openIn(this.root.fd, path === "" ? "." : path, pathFlags);
    } catch (error) {
      if (sys.isSysError(error)) return undefined;
      throw error;
    }
  }

  #make(path: ByteString): Directory {
    const parent = this.obtain(parentOf(path));
    const name = nameOf(path);
    try {
      sys.mkdirAt(parent.fd, name, impliedMode);
    } catch (error) {
      // It exists and yet could not be opened: a symlink to something that is not in this layer.
      if (sys.isSysError(error, "EEXIST")) throw danglingParent(path, error);
      throw error;
    }
    if ((impliedMode & this.#options.umask) !== 0) sys.chmodAt(parent.fd, name, impliedMode);
    if (parent.groupOfNew !== undefined) sys.chownAt(parent.fd, name, process.geteuid!(), process.getegid!());
    this.#options.onImplied(this.#options.real ? childOf(parent.real, name) : path);
    const made = this.#find(path);
    if (made === undefined)
      throw new Failure("internal", `directory ${shown(path)} vanished after it was made`);
    return made;
  }

  #describe(fd: number): Directory {
    const stat = sys.fstat(fd);
    if (!this.#options.real) return { fd, groupOfNew: groupOfNew(stat), real: "" };
    const real = this.#realPath(fd);
    this.#options.onOpened(real, stat);
    return { fd, groupOfNew: groupOfNew(stat), real };
  }

  #realPath(fd: number): ByteString {
    return sys.readlinkAt(sys.AT_FDCWD, `/proc/self/fd/${fd}`).slice(this.#rootPath.length + 1);
  }
}

function groupOfNew({ mode, gid }: sys.Stat): number | undefined {
  return (mode & 0o2000) === 0 ? undefined : gid;
}
