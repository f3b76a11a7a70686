/** A file under way in Swift: each append adds segments; the manifest is there from the beginning. */
import { setTimeout as sleep } from "node:timers/promises";
import type { ByteSource } from "../../../bytes/index.ts";
import { Failure } from "../../../errors.ts";
import { regroup } from "../objects/regroup.ts";
import type { AppendableFile } from "../types.ts";
import { contentType, type Segment, type Segments } from "./segments.ts";
import type { SwiftClient } from "./swift_client.ts";

export interface SegmentedFileOptions {
  readonly client: SwiftClient;
  readonly segments: Segments;
  readonly chunkSize: number;
  readonly key: string;
  readonly place: string;
}

/** distribution waits as long for a listing to catch up. */
const listingPatience = 15_000;

export class SegmentedFile implements AppendableFile {
  readonly #options: SegmentedFileOptions;
  readonly #written: Segment[];

  constructor(options: SegmentedFileOptions, written: readonly Segment[]) {
    this.#options = options;
    this.#written = [...written];
  }

  get size(): number {
    return this.#written.reduce((sum, { size }) => sum + size, 0);
  }

  async append(source: ByteSource, signal: AbortSignal): Promise<number> {
    const { client, segments, place, chunkSize } = this.#options;
    await regroup(source, { size: chunkSize, signal }, async (body) => {
      const number = (this.#written.at(-1)?.number ?? 0) + 1;
      await client.send({ method: "PUT", key: segments.keyOf(place, number), headers: contentType, body });
      this.#written.push({ number, size: body.length });
    });
    return this.size;
  }

  async commit(): Promise<void> {
    const { client, key } = this.#options;
    // distribution takes an empty manifest for one whose segments are late, and waits for them.
    if (this.size === 0)
      await client.send({ method: "PUT", key, headers: contentType, body: new Uint8Array() });
    else await awaitSize(client, key, this.size);
  }

  async cancel(): Promise<void> {
    const { client, segments, place, key } = this.#options;
    await client.send({ method: "DELETE", key, expect: [404] });
    await segments.release(place, key);
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

/** Until the listing from which Swift puts the file together has all segments. */
export async function awaitSize(client: SwiftClient, key: string, size: number): Promise<void> {
  for (let waited = 0, pause = 20; ; waited += pause, pause *= 2) {
    const { headers } = await client.send({ method: "HEAD", key });
    const found = Number(headers["content-length"]);
    if (found === size) return;
    if (waited > listingPatience) {
      throw new Failure(
        "unavailable",
        `swift shows ${found} of ${size} bytes of ${key} after ${listingPatience / 1000} s`,
      );
    }
    await sleep(pause);
  }
}
