/** CRC-64/ISO (ISO 3309), the checksum of files in tar-split (behaviours B138). */

/** Words can only be read from memory directly where the least significant byte comes first. */
const littleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/**
 * The polynomial x^64 + x^4 + x^3 + x + 1 has so few terms that no table is needed: in reflected form, the bits that
 * leave the register at its low end come back at the high end, shifted by 0, 1, 3 and 4. So 32 bits are done with
 * ten operations on 32-bit integers. Register and result are inverted, as in Go's hash/crc64.
 */
export class Crc64 {
  private high = -1;
  private low = -1;

  update(bytes: Uint8Array): void {
    const { length } = bytes;
    // A word must lie at a place that is divisible by 4.
    const head = Math.min(-bytes.byteOffset & 3, length);
    const words = littleEndian ? (length - head) >>> 2 : 0;
    this.bytes(bytes, 0, head);
    if (words > 0) this.words(new Int32Array(bytes.buffer, bytes.byteOffset + head, words));
    this.bytes(bytes, head + words * 4, length);
  }

  /** The checksum of all bytes since the last call, 8 bytes big-endian in base64; starts again. */
  take(): string {
    const { high, low } = this;
    this.high = this.low = -1;
    result.writeInt32BE(~high, 0);
    result.writeInt32BE(~low, 4);
    return result.toString("base64");
  }

  private words(words: Int32Array): void {
    let { high, low } = this;
    const { length } = words;
    for (let i = 0; i < length; i++) {
      const out = low ^ (words[i] as number);
      const half = out ^ (out >>> 1); // 1 + x + x^3 + x^4 = (1 + x)(1 + x^3)
      low = high ^ (out << 31) ^ (out << 29) ^ (out << 28);
      high = half ^ (half >>> 3);
    }
    this.high = high;
    this.low = low;
  }

  private bytes(bytes: Uint8Array, from: number, to: number): void {
    let { high, low } = this;
    for (let i = from; i < to; i++) {
      const out = (low ^ (bytes[i] as number)) << 24;
      low = (low >>> 8) | (high << 24);
      high = (high >>> 8) ^ out ^ (out >>> 1) ^ (out >>> 3) ^ (out >>> 4);
    }
    this.high = high;
    this.low = low;
  }
}

const result = Buffer.alloc(8);
