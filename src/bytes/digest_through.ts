/** Hashing and checking bytes while they flow. */
import { createHash } from "node:crypto";
import { Failure } from "../errors.ts";
import { algorithmOf, type Algorithm, type Digest } from "../oci/index.ts";
import type { ByteSource } from "./place.ts";

export interface DigestedSource extends ByteSource {
  /** Bytes seen so far. */
  readonly size: number;
  /** The digest of all bytes. Throws `Failure("internal")` before the end of the source was reached. */
  digest(): Digest;
}

/** Passes the bytes on and hashes them; the result can be asked for when the source has ended. Iterate it once. */
export function digestThrough(source: ByteSource, options: { algorithm?: Algorithm } = {}): DigestedSource {
  const { algorithm = "sha256" } = options;
  const hash = createHash(algorithm);
  let size = 0;
  let digest: Digest | undefined;
  async function* run(): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of source) {
      // Before it is handed on: then it belongs to the consumer.
      hash.update(chunk);
      size += chunk.length;
      yield chunk;
    }
    digest = `${algorithm}:${hash.digest("hex")}`;
  }
  return {
    [Symbol.asyncIterator]: run,
    get size() {
      return size;
    },
    digest() {
      if (digest === undefined)
        throw new Failure("internal", "digest asked for before the end of the stream");
      return digest;
    },
  };
}

export interface Expected {
  readonly digest: Digest;
  /** Bytes; undefined: not checked. */
  readonly size?: number;
  /** How a failure names the bytes, for example `layer`; default `content`. */
  readonly what?: string;
}

/**
 * Passes the bytes on and fails at their end, or as soon as there are more than `size`, if they are not what was
 * expected: `Failure("corrupt")`. So a consumer may make visible what it got only after the source has ended.
 */
export async function* verify(
  source: ByteSource,
  expected: Expected,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { digest, size, what = "content" } = expected;
  const digested = digestThrough(source, { algorithm: algorithmOf(digest) });
  for await (const chunk of digested) {
    if (size !== undefined && digested.size > size) {
      throw new Failure("corrupt", `${what} ${digest} is longer than the ${size} bytes announced`);
    }
    yield chunk;
  }
  if (size !== undefined && digested.size !== size) {
    throw new Failure("corrupt", `${what} ${digest} ended after ${digested.size} of ${size} bytes`);
  }
  const actual = digested.digest();
  // "layer verification failed for digest D" is what Docker's clients know (behaviours B117).
  if (actual !== digest) {
    throw new Failure(
      "corrupt",
      `${what} verification failed for digest ${digest}: the bytes hash to ${actual}`,
    );
  }
}
