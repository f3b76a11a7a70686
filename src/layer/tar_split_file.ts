/** Writes `tar-split.json.gz` while a layer is unpacked. */
import { once } from "node:events";
import { closeSync, openSync, writeSync } from "node:fs";
import { createGzip, type Gzip, gzipSync } from "node:zlib";
import type { ByteString } from "../byte_string.ts";
import { type RawSink, TarSplitWriter } from "../tar/index.ts";

/**
 * Level 1: headers are so regular that level 6 saves a fifth of a small file and costs three times the time
 * (measured on 41,000 headers).
 */
const level = 1;
/** Uncompressed bytes that may wait for the compressor, which runs in another thread. */
const highWater = 1 << 20;
/** Chunks of the record, of 256 KiB at most, that are too few for a compressor of their own. */
const fewChunks = 2;

/**
 * The raw side of a parser. Content that will not lie in the layer's directory under its own name (see
 * `LayerApplier.keepsContent`) is recorded like a header, so that the tar can be made again without it.
 */
export class TarSplitFile implements RawSink {
  readonly #fd: number;
  /** What came so far, as long as there is no compressor. */
  readonly #waiting: Buffer[] = [];
  #gzip: Gzip | undefined;
  readonly #writer: TarSplitWriter;
  readonly #keepsContent: () => boolean;
  #failure: unknown;
  /** An entry that was announced; only the sink, which hears of it next, knows where its content goes. */
  #announced: { readonly name: ByteString; readonly size: number } | undefined;
  #isRaw = false;
  #closed = false;

  /** @param path is created, or overwritten */
  constructor(path: string, keepsContent: () => boolean) {
    this.#keepsContent = keepsContent;
    this.#fd = openSync(path, "w", 0o644);
    this.#writer = new TarSplitWriter((chunk) => this.#add(Buffer.from(chunk)));
  }

  /** Most layers are small: their record is compressed in one go at the end, which spares them the thread pool. */
  #add(chunk: Buffer): void {
    if (this.#gzip === undefined && this.#waiting.length < fewChunks) {
      this.#waiting.push(chunk);
      return;
    }
    this.#gzip ??= this.#start();
    this.#gzip.write(chunk);
  }

  #start(): Gzip {
    const gzip = createGzip({ level, chunkSize: 128 * 1024 });
    gzip.on("data", (each: Uint8Array) => this.#save(each));
    gzip.on("error", (error) => (this.#failure ??= error));
    for (const chunk of this.#waiting.splice(0)) gzip.write(chunk);
    return gzip;
  }

  #save(chunk: Uint8Array): void {
    if (this.#failure !== undefined || this.#closed) return;
    try {
      for (let at = 0; at < chunk.length;) at += writeSync(this.#fd, chunk, at);
    } catch (error) {
      this.#failure = error;
    }
  }

  raw(chunk: Uint8Array): void {
    this.#settle();
    this.#writer.raw(chunk);
  }

  beginContent(name: ByteString, storedSize: number): void {
    this.#settle();
    this.#announced = { name, size: storedSize };
  }

  content(chunk: Uint8Array): void {
    this.#settle();
    if (this.#isRaw) this.#writer.raw(chunk);
    else this.#writer.content(chunk);
  }

  beginRest(): void {
    this.#settle();
    this.#writer.beginRest();
  }

  #settle(): void {
    if (this.#announced === undefined) return;
    const { name, size } = this.#announced;
    this.#announced = undefined;
    this.#isRaw = size > 0 && !this.#keepsContent();
    this.#writer.beginContent(name, this.#isRaw ? 0 : size);
  }

  /** Something to wait for when the compressor has fallen behind. */
  drain(): Promise<void> | undefined {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#gzip === undefined || this.#gzip.writableLength < highWater) return undefined;
    return this.#until(this.#gzip, "drain");
  }

  /** Completes the file. */
  async finish(): Promise<void> {
    this.#settle();
    this.#writer.end();
    const gzip = this.#gzip;
    if (gzip === undefined) {
      this.#save(gzipSync(Buffer.concat(this.#waiting.splice(0)), { level }));
      if (this.#failure !== undefined) throw this.#failure;
    } else {
      const ended = this.#until(gzip, "end");
      gzip.end();
      await ended;
    }
    this.close();
  }

  async #until(gzip: Gzip, event: "drain" | "end"): Promise<void> {
    await once(gzip, event);
    if (this.#failure !== undefined) throw this.#failure;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#gzip?.destroy();
    closeSync(this.#fd);
  }
}
