/** Small sources and what can be done with any. */
import { Failure } from "../errors.ts";
import type { ByteSource } from "./place.ts";

/** The given chunks, in order. */
export async function* fromBytes(
  ...chunks: readonly Uint8Array[]
): AsyncGenerator<Uint8Array, void, undefined> {
  yield* chunks;
}

/** One source after the other; the next is not touched before the last has ended. */
export async function* concat(
  sources: Iterable<ByteSource> | AsyncIterable<ByteSource>,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const source of sources) yield* source;
}

/**
 * Fails with `Failure("limit")` as soon as there are more than `max` bytes. Bytes over the limit are not passed on.
 */
export async function* limit(
  source: ByteSource,
  max: number,
  what = "content",
): AsyncGenerator<Uint8Array, void, undefined> {
  let size = 0;
  for await (const chunk of source) {
    size += chunk.length;
    if (size > max) throw new Failure("limit", `${what} is over the limit of ${max} bytes`);
    yield chunk;
  }
}

/** Calls `seen` with the number of bytes so far, for each chunk, before it is passed on. */
export async function* count(
  source: ByteSource,
  seen: (bytes: number) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  let size = 0;
  for await (const chunk of source) {
    size += chunk.length;
    seen(size);
    yield chunk;
  }
}

/** All bytes in one array. Throws `Failure("limit")` when there are more than `max`. */
export async function collect(source: ByteSource, max: number, what = "content"): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of limit(source, max, what)) chunks.push(chunk);
  return chunks.length === 1 ? (chunks[0] as Uint8Array) : Buffer.concat(chunks);
}
