/** What bytes are, told from their beginning, without losing it. */
import { detectCompression, type ByteSource } from "../../../bytes/index.ts";

export interface Peeked {
  /** At most one tar block. */
  readonly head: Uint8Array;
  /** All bytes, those of `head` too. Can be read once. */
  readonly content: ByteSource;
}

const blockSize = 512;

export async function peekSource(source: ByteSource): Promise<Peeked> {
  const iterator = source[Symbol.asyncIterator]();
  const chunks: Uint8Array[] = [];
  let size = 0;
  while (size < blockSize) {
    const { done, value } = await iterator.next();
    if (done === true) break;
    chunks.push(value);
    size += value.length;
  }
  return { head: Buffer.concat(chunks).subarray(0, blockSize), content: new Rejoined(chunks, iterator) };
}

/** Whoever stops reading closes the source, also among the bytes that were read beforehand. */
class Rejoined implements ByteSource {
  readonly #chunks: Uint8Array[];
  readonly #rest: AsyncIterator<Uint8Array>;

  constructor(chunks: readonly Uint8Array[], rest: AsyncIterator<Uint8Array>) {
    this.#chunks = [...chunks];
    this.#rest = rest;
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return {
      next: async () => {
        const value = this.#chunks.shift();
        return value === undefined ? this.#rest.next() : { done: false, value };
      },
      return: async () => {
        await this.#rest.return?.();
        return { done: true, value: undefined };
      },
    };
  }
}

/** A tar in any compression; as Docker decides between a context and a lone Dockerfile (docker/cli, build/context.go). */
export function isArchiveHead(head: Uint8Array): boolean {
  return detectCompression(head) !== "none" || hasTarChecksum(head);
}

/** The first header's checksum (POSIX pax, "ustar Interchange Format"): the sum of its bytes, its own field as blanks. */
function hasTarChecksum(head: Uint8Array): boolean {
  if (head.length < blockSize) return false;
  const field = Buffer.from(head.subarray(148, 156)).toString("latin1");
  const told = /^[ 0]*([0-7]+)[ \0]*$/.exec(field)?.[1];
  if (told === undefined) return false;
  let sum = 8 * 0x20;
  for (const [at, byte] of head.entries()) if (at < 148 || at >= 156) sum += byte;
  return sum === Number.parseInt(told, 8);
}
