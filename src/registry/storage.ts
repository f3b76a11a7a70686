/** What a registry needs of a place to keep bytes: files in a tree, named by `/`-separated relative paths. */
import type { ByteSource } from "../bytes/index.ts";

/** First and last byte wanted, both inclusive, as in an HTTP range. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * The registry core never touches storage but through this. Paths hold no `.` or `..` and are made by `tree.ts`
 * only. `write` and `move` are all-or-nothing to readers; `append` is not, and is used on uploads only.
 */
export interface RegistryStorage {
  /** A small file whole; undefined if there is none. */
  read(path: string): Promise<Uint8Array | undefined>;
  write(path: string, bytes: Uint8Array): Promise<void>;
  /** Bytes of a file; undefined if there is none (directories count as none). */
  size(path: string): Promise<number | undefined>;
  /** The bytes of an existing file within the range. */
  open(path: string, range: ByteRange): ByteSource;
  /**
   * Writes `source` at the end of the file, making it if needed. When the source fails, what came before the
   * failure stays, so that an upload can go on. Resolves to the size after.
   */
  append(path: string, source: ByteSource): Promise<number>;
  /** Names of what lies directly below the path, sorted; empty if there is nothing. */
  list(path: string): Promise<string[]>;
  /** Renames a file; the target's directory is made. */
  move(from: string, to: string): Promise<void>;
  /** Removes a file or all below a path; a missing one is no error. */
  remove(path: string): Promise<void>;
}
