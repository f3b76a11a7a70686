/** {@link ObjectStore} on Google Cloud Storage, by its JSON API. */
import { sign } from "node:crypto";
import { Failure } from "../../../errors.ts";
import { discard, type HttpClient, type StoreRequest, type WholeResponse } from "../objects/http_client.ts";
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
import { encodeKey, googleDialect, presigned } from "../s3/signature_v4.ts";
import type { AppendableFile } from "../types.ts";
import type { GoogleIdentity } from "./google_auth.ts";
import { ResumableFile, sessionType } from "./resumable_file.ts";

export interface GcsStoreOptions {
  readonly http: HttpClient;
  /** `https://storage.googleapis.com` */
  readonly endpoint: URL;
  readonly bucket: string;
  readonly chunkSize: number;
  readonly signer: GoogleIdentity["signer"];
}

export interface GcsRequest {
  readonly method: string;
  /** Behind the endpoint, or a whole address. */
  readonly path: string | URL;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  readonly signal?: AbortSignal;
  /** Answers besides 2xx that the caller knows what to do with. */
  readonly expect?: readonly number[];
}

/** "Objects: resource", as much of it as is asked for. */
export interface GcsObject {
  readonly name: string;
  readonly size?: string;
  readonly updated?: string;
  readonly contentType?: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

const fields = "name,size,updated,contentType,metadata";

export class GcsStore implements ObjectStore {
  readonly #options: GcsStoreOptions;

  constructor(options: GcsStoreOptions) {
    this.#options = options;
  }

  async send(request: GcsRequest): Promise<WholeResponse> {
    const wire = this.#wire(request);
    const answer = await this.#options.http.sendWhole(wire);
    if (answer.status < 300 || request.expect?.includes(answer.status) === true) return answer;
    throw storeFailure("gcs", wire, { status: answer.status, ...said(answer) });
  }

  /** Path of an object's resource. */
  resource(key: string): string {
    return `/storage/v1/b/${encodeURIComponent(this.#options.bucket)}/o/${encodeURIComponent(key)}`;
  }

  /** Path to which new objects are sent. */
  get uploads(): string {
    return `/upload/storage/v1/b/${encodeURIComponent(this.#options.bucket)}/o`;
  }

  async find(key: string): Promise<GcsObject | undefined> {
    const { status, bytes } = await this.send({
      method: "GET",
      path: this.resource(key),
      query: { fields },
      expect: [404],
    });
    return status === 404 ? undefined : (JSON.parse(Buffer.from(bytes).toString("utf8")) as GcsObject);
  }

  async get(key: string, { range, etag, signal }: GetOptions): Promise<ObjectBody | undefined> {
    const request = {
      method: "GET",
      path: this.resource(key),
      query: { alt: "media", ...(etag === undefined ? {} : { ifGenerationMatch: etag }) },
      headers: range === undefined ? {} : { Range: `bytes=${range.start}-${range.end}` },
    };
    const wire = this.#wire(signal === undefined ? request : { ...request, signal });
    const response = await this.#options.http.send(wire);
    const generation = response.headers["x-goog-generation"];
    const hidden = response.headers["content-type"] === sessionType;
    if (response.status < 300 && !hidden) {
      return { body: response.body, etag: generation === undefined ? undefined : String(generation) };
    }
    await discard(response.body);
    if (response.status === 404 || hidden) return undefined;
    if (response.status === 416) return { body: nothing(), etag };
    throw storeFailure("gcs", wire, { status: response.status });
  }

  /** An upload under way is an object of a type of its own; to readers it is not there. */
  async head(key: string): Promise<ObjectInfo | undefined> {
    const found = await this.find(key);
    return found === undefined || found.contentType === sessionType ? undefined : infoOf(found);
  }

  async put(key: string, body: Uint8Array, { ifAbsent }: PutOptions): Promise<boolean> {
    const query = { uploadType: "media", name: key, ...(ifAbsent ? { ifGenerationMatch: "0" } : {}) };
    const headers = { "Content-Type": "application/octet-stream" };
    const request = {
      method: "POST",
      path: this.uploads,
      query,
      headers,
      body,
      expect: ifAbsent ? [412] : [],
    };
    const { status, attempt } = await this.send(request);
    if (status < 300) return true;
    // Of an attempt without answer the next one hears "exists already": then the content tells whose it is.
    if (attempt === 1) return false;
    const media = await this.send({
      method: "GET",
      path: this.resource(key),
      query: { alt: "media" },
      expect: [404],
    });
    return Buffer.from(media.bytes).equals(body);
  }

