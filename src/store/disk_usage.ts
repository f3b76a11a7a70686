/** What a tree takes on the disk, counted as du(1) counts it. */
import { setImmediate } from "node:timers/promises";
import { fromText, type ByteString } from "../byte_string.ts";
import {
  AT_FDCWD,
  close,
  isSysError,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_RDONLY,
  openAt,
  readDir,
  statAtIfExists,
  type Stat,
} from "../sys/index.ts";

/** One count over several trees: an inode with several names is counted where it is met first. */
export class DiskUsage {
  /** How many inodes have been counted. */
  inodes = 0;
  readonly #met = new Set<string>();
  /** Told of each name of such an inode, of which `inode` is the same, with its bytes, counted or not. */
  onLinked: ((inode: string, bytes: number) => void) | undefined;
  /** Names that have not been met of each inode with several; undefined: the first one counts. */
  readonly #missing: Map<string, number> | undefined;
  /** Trees that are counted elsewhere. */
  readonly #apart: ReadonlySet<ByteString>;

  /**
   * `apart`: paths that are left out when they are met inside a tree. `whole`: an inode counts where its last name is
   * met, so that the sum is what removing the trees gives back.
   */
  constructor(apart: Iterable<string> = [], { whole = false }: { readonly whole?: boolean } = {}) {
    this.#missing = whole ? new Map() : undefined;
    this.#apart = new Set([...apart].map(fromText));
  }

  /**
   * Bytes in the blocks of `path` and of all below it. Symbolic links are not followed, mount points not entered, and
   * what goes away meanwhile is not counted. Zero for a missing path. @throws SysError
   */
  async of(path: string): Promise<number> {
    // One tree at a time keeps the thread for milliseconds; between trees others have their turn.
    await setImmediate();
    const name = fromText(path);
    const top = statAtIfExists(AT_FDCWD, name);
    return top === undefined ? 0 : this.#count(AT_FDCWD, name, name, top, top.dev);
  }

  #count(dirfd: number, name: ByteString, path: ByteString, stat: Stat, device: number): number {
    // A directory has one name only, whatever its link count says.
    const isDirectory = (stat.mode & 0o170000) === 0o040000;
    if (!isDirectory && stat.nlink > 1) {
      const inode = `${stat.dev} ${stat.ino}`;
      this.onLinked?.(inode, stat.blocks * 512);
      const counts =
        this.#missing === undefined ? !this.#met.has(inode) : this.#isLastName(inode, stat.nlink);
      if (!counts) return 0;
      if (this.#missing === undefined) this.#met.add(inode);
    }
    this.inodes++;
    const own = stat.blocks * 512;
    return isDirectory ? own + this.#countEntries(dirfd, name, path, device) : own;
  }

  #isLastName(inode: string, names: number): boolean {
    const missing = (this.#missing?.get(inode) ?? names) - 1;
    this.#missing?.set(inode, missing);
    return missing === 0;
  }

  #countEntries(dirfd: number, name: ByteString, path: ByteString, device: number): number {
    let fd: number;
    try {
      fd = openAt(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    } catch (error) {
      if (isSysError(error, "ENOENT", "ENOTDIR")) return 0;
      throw error;
    }
    try {
      let sum = 0;
      for (const entry of readDir(fd)) {
        const below = `${path}/${entry.name}`;
        const stat = this.#apart.has(below) ? undefined : statAtIfExists(fd, entry.name);
        if (stat?.dev === device) sum += this.#count(fd, entry.name, below, stat, device);
      }
      return sum;
    } finally {
      close(fd);
    }
  }
}
