/**
 * bcrypt (Provos and Mazières 1999): Blowfish with a costly key schedule.
 *
 *     hash = "$2" letter "$" cost "$" salt digest     letter: a, b, y; cost: 2 digits; salt: 22, digest: 31 characters
 *
 * The letters say which mistakes of old C libraries a hash was made without; all mean the same function here. A password
 * counts up to its 72nd byte, as everywhere.
 */
import { timingSafeEqual } from "node:crypto";
import { piWords } from "./pi_words.ts";

export interface BcryptHash {
  /** The logarithm of the rounds, 4 to 31. */
  readonly cost: number;
  /** 16 bytes. */
  readonly salt: Buffer;
  /** 23 bytes. */
  readonly digest: Buffer;
}

const alphabet = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const standard = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** Reads a hash; undefined for one of another kind or a malformed one. */
export function parseBcrypt(text: string): BcryptHash | undefined {
  const match = /^\$2[aby]\$(\d\d)\$([./A-Za-z0-9]{22})([./A-Za-z0-9]{31})$/.exec(text);
  if (match === null) return undefined;
  const [, digits = "", salt = "", digest = ""] = match;
  const cost = Number(digits);
  return cost < 4 || cost > 31 ? undefined : { cost, salt: decode(salt), digest: decode(digest) };
}

/** Whether `password` has this hash. Synchronous and slow by design: 2^cost rounds of about 0.1 ms. */
export function bcryptMatches(password: Uint8Array, hash: BcryptHash): boolean {
  return timingSafeEqual(bcryptDigest(password, hash.salt, hash.cost), hash.digest);
}

/** The 23 bytes that a password becomes. */
export function bcryptDigest(password: Uint8Array, salt: Uint8Array, cost: number): Buffer {
  const key = cyclicWords(Buffer.concat([password.subarray(0, 72), Buffer.from([0])]), 18);
  const saltWords = cyclicWords(salt, 18);
  const noSalt = new Int32Array(18);
  const state = new Int32Array((initial ??= piWords(18 + 1024)));
  schedule(state, key, saltWords);
  for (let round = 2 ** cost; round > 0; round--) {
    schedule(state, key, noSalt);
    schedule(state, saltWords, noSalt);
  }
  const block = cyclicWords(Buffer.from("OrpheanBeholderScryDoubt"), 6);
  for (let at = 0; at < 6; at += 2) for (let times = 0; times < 64; times++) encipher(state, block, at);
  const bytes = Buffer.alloc(24);
  block.forEach((word, index) => bytes.writeInt32BE(word, index * 4));
  return bytes.subarray(0, 23);
}

/** Eighteen words of Blowfish's P array and then its four S boxes of 256 words. */
let initial: Int32Array | undefined;

/** Blowfish's key schedule, the salt mixed in; with a salt of zeros it is the plain one. */
function schedule(state: Int32Array, key: Int32Array, salt: Int32Array): void {
  for (let index = 0; index < 18; index++) state[index]! ^= key[index]!;
  const block = new Int32Array(2);
  // A salt is four words long, and every block takes the next two of them.
  for (let at = 0; at < state.length; at += 2) {
    block[0]! ^= salt[at & 2]!;
    block[1]! ^= salt[(at & 2) + 1]!;
    encipher(state, block, 0);
    state[at] = block[0]!;
    state[at + 1] = block[1]!;
  }
}

function encipher(state: Int32Array, block: Int32Array, at: number): void {
  let left = block[at]! ^ state[0]!;
  let right = block[at + 1]!;
  for (let round = 1; round <= 16; round += 2) {
    right ^= mix(state, left) ^ state[round]!;
    left ^= mix(state, right) ^ state[round + 1]!;
  }
  block[at] = right ^ state[17]!;
  block[at + 1] = left;
}

function mix(state: Int32Array, word: number): number {
  const sum = state[18 + (word >>> 24)]! + state[274 + ((word >>> 16) & 255)]!;
  return ((sum ^ state[530 + ((word >>> 8) & 255)]!) + state[786 + (word & 255)]!) | 0;
}

/** Big-endian words of the bytes, again from the start when they run out. */
function cyclicWords(bytes: Uint8Array, count: number): Int32Array {
  const byte = (index: number): number => bytes[index % bytes.length]!;
  return Int32Array.from({ length: count }, (_, word) => {
    const at = word * 4;
    return (byte(at) << 24) | (byte(at + 1) << 16) | (byte(at + 2) << 8) | byte(at + 3);
  });
}

function decode(text: string): Buffer {
  return Buffer.from(
    text.replace(/./g, (letter) => standard[alphabet.indexOf(letter)]!),
    "base64",
  );
}
