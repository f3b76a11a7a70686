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

/** Compressed bytes of a layer for which another thread is not worth its while. */
const short = 1 << 20;

/**
 * Each chunk of `source` has to stay as it is until the next one is asked for, no longer.
 * Decompresses by content, as `bytes/decompress` does and where it can faster: what the consumer does with one piece
 * happens while the next is made in the thread pool.
 * @param size compressed bytes to come, if that is known
 * @throws Failure("corrupt") for malformed input, and what source and consumer throw
 */
export async function decompressInto(
  source: ByteSource,
  consumer: PlainConsumer,
  size = Infinity,
): Promise<void> {
  const iterator = source[Symbol.asyncIterator]();
  try {
    const first = await peek(iterator);
    const compression = detectCompression(first);
    consumer.found(compression);
    if ((compression === "gzip" || compression === "zstd") && Inflater.isAvailable()) {
      const inflater = new Inflater(compression, (piece) => use(piece, consumer), size < short);
      await inflate(inflater, rest(first, iterator));
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
    const waiting = use(piece, consumer);
    if (waiting !== undefined) await waiting;
  }
}

function use(piece: Uint8Array, consumer: PlainConsumer): Promise<void> | undefined {
  consumer.write(piece);
  return consumer.drain();
}

async function inflate(inflater: Inflater, source: ByteSource): Promise<void> {
  using _ = inflater;
  for await (const input of source) await inflater.write(input);
  await inflater.end();
}
