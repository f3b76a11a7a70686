/** {@link ObjectStore} on Azure Blob Storage, one container. Source: "Blob service REST API". */
import { setTimeout as sleep } from "node:timers/promises";
import { Failure } from "../../../errors.ts";
import {
  discard,
  type HttpClient,
  type StoreRequest,
  type StoreResponse,
  type WholeResponse,
} from "../objects/http_client.ts";
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
import { storeFailure } from "../objects/store_failure.ts";
import { childrenOf, parseXml, textOf } from "../objects/xml.ts";
import { encodeKey } from "../s3/signature_v4.ts";
import type { AppendableFile } from "../types.ts";
import { AppendBlob } from "./append_blob.ts";
import { sasUrl } from "./azure_auth.ts";

export interface AzureStoreOptions {
  readonly http: HttpClient;
  /** Of the container, without a final slash. */
  readonly base: URL;
  readonly container: string;
  /** With it addresses can be signed. */
  readonly sharedKey?: { readonly account: string; readonly key: string };
}

export interface AzureRequest {
  readonly method: string;
  readonly key?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  readonly signal?: AbortSignal;
  /** Answers besides 2xx that the caller knows what to do with. */
  readonly expect?: readonly number[];
}

export interface AzureAnswer extends WholeResponse {
  /** `BlobAlreadyExists` */
  readonly code: string | undefined;
}

/** Bytes a block of what goes through us. */
const throughSize = 8 << 20;
const contentType = { "Content-Type": "application/octet-stream" };

export class AzureStore implements ObjectStore {
  readonly #options: AzureStoreOptions;

  constructor(options: AzureStoreOptions) {
    this.#options = options;
  }

  async send(request: AzureRequest): Promise<AzureAnswer> {
    const wire = this.#wire(request);
    const answer = await this.#options.http.sendWhole(wire);
    const code = answer.headers["x-ms-error-code"];
    const result = { ...answer, code: code === undefined ? undefined : String(code) };
    if (answer.status < 300 || request.expect?.includes(answer.status) === true) return result;
    throw storeFailure("azure", wire, result);
  }

  async get(key: string, { range, etag, signal }: GetOptions): Promise<ObjectBody | undefined> {
    const headers: Record<string, string> = {};
    if (range !== undefined) headers["x-ms-range"] = `bytes=${range.start}-${range.end}`;
    if (etag !== undefined) headers["If-Match"] = etag;
    const wire = this.#wire({ method: "GET", key, headers, ...(signal === undefined ? {} : { signal }) });
    const response: StoreResponse = await this.#options.http.send(wire);
    if (response.status < 300) return { body: response.body, etag: response.headers.etag };
    await discard(response.body);
    if (response.status === 404) return undefined;
    if (response.status === 416) return { body: nothing(), etag };
    throw storeFailure("azure", wire, {
      status: response.status,
      code: String(response.headers["x-ms-error-code"] ?? ""),
    });
  }

  async head(key: string): Promise<ObjectInfo | undefined> {
    const { status, headers } = await this.send({ method: "HEAD", key, expect: [404] });
    if (status === 404) return undefined;
    const modified = Date.parse(headers["last-modified"] ?? "") || 0;
    return { key, size: Number(headers["content-length"]), modified };
  }

  async put(key: string, body: Uint8Array, { ifAbsent }: PutOptions): Promise<boolean> {
    const condition: Record<string, string> = ifAbsent ? { "If-None-Match": "*" } : {};
    const headers = { ...contentType, ...condition, "x-ms-blob-type": "BlockBlob" };
    if (!ifAbsent) {
      await this.replace({ method: "PUT", key, headers, body });
      return true;
    }
    const { status, attempt } = await this.send({ method: "PUT", key, headers, body, expect: [409, 412] });
    if (status < 300) return true;
    // Of an attempt without answer the next one hears "exists already": then the content tells whose it is.
    if (attempt === 1) return false;
    const { bytes } = await this.send({ method: "GET", key, expect: [404] });
    return Buffer.from(bytes).equals(body);
  }

