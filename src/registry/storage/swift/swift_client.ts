/** Requests to one container of Swift: a session that is renewed when its token ends, the container made if need be. */
import { createHmac, randomBytes } from "node:crypto";
import { Failure } from "../../../errors.ts";
import {
  discard,
  HttpClient,
  type StoreRequest,
  type StoreResponse,
  type WholeResponse,
} from "../objects/http_client.ts";
import { signedSeconds } from "../objects/object_store.ts";
import { storeFailure } from "../objects/store_failure.ts";
import { encodeKey, encodePart } from "../s3/signature_v4.ts";
import { logIn, type SwiftLogin, type SwiftSession } from "./swift_auth.ts";

export interface SwiftClientOptions {
  readonly login: SwiftLogin;
  readonly container: string;
  /** Of signed addresses; without one the container's own is used, or a new one given to it. */
  readonly urlKey?: string | undefined;
}

export interface SwiftRequest {
  readonly method: string;
  /** Default: the container itself. */
  readonly key?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  readonly signal?: AbortSignal;
  /** Answers besides 2xx that the caller knows what to do with. */
  readonly expect?: readonly number[];
}

interface UrlSigning {
  readonly key: string;
  readonly digest: "sha1" | "sha256";
}

export class SwiftClient {
  readonly container: string;
  readonly #options: SwiftClientOptions;
  readonly #http: HttpClient;
  #session: Promise<SwiftSession> | undefined;
  #signing: Promise<UrlSigning | undefined> | undefined;

  constructor(options: SwiftClientOptions) {
    this.#options = options;
    this.container = options.container;
    this.#http = new HttpClient({
      driver: "swift",
      sign: async () => ({}),
      skipVerify: options.login.skipVerify,
    });
  }

  /** An answer whose body is the caller's to read. */
  async open(request: SwiftRequest): Promise<StoreResponse> {
    for (let attempt = 1; ; attempt++) {
      const session = await this.#logIn();
      const wire = this.#wire(session, request);
      const response = await this.#http.send(wire);
      if (response.status < 300 || request.expect?.includes(response.status) === true) return response;
      await discard(response.body);
      if (response.status === 401 && attempt === 1) this.#forget(session);
      else throw failure(wire, response);
    }
  }

  async send(request: SwiftRequest): Promise<WholeResponse> {
    for (let attempt = 1; ; attempt++) {
      const session = await this.#logIn();
      const wire = this.#wire(session, request);
      const response = await this.#http.sendWhole(wire);
      if (response.status < 300 || request.expect?.includes(response.status) === true) return response;
      if (response.status === 401 && attempt === 1) this.#forget(session);
      else throw failure(wire, response);
    }
  }

  /** Swift documentation, "Temporary URL middleware". Undefined where the server does not have it. */
  async signedUrl(key: string): Promise<string | undefined> {
    this.#signing ??= this.#findSigning();
    const signing = await this.#signing.catch((error: unknown) => {
      this.#signing = undefined;
      throw error;
    });
    if (signing === undefined) return undefined;
    const { storageUrl } = await this.#logIn();
    const url = new URL(`${storageUrl}/${encodePart(this.container)}/${encodeKey(key)}`);
    const expires = Math.floor(Date.now() / 1000) + signedSeconds;
    // What is signed is the path before it is encoded. A signature for GET is good for HEAD.
    const text = `GET\n${expires}\n${decodeURIComponent(url.pathname)}`;
    url.searchParams.set("temp_url_sig", createHmac(signing.digest, signing.key).update(text).digest("hex"));
    url.searchParams.set("temp_url_expires", String(expires));
    return url.href;
  }

  close(): void {
    this.#http.close();
  }

  async #logIn(): Promise<SwiftSession> {
    this.#session ??= this.#begin();
    return this.#session.catch((error: unknown) => {
      this.#session = undefined;
      throw error;
    });
  }

  async #begin(): Promise<SwiftSession> {
    const session = await logIn(this.#options.login);
    const wire = this.#wire(session, { method: "HEAD" });
    const { status } = await this.#http.sendWhole(wire);
    if (status === 404) {
      const made = await this.#http.sendWhole({ ...wire, method: "PUT" });
      if (made.status >= 300) throw failure(wire, made);
    } else if (status >= 300) throw failure(wire, { status });
    return session;
  }

  /** Unless another request has begun a new one already. */
  #forget(session: SwiftSession): void {
    if (this.#session !== undefined) this.#session = this.#renew(this.#session, session);
  }

  async #renew(known: Promise<SwiftSession>, ended: SwiftSession): Promise<SwiftSession> {
    const current = await known;
    return current === ended ? this.#begin() : current;
  }

  #wire({ token, storageUrl }: SwiftSession, request: SwiftRequest): StoreRequest {
    const { method, key, query = {}, headers = {}, body, signal } = request;
    const url = new URL(
      `${storageUrl}/${encodePart(this.container)}${key === undefined ? "" : `/${encodeKey(key)}`}`,
    );
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    return {
      method,
      url,
      headers: { ...headers, "X-Auth-Token": token },
      ...(body === undefined ? {} : { body }),
      ...(signal === undefined ? {} : { signal }),
    };
  }

  /** A key of ours beats the container's, the container's beats a new one: several instances must sign alike. */
  async #findSigning(): Promise<UrlSigning | undefined> {
    const digest = await this.#digest();
    if (digest === undefined) return undefined;
    const name = "x-container-meta-temp-url-key";
    const { headers } = await this.send({ method: "HEAD" });
    const known = headers[name];
    const { urlKey } = this.#options;
    if (known !== undefined && (urlKey === undefined || urlKey === known))
      return { digest, key: String(known) };
    const key = urlKey ?? randomBytes(32).toString("hex");
    await this.send({ method: "POST", headers: { [name]: key } });
    return { digest, key };
  }

  async #digest(): Promise<UrlSigning["digest"] | undefined> {
    const { storageUrl } = await this.#logIn();
    const answer = await this.#http.sendWhole({ method: "GET", url: new URL("/info", storageUrl) });
    if (answer.status >= 300) return undefined;
    const info = JSON.parse(Buffer.from(answer.bytes).toString("utf8")) as {
      readonly tempurl?: {
        readonly methods?: readonly string[];
        readonly allowed_digests?: readonly string[];
      };
    };
    if (info.tempurl?.methods?.includes("GET") !== true) return undefined;
    return (info.tempurl.allowed_digests ?? ["sha1"]).includes("sha256") ? "sha256" : "sha1";
  }
}

function failure(
  wire: StoreRequest,
  { status, bytes }: { readonly status: number; readonly bytes?: Uint8Array },
): Failure {
  const message =
    bytes &&
    Buffer.from(bytes)
      .toString("utf8")
      .replaceAll(/<[^>]*>/g, " ")
      .trim();
  // Swift, "Container quotas" and "Account quotas": 413.
  return storeFailure("swift", wire, {
    status,
    message,
    ...(status === 413 ? { code: "QuotaExceeded" } : {}),
  });
}
