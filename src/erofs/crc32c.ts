/** CRC-32C (Castagnoli) as the kernel's crc32c(~0, ...): without the usual inversion at the end. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffff_ffff;
  // Bit by bit: only ever half a KiB.
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f6_3b78 : 0);
  }
  return crc >>> 0;
}
