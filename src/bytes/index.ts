export { abortable, cancelled, throwIfCancelled } from "./abortable.ts";
export { compressGzip, compressZstd, type CompressOptions } from "./compress.ts";
export { decompress, type DecompressOptions } from "./decompress.ts";
export { detectCompression, detectionLength, type Compression } from "./detect_compression.ts";
export { digestThrough, verify, type DigestedSource, type Expected } from "./digest_through.ts";
export { fromFile, toFile, type FromFileOptions, type ToFileOptions } from "./files.ts";
export * from "./place.ts";
export * from "./progress.ts";
export { collect, concat, count, fromBytes, limit } from "./sources.ts";
