/** Pushes the plain bytes of a blob into a synchronous consumer. */
import {
  type ByteSource,
  type Compression,
  decompress,
  detectCompression,
  detectionLength,
} from "../bytes/index.ts";
import { Inflater } from "./inflater.ts";

export interface PlainConsumer {
  /** Told once, before the first bytes. */
  found(compression: Compression): void;
  /** Valid only during the call. */
  write(plain: Uint8Array): void;
  /** Something to wait for before more is written. */
  drain(): Promise<void> | undefined;
}

/**
 * Each chunk of `source` has to stay as it is until the next one is asked for, no longer.
 * Decompresses by content, as `bytes/decompress` does and where it can faster: what the consumer does with one piece
 * happens while the next is made in the thread pool.
 * @throws Failure("corrupt") for malformed input, and what source and consumer throw
 */
export async function decompressInto(source: ByteSource, consumer: PlainConsumer): Promise<void> {
  const iterator = source[Symbol.asyncIterator]();
  try {
    const first = await peek(iterator);
    const compression = detectCompression(first);
    consumer.found(compression);
    if ((compression === "gzip" || compression === "zstd") && Inflater.isAvailable()) {
      await inflate(compression, first, iterator, consumer);
    } else if (compression === "none") {
      await pass(rest(first, iterator), consumer);
    } else {
      await pass(decompress(kept(rest(first, iterator))), consumer);
    }
  } finally {
    await iterator.return?.();
  }
}

async function peek(iterator: AsyncIterator<Uint8Array>): Promise<Uint8Array> {
  let first: Uint8Array = new Uint8Array(0);
  while (first.length < detectionLength) {
    const { value, done } = await iterator.next();
    if (done === true) break;
    first = Buffer.concat([first, value]);
  }
  return first;
}

/** For those who hold on to a chunk while they ask for the next. */
async function* kept(source: ByteSource): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) yield Uint8Array.from(chunk);
}

async function* rest(first: Uint8Array, iterator: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  if (first.length > 0) yield first;
  for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) yield next.value;
}

async function pass(plain: ByteSource, consumer: PlainConsumer): Promise<void> {
  for await (const piece of plain) {
    consumer.write(piece);
    const waiting = consumer.drain();
    if (waiting !== undefined) await waiting;
  }
}

async function inflate(
  format: "gzip" | "zstd",
  first: Uint8Array,
  iterator: AsyncIterator<Uint8Array>,
  consumer: PlainConsumer,
): Promise<void> {
  using inflater = new Inflater(format, (piece) => consumer.write(piece));
  for await (const input of rest(first, iterator)) {
    await inflater.write(input);
    const waiting = consumer.drain();
    if (waiting !== undefined) await waiting;
  }
  await inflater.end();
}
