/** A file under way as an append blob, as distribution has it: it can be read before it is whole, and committing is nothing. */
import type { ByteSource } from "../../../bytes/index.ts";
import { Failure } from "../../../errors.ts";
import { regroup } from "../objects/regroup.ts";
import type { AppendableFile } from "../types.ts";
import type { AzureStore } from "./azure_store.ts";

/** "Append Block": 4 MiB a block, and 50,000 blocks. */
const blockSize = 4 << 20;

export class AppendBlob implements AppendableFile {
  readonly #store: AzureStore;
  readonly #key: string;
  #size: number;

  private constructor(store: AzureStore, key: string, size: number) {
    this.#store = store;
    this.#key = key;
    this.#size = size;
  }

  static async create(store: AzureStore, key: string): Promise<AppendBlob> {
    const headers = { "Content-Type": "application/octet-stream", "x-ms-blob-type": "AppendBlob" };
    await store.replace({ method: "PUT", key, headers, body: new Uint8Array() });
    return new AppendBlob(store, key, 0);
  }

  static async continue(store: AzureStore, key: string): Promise<AppendBlob> {
    const { status, headers } = await store.send({ method: "HEAD", key, expect: [404] });
    if (status === 404) throw new Failure("not-found", `there is no upload ${key}`);
    const size = Number(headers["content-length"]);
    if (headers["x-ms-blob-type"] === "AppendBlob") return new AppendBlob(store, key, size);
    if (size === 0) return AppendBlob.create(store, key);
    throw new Failure("conflict", `${key} is a block blob: nothing can be appended to it`);
  }

  get size(): number {
    return this.#size;
  }

  async append(source: ByteSource, signal: AbortSignal): Promise<number> {
    await regroup(source, { size: blockSize, signal }, (block) => this.#write(block));
    return this.#size;
  }

  async commit(): Promise<void> {}

  async cancel(): Promise<void> {
    await this.#store.delete([this.#key]);
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  /** The position is part of the request, so that a block is never appended twice. */
  async #write(block: Uint8Array): Promise<void> {
    const headers = { "x-ms-blob-condition-appendpos": String(this.#size) };
    const request = { method: "PUT", key: this.#key, query: { comp: "appendblock" }, headers, body: block };
    const { status, attempt, code } = await this.#store.send({ ...request, expect: [412] });
    if (status === 412 && !(attempt > 1 && (await this.#isThere(block)))) {
      throw new Failure("conflict", `somebody else appends to ${this.#key}: ${code ?? "412"}`);
    }
    this.#size += block.length;
  }

  /** An attempt without answer was done: then the block lies at the end. */
  async #isThere(block: Uint8Array): Promise<boolean> {
    const range = { "x-ms-range": `bytes=${this.#size}-` };
    const { status, bytes } = await this.#store.send({
      method: "GET",
      key: this.#key,
      headers: range,
      expect: [404, 416],
    });
    return status < 300 && Buffer.from(bytes).equals(block);
  }
}
