/** Decompression by content. */
import { pipeline, Readable, type Duplex } from "node:stream";
import { createGunzip, createZstdDecompress, type ZlibOptions } from "node:zlib";
import { Failure, isFailure } from "../errors.ts";
import { abortable } from "./abortable.ts";
import { detectCompression, detectionLength, type Compression } from "./detect_compression.ts";
import type { ByteSource } from "./place.ts";
import { limit } from "./sources.ts";
import { throughProgram } from "./through_program.ts";

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
 * Throws `Failure("corrupt")` for malformed or truncated input and for junk after it (zeros after gzip are padding
 * and are tolerated), `Failure("unsupported")` where bzip2 or xz is not installed.
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
      return throughZlib(source, createGunzip(zlibOptions), compression);
    case "zstd":
      return throughZlib(source, createZstdDecompress(zlibOptions), compression);
    case "bzip2":
    case "xz":
      return throughProgram(source, compression, ["-dc"]);
  }
}

/** node:zlib's default of 64 KiB a chunk costs nearly twice the CPU time. */
export const zlibOptions: ZlibOptions = { chunkSize: 1 << 20 };

/** Runs the bytes through a zlib stream; its errors become `Failure("corrupt")`, the source's stay as they are. */
export async function* throughZlib(
  source: ByteSource,
  transform: Duplex,
  format: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  // The callback has nothing to do: an error of any part ends the iteration below with that error.
  pipeline(Readable.from(source, { objectMode: false }), transform, () => undefined);
  try {
    for await (const chunk of transform) yield chunk as Buffer;
  } catch (error) {
    if (isFailure(error)) throw error;
    const { code = "", message } = error as NodeJS.ErrnoException;
    if (!/^(Z_|ZSTD_|ERR_ZSTD|ERR_ZLIB)/.test(code)) throw error;
    throw new Failure("corrupt", `invalid ${format} data: ${message}`, { cause: error });
  }
}

/** The first `length` bytes (fewer if the source is shorter), and all of the source. */
async function peek(
  source: AsyncGenerator<Uint8Array, void, undefined>,
  length: number,
): Promise<{ first: Uint8Array; whole: ByteSource }> {
  let first: Uint8Array = new Uint8Array();
  while (first.length < length) {
    const { value, done } = await source.next();
    if (done === true) break;
    first = first.length === 0 ? value : Buffer.concat([first, value]);
  }
  async function* whole(): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      if (first.length > 0) yield first;
      yield* source;
    } finally {
      await source.return();
    }
  }
  return { first, whole: whole() };
}
