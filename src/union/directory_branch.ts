/** A branch that is a directory of this machine, for reading. Needs Linux. */
import { type ByteString, fromText } from "../byte_string.ts";
import { Failure } from "../errors.ts";
import * as sys from "../sys/index.ts";
import { nameOf, parentOf } from "./path.ts";
import type { Branch, DirectoryEntry, NodeKind, NodeStat, Spelling } from "./types.ts";
import { UnionError } from "./union_error.ts";

const kinds: Record<number, NodeKind> = {
  [sys.S_IFREG]: "file",
  [sys.S_IFDIR]: "directory",
  [sys.S_IFLNK]: "symlink",
  [sys.S_IFCHR]: "char",
  [sys.S_IFBLK]: "block",
  [sys.S_IFIFO]: "fifo",
  [sys.S_IFSOCK]: "socket",
};

function kindOf(mode: number): NodeKind {
  return kinds[mode & sys.S_IFMT] ?? "socket";
}

/**
 * The directory is held open until it is disposed. The kernel resolves every path beneath it without following a
 * symlink, so that nothing outside is ever read, whatever is changed there meanwhile.
 */
export class DirectoryBranch implements Branch, Disposable {
  readonly spelling?: Spelling;
  readonly #directories: sys.OpenDirectories;

  /** @throws SysError if there is no such directory; Failure("unsupported") away from Linux */
  constructor(directory: string, options: { readonly spelling?: Spelling } = {}) {
    if (options.spelling !== undefined) this.spelling = options.spelling;
    // Few: there may be more than a hundred branches in one view.
    this.#directories = new sys.OpenDirectories(fromText(directory), { access: sys.O_PATH, kept: 4 });
  }

  [Symbol.dispose](): void {
    this.#directories[Symbol.dispose]();
  }

  stat(path: ByteString): NodeStat | undefined {
    const stat = this.#inParent(path, (dirfd, name) => sys.statAtIfExists(dirfd, name));
    if (stat === undefined) return undefined;
    const kind = kindOf(stat.mode);
    const size = kind === "file" || kind === "symlink" ? stat.size : 0;
    return { ...stat, kind, mode: stat.mode & 0o7777, size };
  }

  list(path: ByteString): DirectoryEntry[] {
    const fd = sys.openBeneath(
      this.#directories.root,
      path === "" ? "." : path,
      sys.O_RDONLY | sys.O_DIRECTORY,
    );
    try {
      return sys.readDir(fd).map(({ name, type }) => ({
        name,
        kind: type === "unknown" ? kindOf(sys.statAt(fd, name).mode) : type,
      }));
    } finally {
      sys.close(fd);
    }
  }

  read(path: ByteString, offset: number, length: number): Uint8Array {
    const fd = sys.openRegular(this.#directories.root, path, sys.openBeneath);
    if (fd === undefined) throw new UnionError("EINVAL", "read", path);
    try {
      const { size } = sys.fstat(fd);
      const bytes = new Uint8Array(Math.max(0, Math.min(length, size - offset)));
      let filled = 0;
      while (filled < bytes.length) {
        const count = sys.pread(fd, bytes.subarray(filled), offset + filled);
        if (count === 0) break;
        filled += count;
      }
      return bytes.subarray(0, filled);
    } finally {
      sys.close(fd);
    }
  }

  readLink(path: ByteString): ByteString {
    return this.#existing(path, (dirfd, name) => sys.readlinkAt(dirfd, name));
  }

  xattrs(path: ByteString): ReadonlyMap<ByteString, Uint8Array> {
    return this.#existing(path, (dirfd, name) => {
      const values = new Map<ByteString, Uint8Array>();
      for (const attribute of sys.listXattrAt(dirfd, name)) {
        const value = sys.getXattrAt(dirfd, name, attribute);
        if (value !== undefined) values.set(attribute, value);
      }
      return values;
    });
  }

  #existing<T>(path: ByteString, act: (dirfd: number, name: ByteString) => T): T {
    const result = this.#inParent(path, act);
    if (result === undefined) throw new Failure("not-found", `no directory /${parentOf(path)} in the branch`);
    return result;
  }

  /** Calls `act` with the open directory of `path`; undefined where there is none. */
  #inParent<T>(path: ByteString, act: (dirfd: number, name: ByteString) => T): T | undefined {
    const directory = this.#directories.get(parentOf(path));
    return directory === undefined ? undefined : act(directory, path === "" ? "." : nameOf(path));
  }
}
