/** Records at the seam between tars, change directories and drivers. */
import type { ByteString } from "../byte_string.ts";
import type { ByteSource, Report } from "../bytes/index.ts";
import type { BlobDigest, DiffId } from "../oci/index.ts";

/**
 * How a change directory spells "this name is gone" and "nothing below shows through".
 * - `overlay`: char device 0/0 and `trusted.overlay.opaque=y` (kernel overlayfs.rst, "whiteouts and opaque directories")
 * - `overlay-user`: the same with `user.overlay.*`, for mounts with `userxattr`
 * - `aufs`: files `.wh.name` and `.wh..wh..opq`, as in a tar
 * - `remove`: the directory is a full copy of its parent: names are really removed (vfs)
 */
export type WhiteoutStyle = "overlay" | "overlay-user" | "aufs" | "remove";

/** Where a layer is to be unpacked, and how. */
export interface ApplyTarget {
  /** An existing directory, the root of the layer. Nothing outside of it is ever touched. */
  readonly directory: string;
  readonly whiteouts: WhiteoutStyle;
  /** `exact`: chown and mknod as the tar says; `best-effort`: what an ordinary user may not do is left out. */
  readonly ownership: "exact" | "best-effort";
}

/**
 * Where a layer is to be kept unchanged: its plain tar in one file, and beside it what is in it. No file of the layer is
 * ever made.
 */
export interface TarTarget {
  /** Path of the tar; made, or written anew. Read with `readKeptTar`: parts of it may lie elsewhere. */
  readonly tar: string;
  /** Path of its catalog; the same. */
  readonly catalog: string;
}

/** Where a layer goes. */
export type LayerTarget = ApplyTarget | TarTarget;

export function isTarTarget(target: LayerTarget): target is TarTarget {
  return "tar" in target;
}

/** A file to which somebody else appends. What is in it stays as it is. */
export interface GrowingFile {
  readonly path: string;
  /** Its size now, and after each growth; ends when nothing more comes. Throws what ended the growth. */
  sizes(signal: AbortSignal): AsyncIterable<number>;
  /** Told how many more bytes were used. */
  used(bytes: number): void;
}

export interface UnpackJob {
  readonly target: LayerTarget;
  /** The compressed bytes' expected digest and size in bytes; undefined skips that check. */
  readonly blob?: { readonly digest: BlobDigest; readonly size: number };
  /** The uncompressed bytes' expected digest; undefined: it is only computed. */
  readonly diffId?: DiffId;
  /** Path where `tar-split.json.gz` is written. A layer whose tar is kept needs none. */
  readonly tarSplit?: string;
  /**
   * File that holds the first bytes of the blob from an earlier attempt and to which the rest is appended.
   * `open(offset)` is then called with the number of bytes that the file had. On success the file is the whole blob.
   */
  readonly partial?: string;
  /** Opens the blob from `offset` on. Called once, or not at all where `file` is used. */
  open(offset: number): Promise<ByteSource>;
  /**
   * The same bytes in a file, for unpackers in other threads: they read there what would else travel through this one.
   * Not together with `partial`.
   */
  readonly file?: GrowingFile;
  readonly report?: Report;
  /** 12 digits for the progress lines. */
  readonly id?: string;
  readonly signal: AbortSignal;
}

export interface UnpackedLayer {
  readonly diffId: DiffId;
  readonly blob: { readonly digest: BlobDigest; readonly size: number };
  /** What the bytes were found to be. */
  readonly compression: "none" | "gzip" | "zstd" | "bzip2" | "xz";
  /** Docker's layer size: regular files once per inode plus symlink target lengths, in bytes (behaviours B135). */
  readonly size: number;
  /** Bytes of the uncompressed tar. */
  readonly tarSize: number;
}

/** One row of `varve diff`. */
export interface Change {
  readonly kind: "A" | "C" | "D";
  /** Absolute in the container, `/`-separated. */
  readonly path: ByteString;
}