  async *list(
    prefix: string,
    { shallow, limit = Infinity }: ListOptions,
  ): AsyncGenerator<Listed, void, undefined> {
    let token: string | undefined;
    let left = limit;
    do {
      const { bytes } = await this.send({
        method: "GET",
        path: `/storage/v1/b/${encodeURIComponent(this.#options.bucket)}/o`,
        query: {
          prefix,
          maxResults: String(Math.min(left, 1000)),
          fields: "nextPageToken,prefixes,items(name,size,updated,contentType)",
          ...(shallow ? { delimiter: "/" } : {}),
          ...(token === undefined ? {} : { pageToken: token }),
        },
      });
      const page = JSON.parse(Buffer.from(bytes).toString("utf8")) as {
        readonly items?: readonly GcsObject[];
        readonly prefixes?: readonly string[];
        readonly nextPageToken?: string;
      };
      for (const item of page.items ?? []) {
        left--;
        if (!shallow || item.contentType !== sessionType) yield { kind: "object", info: infoOf(item) };
      }
      for (const name of page.prefixes ?? []) {
        left--;
        yield { kind: "prefix", prefix: name };
      }
      token = page.nextPageToken;
    } while (token !== undefined && left > 0);
  }

  /** "Objects: rewrite": a large one takes several calls, each going on with the token of the one before. */
  async move(from: string, to: string): Promise<void> {
    const path = `${this.resource(from)}/rewriteTo${this.resource(to).slice("/storage/v1".length)}`;
    let token: string | undefined;
    do {
      const query: Record<string, string> = token === undefined ? {} : { rewriteToken: token };
      const { status, bytes } = await this.send({ method: "POST", path, query, expect: [404] });
      if (status === 404) throw new Failure("not-found", `there is no object ${from}`);
      const answer = JSON.parse(Buffer.from(bytes).toString("utf8")) as {
        done: boolean;
        rewriteToken?: string;
      };
      token = answer.done ? undefined : answer.rewriteToken;
    } while (token !== undefined);
    await this.delete([from]);
  }

  async delete(keys: readonly string[]): Promise<void> {
    await inParallel(keys, 16, async (key) => {
      await this.send({ method: "DELETE", path: this.resource(key), expect: [404] });
    });
  }

  async appendTo(key: string, { continuing }: { readonly continuing: boolean }): Promise<AppendableFile> {
    const { chunkSize } = this.#options;
    return continuing
      ? ResumableFile.continue(this, key, chunkSize)
      : ResumableFile.create(this, key, chunkSize);
  }

  /** Only a service account's key can sign here; without one the registry passes the bytes on itself. */
  async signedUrl(key: string, { method }: { readonly method: string }): Promise<string | undefined> {
    const signer = await this.#options.signer();
    if (signer === undefined) return undefined;
    const { endpoint, bucket } = this.#options;
    const url = new URL(`/${bucket}/${encodeKey(key)}`, endpoint);
    const presign = {
      method,
      url,
      seconds: signedSeconds,
      time: new Date(),
      region: "auto",
      accessKey: signer.email,
    };
    return presigned(googleDialect, presign, (text) =>
      sign("sha256", Buffer.from(text), signer.privateKey).toString("hex"),
    );
  }

  close(): void {
    this.#options.http.close();
  }

  #wire({ method, path, query = {}, headers = {}, body, signal }: GcsRequest): StoreRequest {
    const url = path instanceof URL ? path : new URL(path, this.#options.endpoint);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    return {
      method,
      url,
      headers,
      ...(body === undefined ? {} : { body }),
      ...(signal === undefined ? {} : { signal }),
    };
  }
}

function infoOf({ name, size, updated }: GcsObject): ObjectInfo {
  return { key: name, size: Number(size), modified: Date.parse(updated ?? "") || 0 };
}

function said({ bytes }: WholeResponse): { code?: string; message?: string } {
  const text = Buffer.from(bytes).toString("utf8");
  try {
    const { error } = JSON.parse(text) as { error?: { message?: string; errors?: { reason?: string }[] } };
    const code = error?.errors?.[0]?.reason;
    return { ...(code === undefined ? {} : { code }), message: error?.message ?? text };
  } catch {
    return { message: text };
  }
}

async function* nothing(): AsyncGenerator<Uint8Array, void, undefined> {}
