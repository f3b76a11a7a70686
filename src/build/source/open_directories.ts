/** Directories of a tree, held open while they are used much. */
import type { ByteString } from "../../byte_string.ts";
import * as sys from "../../sys/index.ts";

/** A walk goes back to the parents of a directory, and a build reads in a few places at once. */
const kept = 32;

/** Errors that mean that nothing can be there, whatever is asked for. */
export const nowhere = ["ENOENT", "ENOTDIR", "ELOOP", "EXDEV", "ENAMETOOLONG"] as const;

/** Every path is resolved by the kernel beneath the root, with no symlink in it. */
export class OpenDirectories implements Disposable {
  readonly root: number;
  /** Least recently used first. */
  readonly #open = new Map<ByteString, number>();

  /** @throws SysError if the root is no directory, or not permitted */
  constructor(root: ByteString) {
    this.root = sys.openAt(sys.AT_FDCWD, root, sys.O_RDONLY | sys.O_DIRECTORY);
  }

  [Symbol.dispose](): void {
    for (const fd of this.#open.values()) sys.close(fd);
    this.#open.clear();
    sys.close(this.root);
  }

  /** A descriptor that is good until the next call; undefined where there is no such directory. @throws SysError */
  get(path: ByteString): number | undefined {
    if (path === "") return this.root;
    const known = this.#open.get(path);
    // The one that was used last stays in its place: a walk asks for it a thousand times over.
    if (known !== undefined && this.#last === path) return known;
    this.#open.delete(path);
    const fd = known ?? this.#opened(path);
    if (fd === undefined) return undefined;
    this.#open.set(path, fd);
    this.#last = path;
    if (this.#open.size > kept) this.#closeOldest();
    return fd;
  }

  #last: ByteString | undefined;

  #opened(path: ByteString): number | undefined {
    try {
      return sys.openBeneath(this.root, path, sys.O_RDONLY | sys.O_DIRECTORY);
    } catch (error) {
      if (sys.isSysError(error, ...nowhere)) return undefined;
      throw error;
    }
  }

  #closeOldest(): void {
    for (const [path, fd] of this.#open) {
      this.#open.delete(path);
      sys.close(fd);
      return;
    }
  }
}