  /** Does a request that puts a blob in place, after deleting one of another type: Azure does not change types. */
  async replace(request: AzureRequest & { readonly key: string }): Promise<AzureAnswer> {
    const answer = await this.send({ ...request, expect: [...(request.expect ?? []), 409] });
    if (answer.status !== 409) return answer;
    if (answer.code !== "InvalidBlobType") throw storeFailure("azure", this.#wire(request), answer);
    await this.delete([request.key]);
    return this.send(request);
  }

  async *list(
    prefix: string,
    { shallow, limit = Infinity }: ListOptions,
  ): AsyncGenerator<Listed, void, undefined> {
    let marker = "";
    let left = limit;
    do {
      const query = {
        restype: "container",
        comp: "list",
        prefix,
        maxresults: String(Math.min(left, 5000)),
        ...(shallow ? { delimiter: "/" } : {}),
        ...(marker === "" ? {} : { marker }),
      };
      const { bytes } = await this.send({ method: "GET", query });
      const document = parseXml(
        Buffer.from(bytes)
          .toString("utf8")
          .replace(/^\ufeff/, ""),
      );
      const [blobs] = childrenOf(document, "Blobs");
      for (const element of blobs?.children ?? []) {
        left--;
        const name = textOf(element, "Name") ?? "";
        if (element.name === "BlobPrefix") yield { kind: "prefix", prefix: name };
        else {
          const size = Number(textOf(element, "Properties", "Content-Length"));
          const modified = Date.parse(textOf(element, "Properties", "Last-Modified") ?? "") || 0;
          yield { kind: "object", info: { key: name, size, modified } };
        }
      }
      marker = textOf(document, "NextMarker") ?? "";
    } while (marker !== "" && left > 0);
  }

  async move(from: string, to: string): Promise<void> {
    const headers = { "x-ms-copy-source": this.#url(from, {}).href };
    const request = { method: "PUT", key: to, headers };
    const answer = await this.send({ ...request, expect: [404, 409] });
    if (answer.status === 404) throw new Failure("not-found", `there is no blob ${from}`);
    if (answer.code === "InvalidBlobType") await this.#copyThrough(from, to);
    else if (answer.status === 409) throw storeFailure("azure", this.#wire(request), answer);
    else await this.#copied(from, to, String(answer.headers["x-ms-copy-status"]));
    await this.delete([from]);
  }

  async delete(keys: readonly string[]): Promise<void> {
    await inParallel(
      keys,
      16,
      async (key) => void (await this.send({ method: "DELETE", key, expect: [404] })),
    );
  }

  async appendTo(key: string, { continuing }: { readonly continuing: boolean }): Promise<AppendableFile> {
    return continuing ? AppendBlob.continue(this, key) : AppendBlob.create(this, key);
  }

  /** Only the shared key can sign here; with a token the registry passes the bytes on itself. */
  async signedUrl(key: string): Promise<string | undefined> {
    const { sharedKey, container } = this.#options;
    if (sharedKey === undefined) return undefined;
    return sasUrl({ ...sharedKey, container, blob: key, url: this.#url(key, {}), seconds: signedSeconds });
  }

  close(): void {
    this.#options.http.close();
  }

  /** A copy of Azure's own may take its time. */
  async #copied(from: string, to: string, answered: string): Promise<void> {
    let status = answered;
    for (let pause = 50; status === "pending"; pause = Math.min(pause * 2, 5000)) {
      await sleep(pause);
      const { headers } = await this.send({ method: "HEAD", key: to });
      status = String(headers["x-ms-copy-status"]);
    }
    if (status !== "success")
      throw new Failure("unavailable", `azure's copy of ${from} to ${to} ended as ${status}`);
  }

  /**
   * The target is a blob of another type, which a copy does not replace. A block blob is replaced at once by a list of
   * blocks, whose bytes go through us; an append blob has to be deleted first.
   */
  async #copyThrough(from: string, to: string): Promise<void> {
    const { headers } = await this.send({ method: "HEAD", key: to, expect: [404] });
    if (headers["x-ms-blob-type"] === "AppendBlob") await this.delete([to]);
    const source = await this.head(from);
    if (source === undefined) throw new Failure("not-found", `there is no blob ${from}`);
    const ids: string[] = [];
    for (let start = 0; start < source.size; start += throughSize) {
      const blockid = Buffer.from(String(ids.length).padStart(8, "0")).toString("base64");
      const range = { "x-ms-range": `bytes=${start}-${start + throughSize - 1}` };
      const { bytes } = await this.send({ method: "GET", key: from, headers: range });
      await this.send({ method: "PUT", key: to, query: { comp: "block", blockid }, body: bytes });
      ids.push(blockid);
    }
    const body = Buffer.from(`<BlockList>${ids.map((id) => `<Latest>${id}</Latest>`).join("")}</BlockList>`);
    await this.send({ method: "PUT", key: to, query: { comp: "blocklist" }, body });
  }

  #wire({ method, key, query = {}, headers = {}, body, signal }: AzureRequest): StoreRequest {
    return {
      method,
      url: this.#url(key, query),
      headers,
      ...(body === undefined ? {} : { body }),
      ...(signal === undefined ? {} : { signal }),
    };
  }

  #url(key: string | undefined, query: Readonly<Record<string, string>>): URL {
    const url = new URL(this.#options.base.href + (key === undefined ? "" : `/${encodeKey(key)}`));
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    return url;
  }
}

async function* nothing(): AsyncGenerator<Uint8Array, void, undefined> {}
