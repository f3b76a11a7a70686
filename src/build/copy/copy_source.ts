/** What is copied, read from a tree but for contents: the common form of all that `COPY` and `ADD` take. */
import type { ByteString } from "../../byte_string.ts";
import type { ByteSource } from "../../bytes/index.ts";

interface Attributes {
  /** Permission bits with set-id and sticky bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Seconds since 1970 and nanoseconds to add; undefined: the time of the build. */
  readonly mtime?: number;
  readonly mtimeNs?: number;
  readonly xattrs?: ReadonlyMap<ByteString, Uint8Array>;
}

export interface FileContent {
  /** Bytes. */
  readonly size: number;
  /** In hex. */
  digest(signal: AbortSignal): string | Promise<string>;
  open(signal: AbortSignal): ByteSource;
}

/** `name` is the path below the destination. */
export type CopyItem = Attributes & { readonly name: ByteString } & (
    | { readonly kind: "directory" }
    | { readonly kind: "fifo" }
    /** `inode` is the same in all names of one file. */
    | { readonly kind: "file"; readonly content: FileContent; readonly inode?: string }
    | { readonly kind: "symlink"; readonly target: ByteString }
    | { readonly kind: "char" | "block"; readonly devMajor: number; readonly devMinor: number }
  );

export type FileItem = Extract<CopyItem, { kind: "file" }>;

/** One source of the instruction. `path` is for messages: where it lies in the tree. */
export type CopySource = { readonly path: ByteString } & (
  | { readonly kind: "file"; readonly item: FileItem }
  /** A tar that is unpacked. */
  | { readonly kind: "archive"; readonly item: FileItem }
  /** The content of a directory, each directory before what it holds; the directory itself is not among the items. */
  | { readonly kind: "directory"; readonly items: readonly CopyItem[] }
);
