/**
 * SHA-256 (FIPS 180-4) whose state can be taken out and put back, in the form in which Go's `crypto/sha256` marshals it
 * and distribution keeps it beside an upload: `sha` 0x03, eight words, the block that is not full yet, the length; all
 * big-endian, 108 bytes (behaviours B161). For all else there is node:crypto, which is ten times as fast.
 */
import { Failure } from "../errors.ts";

const magic = Buffer.from("sha\x03", "latin1");
export const sha256StateLength = 108;

const [roundConstants, initial] = constants();

export class Sha256 {
  readonly #words = Uint32Array.from(initial);
  readonly #block = new Uint8Array(64);
  readonly #schedule = new Uint32Array(64);
  #length = 0;

  /** Goes on from a state. Throws `Failure("corrupt")` unless it is one. */
  static from(state: Uint8Array): Sha256 {
    const view = Buffer.from(state);
    if (view.length !== sha256StateLength || !view.subarray(0, 4).equals(magic)) {
      throw new Failure("corrupt", `cannot read a SHA-256 state of ${view.length} bytes`);
    }
    const length = Number(view.readBigUInt64BE(100));
    if (!Number.isSafeInteger(length)) throw new Failure("corrupt", "cannot read a SHA-256 state: too long");
    const hash = new Sha256();
    for (let i = 0; i < 8; i++) hash.#words[i] = view.readUInt32BE(4 + i * 4);
    hash.#length = length;
    hash.#block.set(view.subarray(36, 36 + (length % 64)));
    return hash;
  }

  /** Bytes so far. */
  get length(): number {
    return this.#length;
  }

  update(bytes: Uint8Array): void {
    let at = 0;
    const filled = this.#length % 64;
    this.#length += bytes.length;
    if (filled > 0) {
      at = Math.min(64 - filled, bytes.length);
      this.#block.set(bytes.subarray(0, at), filled);
      if (filled + at < 64) return;
      this.#compress(this.#block, 0);
    }
    for (; at + 64 <= bytes.length; at += 64) this.#compress(bytes, at);
    this.#block.set(bytes.subarray(at));
  }

  state(): Uint8Array {
    const state = Buffer.alloc(sha256StateLength);
    magic.copy(state);
    for (const [i, word] of this.#words.entries()) state.writeUInt32BE(word, 4 + i * 4);
    state.set(this.#block.subarray(0, this.#length % 64), 36);
    state.writeBigUInt64BE(BigInt(this.#length), 100);
    return state;
  }

  /** The digest in hex; this object stays as it is. */
  hex(): string {
    const end = Sha256.from(this.state());
    const filled = this.#length % 64;
    const padding = Buffer.alloc((filled < 56 ? 64 : 128) - filled);
    padding[0] = 0x80;
    padding.writeBigUInt64BE(BigInt(this.#length) * 8n, padding.length - 8);
    end.update(padding);
    return Buffer.from(end.state()).subarray(4, 36).toString("hex");
  }

  #compress(bytes: Uint8Array, at: number): void {
    const w = this.#schedule;
    for (let i = 0, j = at; i < 16; i++, j += 4) {
      w[i] = (bytes[j]! << 24) | (bytes[j + 1]! << 16) | (bytes[j + 2]! << 8) | bytes[j + 3]!;
    }
    for (let i = 16; i < 64; i++) {
      const [x, y] = [w[i - 15]!, w[i - 2]!];
      const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
      const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
      w[i] = (w[i - 16]! + s0 + w[i - 7]! + s1) | 0;
    }
    const h = this.#words;
    let [a, b, c, d, e, f, g, k] = [
      h[0]! | 0,
      h[1]! | 0,
      h[2]! | 0,
      h[3]! | 0,
      h[4]! | 0,
      h[5]! | 0,
      h[6]! | 0,
      h[7]! | 0,
    ];
    for (let i = 0; i < 64; i++) {
      const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
      const t1 = (k + s1 + ((e & f) ^ (~e & g)) + roundConstants[i]! + w[i]!) | 0;
      const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
      const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      k = g;
      g = f;
      f = e;
      e = (d + t1) | 0;
      d = c;
      c = b;
      b = a;
      a = (t1 + t2) | 0;
    }
    for (const [i, word] of [a, b, c, d, e, f, g, k].entries()) h[i] = h[i]! + word;
  }
}

/** The first 32 bits of the fractions of cube and square roots of the first primes, as the standard defines them. */
function constants(): [Int32Array, Uint32Array] {
  const primes: number[] = [];
  for (let n = 2; primes.length < 64; n++) if (primes.every((prime) => n % prime !== 0)) primes.push(n);
  const fraction = (root: number) => (root - Math.floor(root)) * 2 ** 32;
  return [
    Int32Array.from(primes, (prime) => fraction(Math.cbrt(prime)) | 0),
    Uint32Array.from(primes.slice(0, 8), (prime) => fraction(Math.sqrt(prime)) >>> 0),
  ];
}
