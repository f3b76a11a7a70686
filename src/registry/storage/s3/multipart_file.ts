/**
 * A file under way as a multipart upload, in distribution's way, so that its instances and ours can go on with each
 * other's: the parts that the store lists are the state, there is none beside. A part but the last must have 5 MiB. So
 * an append behind a smaller last part first completes the upload as it is and begins another one, with the object so
 * made as its first part (or, if it is smaller than a part itself, ahead of what comes).
 */
import { abortable, type ByteSource } from "../../../bytes/index.ts";
import { Failure } from "../../../errors.ts";
import { escapeXml } from "../objects/xml.ts";
import { regroup } from "../objects/regroup.ts";
import type { AppendableFile } from "../types.ts";
import {
  abortUpload,
  createOnlyUpload,
  createUpload,
  listParts,
  listUploads,
  type MultipartUpload,
  type Part,
} from "./multipart_uploads.ts";
import { need, type S3Client } from "./s3_client.ts";

export interface MultipartOptions {
  /** Bytes a part. */
  readonly chunkSize: number;
}

/** Amazon S3 API Reference, "Amazon S3 multipart upload limits". */
export const leastPart = 5 << 20;

interface State {
  readonly upload: MultipartUpload;
  readonly parts: readonly Part[];
}

export class MultipartFile implements AppendableFile {
  readonly #client: S3Client;
  readonly #chunkSize: number;
  #upload: MultipartUpload;
  #parts: Part[];

  private constructor(client: S3Client, options: MultipartOptions, { upload, parts }: State) {
    this.#client = client;
    this.#chunkSize = options.chunkSize;
    this.#upload = upload;
    this.#parts = [...parts];
  }

  /** @param options.keepOthers leave other uploads of the key alone */
  static async create(
    client: S3Client,
    key: string,
    options: MultipartOptions & { readonly keepOthers?: boolean },
  ): Promise<MultipartFile> {
    // The next appendTo takes the first upload that it finds, or else the object: there must be none that is older.
    if (options.keepOthers !== true) {
      for (const upload of await listUploads(client, key)) {
        if (upload.key === key) await abortUpload(client, upload);
      }
      await client.send({ method: "DELETE", key, expect: [404] });
    }
    const begin = options.keepOthers === true ? createUpload : createOnlyUpload;
    return new MultipartFile(client, options, { upload: await begin(client, key), parts: [] });
  }

  /** Throws `Failure("not-found")`. */
  static async continue(client: S3Client, key: string, options: MultipartOptions): Promise<MultipartFile> {
    for (const upload of await listUploads(client, key)) {
      const parts = upload.key === key ? await listParts(client, upload) : undefined;
      if (parts === undefined) continue;
      const file = new MultipartFile(client, options, { upload, parts });
      if (parts.length === 0) await file.#recover();
      return file;
    }
    const found = await client.head(key);
    if (found === undefined) throw new Failure("not-found", `there is no upload ${key}`);
    const file = new MultipartFile(client, options, {
      upload: await createOnlyUpload(client, key),
      parts: [],
    });
    await file.#recover();
    return file;
  }

