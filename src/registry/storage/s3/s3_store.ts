/** {@link ObjectStore} on S3's API, Amazon's or anybody's. */
import { randomUUID } from "node:crypto";
import { Failure } from "../../../errors.ts";
import { inParallel } from "../objects/in_parallel.ts";
import {
  signedSeconds,
  type GetOptions,
  type Listed,
  type ListOptions,
  type ObjectBody,
  type ObjectInfo,
  type ObjectStore,
  type PutOptions,
} from "../objects/object_store.ts";
import { putSettled } from "../objects/put_settled.ts";
import { childrenOf, escapeXml, textOf } from "../objects/xml.ts";
import type { AppendableFile } from "../types.ts";
import { MultipartFile, type MultipartOptions } from "./multipart_file.ts";
import { dropUploads } from "./multipart_uploads.ts";
import { md5Base64, need, type S3Answer, type S3Client } from "./s3_client.ts";

export interface CopyLimits {
  /** Larger objects are copied in parts. */
  readonly threshold: number;
  readonly chunk: number;
  readonly concurrency: number;
}

export interface S3StoreOptions extends MultipartOptions {
  readonly copy: CopyLimits;
  /** Begins the key of the object by which `auto` finds out. */
  readonly probePrefix: string;
  /** Whether the store honours a conditional put; `auto` finds out at the first one. */
  readonly conditionalWrites: "auto" | "true" | "false";
}

const probe = Buffer.from("varve\n");
const contentType = { "Content-Type": "application/octet-stream" };

export class S3Store implements ObjectStore {
  readonly #client: S3Client;
  readonly #options: S3StoreOptions;
  #conditional: Promise<boolean> | undefined;

  constructor(client: S3Client, options: S3StoreOptions) {
    this.#client = client;
    this.#options = options;
    const { conditionalWrites } = options;
    if (conditionalWrites !== "auto") this.#conditional = Promise.resolve(conditionalWrites === "true");
  }

  async get(key: string, { range, etag, signal }: GetOptions): Promise<ObjectBody | undefined> {
    const headers: Record<string, string> = {};
    if (range !== undefined) headers["Range"] = `bytes=${range.start}-${range.end}`;
    if (etag !== undefined) headers["If-Match"] = etag;
    const request = {
      method: "GET",
      key,
      headers,
      expect: [416],
      ...(signal === undefined ? {} : { signal }),
    };
    const response = await this.#client.open(request);
    if (response === undefined) return undefined;
    return { body: response.status === 416 ? nothing() : response.body, etag: response.headers.etag };
  }

  async head(key: string): Promise<ObjectInfo | undefined> {
    const headers = await this.#client.head(key);
    if (headers === undefined) return undefined;
    const { "content-length": size, "last-modified": modified } = headers;
    return { key, size: Number(size), modified: Date.parse(modified ?? "") || 0 };
  }

