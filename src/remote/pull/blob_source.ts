/** A blob's bytes from any offset on, going on after broken connections. */
import type { ByteSource, OpenOptions } from "../../bytes/index.ts";
import { cancelled } from "../../bytes/index.ts";
import { Failure } from "../../errors.ts";
import type { Descriptor } from "../../oci/index.ts";
import type { Connection } from "../connection.ts";
import { NetworkFailure } from "../http/network_failure.ts";
import { backoffMs } from "../http/retry.ts";
import { describeRequest, type HttpAnswer } from "../http/send.ts";
import { refusalOf } from "../refusal.ts";

/** Where a blob can be had. */
export interface BlobPlace {
  readonly connection: Connection;
  /** `/v2/<name>/blobs/<digest>`, or a URL of a foreign layer. */
  readonly path: string;
  readonly scopes: readonly string[];
}

/** So many bytes since the last break show that the connection is not hopeless: the count starts again. */
const progress = 64 << 10;

/**
 * Opens the blob; the first answer has come when this resolves. When the connection breaks, the rest is asked for, up
 * to five times without progress; then the next place is tried. The number of bytes is checked, the digest is not:
 * who reads it from the start hashes it anyway (`UnpackJob.blob`, `verify` of `bytes/`).
 *
 * Throws `Failure("not-found")` and other refusals, `Failure("unavailable")`, `Failure("corrupt")` for a blob that is
 * longer than announced.
 */
export async function openBlob(
  places: readonly BlobPlace[],
  blob: Descriptor,
  options: OpenOptions,
): Promise<ByteSource> {
  const { offset = 0, signal } = options;
  if (offset === blob.size) return nothing();
  const reader = new BlobReader(places, blob, offset, signal);
  return reader.bytes(await reader.connect());
}

/**
 * As `openBlob`, for who has asked already: `answer` is that of a GET of the whole blob, whose head told the size. What it
 * lacks is asked for at the same place.
 */
export function continueBlob(
  place: BlobPlace,
  blob: Descriptor,
  answer: HttpAnswer,
  signal: AbortSignal,
): ByteSource {
  return new BlobReader([place], blob, 0, signal).bytes(answer.body);
}

async function* nothing(): ByteSource {}

class BlobReader {
  readonly #places: readonly BlobPlace[];
  readonly #blob: Descriptor;
  readonly #signal: AbortSignal;
  #place = 0;
  #position: number;
  #failures = 0;

  constructor(places: readonly BlobPlace[], blob: Descriptor, offset: number, signal: AbortSignal) {
    this.#places = places;
    this.#blob = blob;
    this.#position = offset;
    this.#signal = signal;
  }

  /** Asks for the bytes from the present position on, at one place after the other. */
  async connect(): Promise<ByteSource> {
    for (;;) {
      try {
        return await this.#request(this.#places[this.#place] as BlobPlace);
      } catch (error) {
        if (this.#signal.aborted || this.#place === this.#places.length - 1) throw error;
        this.#place += 1;
      }
    }
  }

  async *bytes(first: ByteSource): ByteSource {
    let current = first;
    while (this.#position < this.#blob.size) {
      const start = this.#position;
      try {
        for await (const chunk of current) {
          this.#position += chunk.length;
          if (this.#position > this.#blob.size) throw this.#tooLong();
          yield chunk;
        }
        if (this.#position < this.#blob.size) throw this.#tooShort();
      } catch (error) {
        current = await this.#recover(error, this.#position - start);
      }
    }
  }

  async #recover(cause: unknown, received: number): Promise<ByteSource> {
    let error = cause;
    if (received >= progress) this.#failures = 0;
    for (;;) {
      if (this.#signal.aborted) throw cancelled(this.#signal);
      this.#failures += 1;
      const { clock, downloadRetries } = (this.#places[this.#place] as BlobPlace).connection;
      if (!(error instanceof NetworkFailure) || this.#failures > downloadRetries) throw error;
      await clock.sleep(backoffMs(this.#failures - 1), this.#signal);
      try {
        return await this.connect();
      } catch (failure) {
        error = failure;
      }
    }
  }

  async #request({ connection, path, scopes }: BlobPlace): Promise<ByteSource> {
    const signal = this.#signal;
    const range = this.#position === 0 ? {} : { Range: `bytes=${this.#position}-` };
    const answer = await connection.request({ method: "GET", path, scopes, headers: range, signal });
    if (answer.status === 200) return this.#position === 0 ? answer.body : skip(answer.body, this.#position);
    if (answer.status !== 206) throw await refusalOf("GET", answer);
    return this.#checkRange(answer);
  }

  /** A server that answers with another range would silently give other bytes. */
  #checkRange(answer: HttpAnswer): ByteSource {
    const start = /^bytes (\d+)-/.exec(answer.headers["content-range"] ?? "")?.[1];
    if (start === undefined || Number(start) === this.#position) return answer.body;
    answer.discard();
    const what = describeRequest("GET", answer.url);
    throw new Failure(
      "unavailable",
      `${what}: asked for bytes from ${this.#position}, got them from ${start}`,
    );
  }

  #tooLong(): Failure {
    const { digest, size } = this.#blob;
    return new Failure("corrupt", `blob ${digest} is longer than the ${size} bytes that the manifest says`);
  }

  /** The answer ended in order, so the registry's blob is shorter than the manifest says. */
  #tooShort(): Failure {
    const { digest, size } = this.#blob;
    return new Failure("corrupt", `blob ${digest} ended after ${this.#position} of ${size} bytes`);
  }
}

/** For servers that overlook Range. */
async function* skip(source: ByteSource, bytes: number): ByteSource {
  let left = bytes;
  for await (const chunk of source) {
    if (chunk.length <= left) left -= chunk.length;
    else {
      yield left === 0 ? chunk : chunk.subarray(left);
      left = 0;
    }
  }
}
