/** Directories of a tree, held open while they are used much. */
import type { ByteString } from "../byte_string.ts";
import { AT_FDCWD, O_DIRECTORY } from "./constants.ts";
import { close, openAt, openBeneath } from "./open.ts";
import { isSysError } from "./sys_error.ts";

export interface OpenDirectoriesOptions {
  /** O_RDONLY, or O_PATH for what is only looked up. */
  readonly access: number;
  /** How many are held open beside the root. A walk goes back to the parents of a directory. */
  readonly kept: number;
}

/**
 * Every path is resolved by the kernel beneath the root, with no symlink in it: nothing outside is ever reached, whatever
 * is changed there meanwhile. What is open stays what it was if another directory takes its name.
 */
export class OpenDirectories implements Disposable {
  readonly root: number;
  readonly #flags: number;
  readonly #kept: number;
  /** Least recently used first, but for the last one. */
  readonly #open = new Map<ByteString, number>();
  #last: ByteString | undefined;

  /** @throws SysError if the root is no directory, or not permitted */
  constructor(root: ByteString, { access, kept }: OpenDirectoriesOptions) {
    this.#flags = access | O_DIRECTORY;
    this.#kept = kept;
    this.root = openAt(AT_FDCWD, root, this.#flags);
  }

  [Symbol.dispose](): void {
    for (const fd of this.#open.values()) close(fd);
    this.#open.clear();
    close(this.root);
  }

  /** A descriptor that is good until the next call; undefined where there is no such directory. @throws SysError */
  get(path: ByteString): number | undefined {
    if (path === "") return this.root;
    const known = this.#open.get(path);
    // A walk asks for the same one a thousand times over.
    if (known !== undefined && this.#last === path) return known;
    this.#open.delete(path);
    const fd = known ?? this.#opened(path);
    if (fd === undefined) return undefined;
    this.#open.set(path, fd);
    this.#last = path;
    if (this.#open.size > this.#kept) this.#closeOldest();
    return fd;
  }

  #opened(path: ByteString): number | undefined {
    try {
      return openBeneath(this.root, path, this.#flags);
    } catch (error) {
      if (isNowhere(error)) return undefined;
      throw error;
    }
  }

  #closeOldest(): void {
    const [oldest] = this.#open;
    if (oldest === undefined) return;
    this.#open.delete(oldest[0]);
    close(oldest[1]);
  }
}

/** Whether the error means that nothing can be there, whatever is asked for. */
export function isNowhere(error: unknown): boolean {
  return isSysError(error, "ENOENT", "ENOTDIR", "ELOOP", "EXDEV", "ENAMETOOLONG");
}
