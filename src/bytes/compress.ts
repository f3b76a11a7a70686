/** Compression. */
import { constants, createGzip, createZstdCompress } from "node:zlib";
import { abortable } from "./abortable.ts";
import { throughZlib, zlibOptions } from "./decompress.ts";
import type { ByteSource } from "./place.ts";

export interface CompressOptions {
  /** gzip 1 to 9, default 6; zstd 1 to 22, default 3. */
  readonly level?: number;
  readonly signal?: AbortSignal;
}

/** gzip with no name and time 0 in its header: the same bytes and level give the same result. */
export function compressGzip(source: ByteSource, options: CompressOptions = {}): ByteSource {
  const { level = 6, signal } = options;
  return throughZlib(abortable(source, signal), createGzip({ ...zlibOptions, level, memLevel: 9 }), "gzip");
}

/** One zstd frame with a checksum of the content. */
export function compressZstd(source: ByteSource, options: CompressOptions = {}): ByteSource {
  const { level = 3, signal } = options;
  const params = { [constants.ZSTD_c_compressionLevel]: level, [constants.ZSTD_c_checksumFlag]: 1 };
  return throughZlib(abortable(source, signal), createZstdCompress({ ...zlibOptions, params }), "zstd");
}
