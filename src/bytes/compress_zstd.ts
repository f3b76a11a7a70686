/** zstd. */
import { constants, createZstdCompress } from "node:zlib";
import { abortable } from "./abortable.ts";
import type { ByteSource } from "./place.ts";
import { throughZlib, zlibOptions } from "./through_zlib.ts";

export interface CompressOptions {
  /** gzip 1 to 9, default 6; zstd 1 to 22, default 3. */
  readonly level?: number;
  readonly signal?: AbortSignal;
}

/**
 * Compresses to one zstd frame with a checksum of the content. One thread: with more of them, node's zstd streams
 * lose data (seen in 24 and 26).
 */
export function compressZstd(
  source: ByteSource,
  options: CompressOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const { level = 3, signal } = options;
  const params = { [constants.ZSTD_c_compressionLevel]: level, [constants.ZSTD_c_checksumFlag]: 1 };
  return throughZlib(abortable(source, signal), () => createZstdCompress({ ...zlibOptions, params }), "zstd");
}
