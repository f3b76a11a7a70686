/** Sources for tests. */
import type { ByteSource } from "../../src/bytes/index.ts";

/** The bytes in chunks of `size`. */
export async function* inChunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield new Uint8Array(bytes.subarray(at, at + size));
}

/** Yields `chunks`, then never again; tells whether it was closed. */
export function stalling(...chunks: Uint8Array[]): ByteSource & { readonly closed: boolean } {
  let closed = false;
  return {
    get closed() {
      return closed;
    },
    [Symbol.asyncIterator]: () => ({
      next: () => {
        const value = chunks.shift();
        return value === undefined ? new Promise(() => undefined) : Promise.resolve({ value, done: false });
      },
      return: () => {
        closed = true;
        return Promise.resolve({ value: undefined, done: true });
      },
    }),
  };
}

/** Yields `chunk` for ever; counts how often it was asked and tells when it was closed. */
export function endless(chunk: Uint8Array): ByteSource & {
  readonly pulled: number;
  readonly closed: boolean;
  /** For those who close it without waiting. */
  readonly closing: Promise<void>;
} {
  const state = { pulled: 0, closed: false };
  const { promise: closing, resolve } = Promise.withResolvers<void>();
  return {
    closing,
    get pulled() {
      return state.pulled;
    },
    get closed() {
      return state.closed;
    },
    async *[Symbol.asyncIterator]() {
      try {
        for (;;) {
          state.pulled++;
          yield new Uint8Array(chunk);
        }
      } finally {
        state.closed = true;
        resolve();
      }
    },
  };
}

/** Yields `chunks`, then throws. */
export async function* failing(error: unknown, ...chunks: Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
  throw error;
}

/** Pseudo-random bytes, the same for the same seed: compressible neither by luck nor by design. */
export function noise(length: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(length);
  let state = seed;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}