  /** A crash after completing, while the next upload begins, leaves an object without parts: it is all that had come. */
  async #recover(): Promise<void> {
    const found = await this.#client.head(this.#upload.key);
    const size = Number(found?.["content-length"] ?? 0);
    const small = size > 0 ? await this.#takeObject(size) : undefined;
    if (small !== undefined) await this.#write(small);
  }

  get size(): number {
    return this.#parts.reduce((sum, part) => sum + part.size, 0);
  }

  async append(source: ByteSource, signal: AbortSignal): Promise<number> {
    const iterator = abortable(source, signal);
    const next = await iterator.next(); // nothing need be moved about for nothing
    if (next.done) return this.size;
    const first = await this.#makeAppendable();
    const options = {
      size: this.#chunkSize,
      least: leastPart,
      signal,
      ...(first === undefined ? {} : { first }),
    };
    await regroup(resumed(next.value, iterator), options, (part) => this.#write(part));
    return this.size;
  }

  async commit(): Promise<void> {
    await this.complete();
  }

  async cancel(): Promise<void> {
    await this.abort();
    await this.#client.send({ method: "DELETE", key: this.#upload.key, expect: [404] });
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  /** Makes a part of a range of another object; both ends inclusive. Parts may come in any order. */
  async copyPart(from: string, number: number, start: number, end: number): Promise<void> {
    const { prefix } = this.#client;
    const headers = {
      [`${prefix}copy-source`]: this.#client.source(from),
      [`${prefix}copy-source-range`]: `bytes=${start}-${end}`,
    };
    const query = { partNumber: String(number), uploadId: this.#upload.id };
    const { document } = await this.#client.send({ method: "PUT", key: this.#upload.key, query, headers });
    this.#parts.push({ number, etag: need(document, "ETag"), size: end - start + 1 });
  }

  /** Makes the object of the parts. */
  async complete(): Promise<void> {
    // An upload needs one part at least; it may be an empty one.
    if (this.#parts.length === 0) await this.#write(new Uint8Array());
    const parts = this.#parts
      .toSorted((a, b) => a.number - b.number)
      .map(
        ({ number, etag }) =>
          `<Part><PartNumber>${number}</PartNumber><ETag>${escapeXml(etag)}</ETag></Part>`,
      );
    const body = Buffer.from(`<CompleteMultipartUpload>${parts.join("")}</CompleteMultipartUpload>`);
    const { key, id } = this.#upload;
    const headers = { "Content-Type": "application/xml" };
    const request = { method: "POST", key, query: { uploadId: id }, headers, body };
    const { status, attempt } = await this.#client.send({ ...request, expect: [404] });
    // After an attempt without answer "no such upload" means that it was completed, if what is there has our size.
    if (status === 404 && !(attempt > 1 && (await this.#isThere()))) {
      throw new Failure("not-found", `the upload ${key} is gone`);
    }
  }

  async abort(): Promise<void> {
    await abortUpload(this.#client, this.#upload);
  }

  async #isThere(): Promise<boolean> {
    const found = await this.#client.head(this.#upload.key);
    return Number(found?.["content-length"]) === this.size;
  }

  /** Bytes that have to go ahead of what comes. */
  async #makeAppendable(): Promise<Uint8Array | undefined> {
    const last = this.#parts.at(-1);
    if (last === undefined || last.size >= leastPart) return undefined;
    const { size } = this;
    await this.complete();
    this.#upload = await createOnlyUpload(this.#client, this.#upload.key);
    this.#parts = [];
    return this.#takeObject(size);
  }

  /** Takes the object that the key leads to as this upload's beginning. */
  async #takeObject(size: number): Promise<Uint8Array | undefined> {
    const { key } = this.#upload;
    if (size >= leastPart) {
      // A part has 5 GiB at most.
      const most = 4 * 1024 ** 3;
      const count = Math.ceil(size / most);
      const each = Math.ceil(size / count);
      for (let at = 0; at < count; at++)
        await this.copyPart(key, at + 1, at * each, Math.min(size, (at + 1) * each) - 1);
      return undefined;
    }
    const found = await this.#client.read(key);
    if (found === undefined) throw new Failure("not-found", `the upload ${key} is gone`);
    return found;
  }

  async #write(bytes: Uint8Array): Promise<void> {
    const number = (this.#parts.at(-1)?.number ?? 0) + 1;
    const query = { partNumber: String(number), uploadId: this.#upload.id };
    const { headers } = await this.#client.send({ method: "PUT", key: this.#upload.key, query, body: bytes });
    const { etag } = headers;
    if (etag === undefined)
      throw new Failure("unavailable", `the object store took a part of ${this.#upload.key} without ETag`);
    this.#parts.push({ number, etag, size: bytes.length });
  }
}

async function* resumed(
  first: Uint8Array,
  rest: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield first;
    for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
  } finally {
    await rest.return?.();
  }
}
