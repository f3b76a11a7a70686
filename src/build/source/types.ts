/** Files that `COPY`, `ADD` and `RUN --mount=type=bind` take: a directory, a tar, an image, all read alike. */
import type { ByteString } from "../../byte_string.ts";
import type { ByteSource } from "../../bytes/index.ts";

export type SourceKind = "file" | "directory" | "symlink" | "char" | "block" | "fifo" | "socket";

export interface SourceStat {
  readonly kind: SourceKind;
  /** Permission bits with set-id and sticky bits. */
  readonly mode: number;
  /** 0 where the source is a build context: whose files they are outside does not matter (behaviours B079). */
  readonly uid: number;
  readonly gid: number;
  /** Bytes of a file. */
  readonly size: number;
  /** Seconds since 1970 and nanoseconds to add. */
  readonly mtime: number;
  readonly mtimeNs: number;
  readonly devMajor: number;
  readonly devMinor: number;
  /** Names the inode where several paths may lead to it (hard links); undefined where it has one. */
  readonly inode?: string;
  /** A directory of a context that is ignored itself and is there only because files below it are excepted. */
  readonly implied?: boolean;
}

/**
 * Read only. Paths are byte strings from the root, without a leading slash; "" is the root. No symlink in a path is
 * followed but by `resolve`, and then inside the tree only. What is ignored is not there.
 */
export interface SourceTree extends Disposable {
  /** `context`, or the name of the stage, image or named context, for messages and keys. */
  readonly name: string;
  /** `lstat`. Symlinks on the way are not followed; undefined: there is nothing. */
  stat(path: ByteString): SourceStat | undefined;
  /** Follows all symlinks in `path`, the last too; `..` and absolute targets stay inside. Undefined: it leads nowhere. */
  resolve(path: ByteString): ByteString | undefined;
  /** Names in a directory, sorted by bytes. */
  readdir(path: ByteString): ByteString[];
  readLink(path: ByteString): ByteString;
  xattrs(path: ByteString): ReadonlyMap<ByteString, Uint8Array>;
  /** The file's bytes. Throws `Failure("conflict")` if it changes while it is read. */
  open(path: ByteString, signal: AbortSignal): ByteSource;
  /** Reads a file whole and at once; for small ones. */
  read(path: ByteString): Uint8Array;
  /**
   * sha256 of a file's content, in hex. A tree that knows when a file was last changed answers from its memory.
   * Throws `Failure("cancelled")`.
   */
  contentDigest(path: ByteString, signal?: AbortSignal): Promise<string>;
}
