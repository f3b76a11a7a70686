/** What a registry needs of a place to keep bytes: files in a tree, named by `/`-separated relative paths. */
import type { ByteSource } from "../../bytes/index.ts";

/** First and last byte wanted, both inclusive, as in an HTTP range. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

export interface StorageStat {
  readonly kind: "file" | "directory";
  /** Bytes of a file; 0 of a directory. */
  readonly size: number;
  /** When a file was last written, in milliseconds since 1970; where the place does not know of directories, 0. */
  readonly modified: number;
}

/** A file that is open, whatever becomes of its name. Disposal closes it; nothing may be under way then. */
export interface ReadableFile extends AsyncDisposable {
  /** For the kernel, which may read it from its own position. */
  readonly fd: number;
  /** Fills the buffer from `position` on; less only at the end. Returns the bytes read, 0 behind the end. */
  read(buffer: Uint8Array, position: number): Promise<number>;
}

/** One name in a listing. */
export interface StorageEntry extends StorageStat {
  /** Last part of the path. */
  readonly name: string;
}

/**
 * A file that is written piece by piece, over requests and over processes: an upload. What was appended is there for
 * the next {@link StorageDriver.appendTo} of the same path, in whatever process; readers of the path may or may not see
 * it before {@link commit}. Disposal closes; it takes nothing back.
 */
export interface AppendableFile extends AsyncDisposable {
  /** Bytes so far. */
  readonly size: number;
  /**
   * Writes all of the source behind what is there. When the source fails, what came before the failure may stay, so that
   * an upload can go on: {@link size} tells. Returns the size after.
   */
  append(source: ByteSource, signal: AbortSignal): Promise<number>;
  /** The file is whole: from now on it can be read, moved and statted by all. */
  commit(): Promise<void>;
  /** Takes all of it away. */
  cancel(): Promise<void>;
}

/**
 * A driver. The registry core touches storage through nothing else. Paths hold no empty part, no `.` and no `..`, and are
 * made by `tree.ts` only; "" is the root. Directories exist as long as something is in them. Failures other than "not
 * there" are thrown as `Failure` (`unavailable`, `denied`, `no-space`), and what was tried may or may not have happened.
 */
export interface StorageDriver {
  /** For messages: `filesystem`, `s3`. */
  readonly name: string;
  /** A small file whole; undefined if there is none. */
  read(path: string): Promise<Uint8Array | undefined>;
  /** Writes a small file whole, over an old one; all or nothing to readers, durable when it returns. */
  write(path: string, bytes: Uint8Array): Promise<void>;
  /** As {@link write}, unless there is one already; false then. The one step that several instances can race for. */
  writeNew(path: string, bytes: Uint8Array): Promise<boolean>;
  stat(path: string): Promise<StorageStat | undefined>;
  /** The bytes of an existing file within the range. Throws `Failure("not-found")`. */
  open(path: string, range: ByteRange, signal: AbortSignal): ByteSource;
  /** The same as a file of this machine, where the place has such; undefined if there is none. */
  openFile?(path: string): Promise<ReadableFile | undefined>;
  /** A file to append to; `continuing` an earlier one, else a new, empty one. Throws `Failure("not-found")`. */
  appendTo(path: string, options: { readonly continuing: boolean }): Promise<AppendableFile>;
  /** What lies directly below the path, sorted by name; nothing if there is nothing. */
  list(path: string): AsyncIterable<StorageEntry>;
  /** Renames a committed file, over an old one; the target is whole at any moment, and durable when it returns. */
  move(from: string, to: string): Promise<void>;
  /** Removes a file, or all below a path; a missing one is no error. */
  remove(path: string): Promise<void>;
  /**
   * Where a client may fetch the file itself, for some minutes; undefined where that cannot be had.
   * @param options.method `GET` or `HEAD`
   */
  redirectUrl?(path: string, options: { readonly method: string }): Promise<string | undefined>;
  close?(): Promise<void>;
}
