/** Which compression bytes are in, told from their first bytes. */

export type Compression = "none" | "gzip" | "zstd" | "bzip2" | "xz";

/** Bytes that {@link detectCompression} wants to see. */
export const detectionLength = 6;

/**
 * Docker decides by content, never by media type or file name, and so do we. Magic numbers: RFC 1952 (gzip, with
 * deflate as the only method), RFC 8878 (zstd frame and skippable frame), bzip2 "BZh", xz file format 1.1.
 */
export function detectCompression(first: Uint8Array): Compression {
  const [a, b, c, d, e, f] = first;
  if (a === 0x1f && b === 0x8b && c === 0x08) return "gzip";
  if (a === 0x28 && b === 0xb5 && c === 0x2f && d === 0xfd) return "zstd";
  if (a !== undefined && a >= 0x50 && a <= 0x5f && b === 0x2a && c === 0x4d && d === 0x18) return "zstd";
  // "BZh" and a level could begin a file name in a tar, so the first block's (or an empty stream's) magic counts too.
  if (a === 0x42 && b === 0x5a && c === 0x68 && d !== undefined && d >= 0x31 && d <= 0x39) {
    if ((e === 0x31 && f === 0x41) || (e === 0x17 && f === 0x72)) return "bzip2";
  }
  if (a === 0xfd && b === 0x37 && c === 0x7a && d === 0x58 && e === 0x5a && f === 0x00) return "xz";
  return "none";
}