  async put(key: string, bytes: Uint8Array, { ifAbsent }: PutOptions): Promise<boolean> {
    if (!ifAbsent) {
      await this.#put(key, bytes, {});
      return true;
    }
    this.#conditional ??= this.#probe();
    return (await this.#conditional) ? this.#putIfAbsent(key, bytes) : this.#putUnconditionally(key, bytes);
  }

  async *list(
    prefix: string,
    { shallow, limit = Infinity }: ListOptions,
  ): AsyncGenerator<Listed, void, undefined> {
    let token: string | undefined;
    let left = limit;
    do {
      const { document } = await this.#client.send({
        method: "GET",
        query: {
          "list-type": "2",
          prefix,
          "max-keys": String(Math.min(left, 1000)),
          ...(shallow ? { delimiter: "/" } : {}),
          ...(token === undefined ? {} : { "continuation-token": token }),
        },
      });
      if (document === undefined) return;
      for (const element of childrenOf(document, "Contents")) {
        const modified = Date.parse(textOf(element, "LastModified") ?? "") || 0;
        const info = { key: need(element, "Key"), size: Number(need(element, "Size")), modified };
        left--;
        yield { kind: "object", info };
      }
      for (const element of childrenOf(document, "CommonPrefixes")) {
        left--;
        yield { kind: "prefix", prefix: need(element, "Prefix") };
      }
      token =
        textOf(document, "IsTruncated") === "true" ? need(document, "NextContinuationToken") : undefined;
    } while (token !== undefined && left > 0);
  }

  async move(from: string, to: string): Promise<void> {
    const source = await this.head(from);
    if (source === undefined) throw new Failure("not-found", `there is no object ${from}`);
    if (source.size > this.#options.copy.threshold) await this.#copyInParts(source, to);
    else await this.#copy(from, to);
    await this.delete([from]);
  }

  async delete(keys: readonly string[]): Promise<void> {
    if (keys.length === 1) {
      await this.#client.send({ method: "DELETE", key: keys[0] as string, expect: [404] });
      return;
    }
    for (let at = 0; at < keys.length; at += 1000) await this.#deleteBatch(keys.slice(at, at + 1000));
  }

  async appendTo(key: string, options: { readonly continuing: boolean }): Promise<AppendableFile> {
    return options.continuing
      ? MultipartFile.continue(this.#client, key, this.#options)
      : MultipartFile.create(this.#client, key, this.#options);
  }

  async dropUploads(key: string): Promise<void> {
    await dropUploads(this.#client, key);
  }

  async signedUrl(key: string, { method }: { readonly method: string }): Promise<string> {
    return this.#client.signedUrl(key, method, signedSeconds);
  }

  close(): void {
    this.#client.close();
  }

  async #put(key: string, body: Uint8Array, more: Readonly<Record<string, string>>, expect: number[] = []) {
    const headers = { ...contentType, ...this.#client.options.objectHeaders, ...more };
    return this.#client.send({ method: "PUT", key, headers, body, expect });
  }

  /** A store that does not know the condition refuses it or, worse, ignores it. One that does refuses the second put. */
  async #probe(): Promise<boolean> {
    const key = `${this.#options.probePrefix}.varve-probe-${randomUUID()}`;
    try {
      const answers = [await this.#tryPutIfAbsent(key, probe), await this.#tryPutIfAbsent(key, probe)];
      return answers.some(alreadyThere);
    } catch (error) {
      this.#conditional = undefined; // the next one asks again
      throw error;
    } finally {
      await this.delete([key]).catch(() => undefined); // 6 bytes that disturb nobody
    }
  }

  async #putIfAbsent(key: string, bytes: Uint8Array): Promise<boolean> {
    for (;;) {
      const answer = await this.#tryPutIfAbsent(key, bytes);
      if (answer.status < 300) return true;
      if (alreadyThere(answer)) return this.#wasOurs(key, bytes, answer);
      // S3 answers 409 to one of two that put at the same moment: what became of the other one is not known yet.
      if (answer.status !== 409) {
        throw new Failure(
          "unavailable",
          `${this.#client.options.driver} refused a conditional put of ${key} with ${answer.status}`,
        );
      }
    }
  }

  async #tryPutIfAbsent(key: string, bytes: Uint8Array): Promise<S3Answer> {
    const [name, value] = this.#client.options.ifAbsentHeader;
    return this.#put(key, bytes, { [name]: value }, [400, 409, 412, 501]);
  }

  /** Of an attempt without answer the next one hears "exists already": then the content tells whose it is. */
  async #wasOurs(key: string, bytes: Uint8Array, { attempt }: S3Answer): Promise<boolean> {
    if (attempt === 1) return false;
    const found = await this.#client.read(key);
    return found !== undefined && Buffer.from(found).equals(bytes);
  }

  async #putUnconditionally(key: string, bytes: Uint8Array): Promise<boolean> {
    const mark = `${this.#client.prefix}meta-writer`;
    return putSettled({
      put: async (writer) => void (await this.#put(key, bytes, { [mark]: writer })),
      writer: async () => {
        const headers = await this.#client.head(key);
        return headers && String(headers[mark] ?? "");
      },
    });
  }

  async #copy(from: string, to: string): Promise<void> {
    const { prefix, options } = this.#client;
    const headers = {
      ...contentType,
      ...options.objectHeaders,
      [`${prefix}copy-source`]: this.#client.source(from),
    };
    await this.#client.send({ method: "PUT", key: to, headers });
  }

  async #copyInParts(source: ObjectInfo, to: string): Promise<void> {
    const { chunk, concurrency } = this.#options.copy;
    const file = await MultipartFile.create(this.#client, to, { ...this.#options, keepOthers: true });
    try {
      const starts = Array.from({ length: Math.ceil(source.size / chunk) }, (_, index) => index * chunk);
      await inParallel(starts, concurrency, async (start) => {
        await file.copyPart(source.key, start / chunk + 1, start, Math.min(start + chunk, source.size) - 1);
      });
      await file.complete();
    } catch (error) {
      await file.abort().catch(() => undefined); // the first failure says more
      throw error;
    }
  }

  async #deleteBatch(keys: readonly string[]): Promise<void> {
    const objects = keys.map((key) => `<Object><Key>${escapeXml(key)}</Key></Object>`).join("");
    const body = Buffer.from(`<Delete><Quiet>true</Quiet>${objects}</Delete>`);
    const headers = { "Content-MD5": md5Base64(body), "Content-Type": "application/xml" };
    const { document } = await this.#client.send({ method: "POST", query: { delete: "" }, headers, body });
    const [failed] = document === undefined ? [] : childrenOf(document, "Error");
    if (failed === undefined || textOf(failed, "Code") === "NoSuchKey") return;
    const kind = textOf(failed, "Code") === "AccessDenied" ? "denied" : "unavailable";
    const said = `${textOf(failed, "Key")}: ${textOf(failed, "Message") ?? textOf(failed, "Code")}`;
    throw new Failure(kind, `${this.#client.options.driver} refused to delete ${said}`);
  }
}

function alreadyThere({ status, code }: S3Answer): boolean {
  return status === 412 || code === "FileAlreadyExists";
}

async function* nothing(): AsyncGenerator<Uint8Array, void, undefined> {}
