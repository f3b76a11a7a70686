/** Decompression by content. */
import { createGunzip, createZstdDecompress } from "node:zlib";
import { abortable } from "./abortable.ts";
import { peek } from "./peek.ts";
import { detectCompression, detectionLength, type Compression } from "./detect_compression.ts";
import type { ByteSource } from "./place.ts";
import { limit } from "./sources.ts";
import { throughProgram } from "./through_program.ts";
import { throughZlib, zlibOptions } from "./through_zlib.ts";

export interface DecompressOptions {
  readonly signal?: AbortSignal;
  /** Plain bytes at most; more is a `Failure("limit")`. Default: no bound. */
  readonly maxBytes?: number;
  /** Told once, before the first chunk, what the bytes were found to be. */
  readonly onCompression?: (compression: Compression) => void;
}

/**
 * The plain bytes of a source that is compressed with gzip (all members), zstd (all frames, skippable ones too),
 * bzip2 or xz, or not at all. Chunks are up to 1 MiB.
 *
 * Throws `Failure("corrupt")` for malformed or truncated input and for anything after it, zeros too, as Go and
 * Docker do; `Failure("unsupported")` where bzip2 or xz is not installed.
 */
export async function* decompress(
  source: ByteSource,
  options: DecompressOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const { signal, maxBytes } = options;
  const { first, whole } = await peek(abortable(source, signal), detectionLength);
  const compression = detectCompression(first);
  options.onCompression?.(compression);
  const plain = plainOf(compression, whole);
  yield* maxBytes === undefined ? plain : limit(plain, maxBytes, "decompressed content");
}

function plainOf(compression: Compression, source: ByteSource): ByteSource {
  switch (compression) {
    case "none":
      return source;
    case "gzip":
      return throughZlib(source, () => createGunzip(zlibOptions), compression);
    case "zstd":
      return throughZlib(source, () => createZstdDecompress(strictZstd), compression);
    case "bzip2":
    case "xz":
      return throughProgram(source, compression, ["-dc"]);
  }
}

/** Without this, node ignores what follows a zstd frame, even the broken begin of another one. */
const strictZstd = { ...zlibOptions, rejectGarbageAfterEnd: true };
