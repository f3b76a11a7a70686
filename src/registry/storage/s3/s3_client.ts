/** Requests to S3 and to OSS, whose API has S3's shape under other header names. */
import { createHash } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { Failure } from "../../../errors.ts";
import {
  discard,
  HttpClient,
  type StoreRequest,
  type StoreResponse,
  type WholeResponse,
} from "../objects/http_client.ts";
import { storeFailure } from "../objects/store_failure.ts";
import { parseXml, textOf, type XmlElement } from "../objects/xml.ts";
import type { AwsCredentials } from "./aws_credentials.ts";
import {
  authorization,
  encodeKey,
  hmacSigner,
  presigned,
  sha256Hex,
  stamp,
  type SignatureDialect,
} from "./signature_v4.ts";

export interface S3ClientOptions {
  /** `s3` or `oss`, for messages. */
  readonly driver: string;
  readonly dialect: SignatureDialect;
  /** Scheme, host and, in path style, the bucket; ends with `/`. */
  readonly base: URL;
  readonly bucket: string;
  readonly region: string;
  readonly credentials: () => Promise<AwsCredentials>;
  /** Sent with each object that is made: storage class, access list, encryption. */
  readonly objectHeaders: Readonly<Record<string, string>>;
  /** How a conditional put is asked for; S3: `If-None-Match: *`. */
  readonly ifAbsentHeader: readonly [name: string, value: string];
  readonly userAgent?: string;
  readonly skipVerify?: boolean;
  readonly backoff?: number;
}

export interface S3Request {
  readonly method: string;
  readonly key?: string;
  /** `{uploads: ""}` */
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  readonly signal?: AbortSignal;
  /** Answers that the caller knows what to do with; others are thrown. 2xx always is. */
  readonly expect?: readonly number[];
}

export interface S3Answer extends WholeResponse {
  /** Of a document; undefined where there is none. */
  readonly document: XmlElement | undefined;
  /** Code of an error: `NoSuchUpload`. */
  readonly code: string | undefined;
}

const emptyHash = sha256Hex("");

export class S3Client {
  readonly options: S3ClientOptions;
  /** `x-amz-` or `x-oss-`. */
  readonly prefix: string;
  readonly #http: HttpClient;

  constructor(options: S3ClientOptions) {
    this.options = options;
    this.prefix = options.dialect.prefix.toLowerCase();
    const { driver, userAgent, skipVerify, backoff } = options;
    this.#http = new HttpClient({
      driver,
      sign: (request) => this.#sign(request),
      ...(userAgent === undefined ? {} : { userAgent }),
      ...(skipVerify === undefined ? {} : { skipVerify }),
      ...(backoff === undefined ? {} : { backoff }),
    });
  }

  /**
   * An answer with a document. S3 may begin a long answer with 200 and find out later that it failed: such a document
   * counts as 500 and is asked for again.
   */
  async send(request: S3Request): Promise<S3Answer> {
    const wire = this.#wire(request);
    for (let attempt = 1; ; attempt++) {
      const response = await this.#http.sendWhole(wire);
      const document = documentOf(response);
      const failed = document?.name === "Error";
      const code = failed ? textOf(document, "Code") : undefined;
      const good = response.status < 300 && !failed;
      if (good || request.expect?.includes(response.status) === true) return { ...response, document, code };
      if (response.status < 300 && attempt < 5) continue;
      const message = failed ? textOf(document, "Message") : undefined;
      throw storeFailure(this.options.driver, wire, { status: response.status, code, message });
    }
  }

  /** An answer whose body is the caller's to read when the status is 2xx; undefined for 404. */
  async open(request: S3Request): Promise<StoreResponse | undefined> {
    const wire = this.#wire(request);
    const response = await this.#http.send(wire);
    if (response.status < 300) return response;
    await discard(response.body);
    if (response.status === 404) return undefined;
    if (request.expect?.includes(response.status) === true) return response;
    throw storeFailure(this.options.driver, wire, { status: response.status });
  }

  /** An object's headers; undefined for 404. */
  async head(key: string): Promise<IncomingHttpHeaders | undefined> {
    const response = await this.open({ method: "HEAD", key });
    if (response !== undefined) await discard(response.body);
    return response?.headers;
  }

  /** A small object whole; undefined for 404. */
  async read(key: string): Promise<Uint8Array | undefined> {
    const wire = this.#wire({ method: "GET", key });
    const response = await this.#http.sendWhole(wire);
    if (response.status === 404) return undefined;
    if (response.status < 300) return response.bytes;
    throw storeFailure(this.options.driver, wire, { status: response.status });
  }

  async signedUrl(key: string, method: string, seconds: number): Promise<string> {
    const { dialect, region, credentials } = this.options;
    const { accessKey, secretKey, sessionToken } = await credentials();
    const time = new Date();
    const signer = hmacSigner(dialect, { region, accessKey, secretKey }, time);
    const url = this.#url(key, {});
    return presigned(dialect, { method, url, seconds, time, region, accessKey, sessionToken }, signer);
  }

  /** Value of the copy source header: bucket and key. */
  source(key: string): string {
    return `/${this.options.bucket}/${encodeKey(key)}`;
  }

  close(): void {
    this.#http.close();
  }

  #wire({ method, key = "", query = {}, headers = {}, body, signal }: S3Request): StoreRequest {
    return {
      method,
      url: this.#url(key, query),
      headers,
      ...(body === undefined ? {} : { body }),
      ...(signal === undefined ? {} : { signal }),
    };
  }

  #url(key: string, query: Readonly<Record<string, string>>): URL {
    const url = new URL(this.options.base.href + encodeKey(key));
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    return url;
  }

  async #sign(request: StoreRequest): Promise<Record<string, string>> {
    const { dialect, region, credentials } = this.options;
    const { accessKey, secretKey, sessionToken } = await credentials();
    const time = new Date();
    const oss = dialect.unnamedHeaders === true;
    // Bodies are signed where the line is not encrypted, which would keep them whole; hashing costs 1 s a GB.
    const { body } = request;
    const plain = request.url.protocol === "http:" && !oss;
    const payload =
      body === undefined || body.length === 0 ? emptyHash : plain ? sha256Hex(body) : "UNSIGNED-PAYLOAD";
    const added: Record<string, string> = {
      [`${this.prefix}date`]: stamp(time),
      [`${this.prefix}content-sha256`]: oss ? "UNSIGNED-PAYLOAD" : payload,
    };
    if (sessionToken !== undefined) added[`${this.prefix}security-token`] = sessionToken;
    const headers = { ...request.headers, ...added };
    const signed = { ...request, headers, payload: oss ? "UNSIGNED-PAYLOAD" : payload, time };
    return { ...added, Authorization: authorization(dialect, { region, accessKey, secretKey }, signed) };
  }
}

function documentOf({ bytes }: WholeResponse): XmlElement | undefined {
  const text = Buffer.from(bytes).toString("utf8").trimStart();
  return text.startsWith("<") ? parseXml(text) : undefined;
}

export function md5Base64(bytes: Uint8Array): string {
  return createHash("md5").update(bytes).digest("base64");
}

/** The text of a child that has to be there. */
export function need(element: XmlElement | undefined, name: string): string {
  const text = element && textOf(element, name);
  if (text !== undefined) return text;
  throw new Failure("unavailable", `the object store answered without ${name}`);
}
