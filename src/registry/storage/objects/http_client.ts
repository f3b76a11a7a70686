/**
 * HTTP towards an object store: kept-open connections, signatures made anew for each attempt, retries with backoff.
 * `fetch` is not used: it hides how many connections there are and cannot skip the check of a certificate.
 */
import { Agent as HttpAgent, request as httpRequest, type IncomingHttpHeaders } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { setTimeout as sleep } from "node:timers/promises";
import { abortable, cancelled, collect, throwIfCancelled, type ByteSource } from "../../../bytes/index.ts";
import { Failure } from "../../../errors.ts";

export interface StoreRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  /** In memory, so that an attempt can be repeated. */
  readonly body?: Uint8Array;
  readonly signal?: AbortSignal;
}

export interface StoreResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Must be read to its end, or closed. */
  readonly body: ByteSource;
  /** 1 for the first; an earlier one may have been carried out without us hearing of it. */
  readonly attempt: number;
}

export interface WholeResponse extends Omit<StoreResponse, "body"> {
  readonly bytes: Uint8Array;
}

/** Headers to add to the request; called for each attempt, because signatures carry the time. */
export type Sign = (request: StoreRequest) => Promise<Readonly<Record<string, string>>>;

export interface HttpClientOptions {
  /** Name of the driver, for messages. */
  readonly driver: string;
  readonly sign: Sign;
  readonly userAgent?: string;
  /** Accept any certificate. */
  readonly skipVerify?: boolean;
  /** Attempts in all; default 5. */
  readonly attempts?: number;
  /** Milliseconds before the second attempt, doubled each time, at random between half and whole; default 200. */
  readonly backoff?: number;
  /** Milliseconds without a byte after which a connection counts as broken; default one minute. */
  readonly idle?: number;
}

/** Answers that say "later": too many requests, and failures of the server itself. 501 will not change. */
const later = new Set([408, 429, 500, 502, 503, 504]);
/** Larger documents (errors, listings of 1,000 or 5,000 names) than this come from no store. */
const documentLimit = 32 << 20;

export class HttpClient {
  readonly #options: HttpClientOptions;
  readonly #http = new HttpAgent({ keepAlive: true, maxFreeSockets: 64 });
  readonly #https: HttpsAgent;

  constructor(options: HttpClientOptions) {
    this.#options = options;
    const rejectUnauthorized = options.skipVerify !== true;
    this.#https = new HttpsAgent({ keepAlive: true, maxFreeSockets: 64, rejectUnauthorized });
  }

  /**
   * The answer, whatever its status, after retries of what is worth it. Throws `Failure("unavailable")` when no answer
   * came, and what the signal says.
   */
  async send(request: StoreRequest): Promise<StoreResponse> {
    const { attempts = 5, backoff = 200 } = this.#options;
    for (let attempt = 1; ; attempt++) {
      throwIfCancelled(request.signal);
      const outcome = await this.#attempt(request, attempt).catch((error: unknown) => {
        if (request.signal?.aborted === true) throw cancelled(request.signal);
        if (error instanceof Failure) throw error;
        return error as Error;
      });
      const failed = outcome instanceof Error;
      if (!failed && !later.has(outcome.status)) return outcome;
      if (attempt >= attempts) {
        if (failed) throw this.#unreachable(request, outcome);
        return outcome;
      }
      if (!failed) await discard(outcome.body);
      await pause(backoff * 2 ** (attempt - 1) * (0.5 + Math.random() / 2), request.signal);
    }
  }

  /** As {@link send}, with the whole body, which must be a document and not a blob. */
  async sendWhole(request: StoreRequest): Promise<WholeResponse> {
    const { attempts = 5 } = this.#options;
    for (let attempt = 1; ; attempt++) {
      const response = await this.send(request);
      try {
        const bytes = await collect(response.body, documentLimit, `answer of ${request.url.host}`);
        return { ...response, attempt: Math.max(attempt, response.attempt), bytes };
      } catch (error) {
        if (request.signal?.aborted === true || error instanceof Failure) throw error;
        if (attempt >= attempts) throw this.#unreachable(request, error as Error);
      }
    }
  }

  close(): void {
    this.#http.destroy();
    this.#https.destroy();
  }

  async #attempt(request: StoreRequest, attempt: number): Promise<StoreResponse> {
    const { userAgent = "varve", idle = 60_000, sign } = this.#options;
    const { method, url, body, signal } = request;
    const length = body !== undefined || method === "PUT" || method === "POST";
    const headers = {
      "User-Agent": userAgent,
      ...request.headers,
      ...(length ? { "Content-Length": String(body?.length ?? 0) } : {}),
      ...(await sign(request)),
    };
    const secure = url.protocol === "https:";
    const { promise, resolve, reject } = Promise.withResolvers<StoreResponse>();
    const outgoing = (secure ? httpsRequest : httpRequest)(url, {
      method,
      headers,
      agent: secure ? this.#https : this.#http,
      ...(signal === undefined ? {} : { signal }),
    });
    outgoing.setTimeout(idle, () => outgoing.destroy(new Error(`no answer for ${idle / 1000} s`)));
    outgoing.on("error", reject);
    outgoing.on("response", (incoming) => {
      incoming.on("error", () => undefined); // whoever reads the body hears of it
      const { statusCode: status = 0, headers: answered } = incoming;
      resolve({ status, headers: answered, body: abortable(incoming, signal), attempt });
    });
    outgoing.end(body);
    return promise;
  }

  #unreachable({ method, url }: StoreRequest, cause: Error): Failure {
    const code = (cause as NodeJS.ErrnoException).code ?? cause.message;
    return new Failure(
      "unavailable",
      `${this.#options.driver} does not answer: ${method} ${url.origin}${url.pathname}: ${code}`,
      { cause },
    );
  }
}

/** Reads a body that nobody wants to its end, so that its connection can be used again. */
export async function discard(body: ByteSource): Promise<void> {
  let size = 0;
  try {
    for await (const chunk of body) if ((size += chunk.length) > 1 << 20) return;
  } catch {
    // the connection is gone; there was nothing that anybody wanted
  }
}

async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  await sleep(milliseconds, undefined, signal === undefined ? {} : { signal }).catch(() => {
    throw cancelled(signal);
  });
}
