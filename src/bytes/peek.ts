/** What bytes begin with, without losing it. */
import type { ByteSource } from "./place.ts";

export interface Peeked {
  /** At least the bytes that were asked for; fewer only if the source has no more. */
  readonly first: Uint8Array;
  /** All bytes, `first` too. Can be read once; whoever stops reading closes the source. */
  readonly whole: ByteSource;
  /** Closes the source, for whoever does not read it. */
  close(): Promise<void>;
}

/** Reads the beginning of `source`, `length` bytes of it at least. */
export async function peek(source: ByteSource, length: number): Promise<Peeked> {
  const iterator = source[Symbol.asyncIterator]();
  let first: Uint8Array = new Uint8Array();
  while (first.length < length) {
    const { value, done } = await iterator.next();
    if (done === true) break;
    first = first.length === 0 ? value : Buffer.concat([first, value]);
  }
  const close = async (): Promise<void> => void (await iterator.return?.());
  let told = first.length === 0;
  const whole: AsyncIterator<Uint8Array> = {
    next: async () => {
      if (told) return iterator.next();
      told = true;
      return { done: false, value: first };
    },
    return: async () => {
      await close();
      return { done: true, value: undefined };
    },
  };
  return { first, whole: { [Symbol.asyncIterator]: () => whole }, close };
}
