/** One upstream registry: which names are its, how it is asked, and what is under way. */
import { randomBytes } from "node:crypto";
import { collect } from "../../bytes/index.ts";
import { isFailure } from "../../errors.ts";
import {
  connectTo,
  refusalOf,
  type Connection,
  type DirectConnection,
  type HttpAnswer,
} from "../../remote/index.ts";
import type { RegistryErrorCode } from "../../wire/index.ts";
import type { Exchange } from "../exchange.ts";
import { RegistryError } from "../registry_error.ts";
import { isRepositoryName } from "../tree.ts";
import { BlobDownloads } from "./blob_downloads.ts";
import { RecentTimes } from "./recent_times.ts";
import { SingleFlight } from "./single_flight.ts";
import type { UpstreamSettings, ProxyWatch } from "./types.ts";
import { unreachable, UpstreamUnavailable, upstreamRefusal } from "./upstream_failure.ts";

export type UpstreamOptions = Omit<NonNullable<Parameters<typeof connectTo>[1]>, "credentials" | "userAgent">;

export interface UpstreamRequest {
  readonly method: "GET" | "HEAD";
  /** Of ours. */
  readonly name: string;
  /** Below the repository: `manifests/latest`. */
  readonly path: string;
  readonly accept?: string;
  /** The code for a 404. */
  readonly unknown: RegistryErrorCode;
  /** What came with the client's request. */
  readonly via: string | undefined;
  /** Default: the upstream's own. */
  readonly signal?: AbortSignal;
}

export interface UpstreamAnswer {
  readonly headers: HttpAnswer["headers"];
  readonly bytes: Uint8Array;
}

/** Until the head of an answer. Milliseconds. */
const patience = 20_000;
/** Until the end of a manifest or a list. Milliseconds. */
const smallPatience = 60_000;
/** How long an upstream that failed is not asked for what is here. Milliseconds. */
const recovery = 10_000;

/** Who has seen a request says so in its `Via`; so one that comes back is known (RFC 9110, section 7.6.3). */
const pseudonym = `varve-${randomBytes(6).toString("hex")}`;

export class Upstream implements AsyncDisposable {
  readonly settings: UpstreamSettings;
  /** For messages. */
  readonly host: string;
  /** For metrics and logs. */
  readonly label: string;
  readonly watch: ProxyWatch;
  readonly now: () => number;
  readonly blobs: BlobDownloads;
  readonly flights = new SingleFlight();
  /** When a tag was asked for last, by `name:tag`. */
  readonly checked = new RecentTimes();
  /** When the use of a manifest was last written down, by `name@digest`. */
  readonly used = new RecentTimes();
  readonly #direct: DirectConnection;
  readonly #stop = new AbortController();
  #downUntil = 0;

  constructor(settings: UpstreamSettings, watch: ProxyWatch, options: UpstreamOptions = {}) {
    const { url, credentials } = settings;
    this.settings = settings;
    this.watch = watch;
    this.host = new URL(url).host;
    this.label = settings.prefix || this.host;
    this.now = () => options.clock?.now() ?? Date.now();
    this.#direct = connectTo(url, { ...options, ...(credentials && { credentials }) });
    this.blobs = new BlobDownloads(this);
  }

  /** Ends with the upstream: what is fetched for many does not end with any one of them. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  get connection(): Connection {
    return this.#direct.connection;
  }

  /** Whether it has failed just now. */
  get isDown(): boolean {
    return this.now() < this.#downUntil;
  }

  /** What the upstream calls one of our repositories. Throws NAME_UNKNOWN for a name that it cannot have. */
  nameOf(local: string): string {
    const { prefix, library } = this.settings;
    const rest = prefix === "" ? local : local.slice(prefix.length + 1);
    if (!isRepositoryName(rest)) throw new RegistryError("NAME_UNKNOWN", [{ name: local }]);
    return library && !rest.includes("/") ? `library/${rest}` : rest;
  }

  /** What a token of the upstream must permit. */
  scopesOf(local: string): readonly string[] {
    return [`repository:${this.nameOf(local)}:pull`];
  }

  pathOf(local: string, path: string): string {
    return `/v2/${this.nameOf(local)}/${path}`;
  }

  /**
   * An answer below 400. Throws the request's `unknown` for 404, DENIED where the upstream will not, and
   * {@link UpstreamUnavailable}.
   */
  async ask(request: UpstreamRequest): Promise<HttpAnswer> {
    const { method, name, path, accept, via, signal = this.signal } = request;
    const sent = {
      method,
      path: this.pathOf(name, path),
      scopes: this.scopesOf(name),
      headers: {
        Via: [via, `1.1 ${pseudonym}`].filter(Boolean).join(", "),
        ...(accept && { Accept: accept }),
      },
      answerMs: patience,
      impatient: true,
      signal,
    } as const;
    const answer = await this.connection.request(sent).catch((error: unknown) => {
      throw this.failureOf(error);
    });
    const { status } = answer;
    if (status < 400) return answer;
    const { message } = await refusalOf(method, answer);
    const refusal = upstreamRefusal(this.host, answer, message, request.unknown);
    // Any other status is about this request and not about the next one.
    throw status >= 500 || status === 429 ? this.failureOf(refusal) : refusal;
  }

  /** A small answer with its body. Throws as `ask`, {@link UpstreamUnavailable} for one that is too large. */
  async read(request: Omit<UpstreamRequest, "signal" | "method">, limit: number): Promise<UpstreamAnswer> {
    const signal = AbortSignal.any([this.signal, AbortSignal.timeout(smallPatience)]);
    const { headers, body } = await this.ask({ ...request, method: "GET", signal });
    try {
      const bytes = await collect(body, limit, `the answer of ${this.host}`);
      this.watch.received(this.label, bytes.length);
      return { headers, bytes };
    } catch (error) {
      throw this.failureOf(error);
    }
  }

  /** What went wrong on the way, as a client is told; remembers that the upstream is down. */
  failureOf(error: unknown): unknown {
    if (isFailure(error, "cancelled") && this.signal.aborted) return error;
    const failure = unreachable(this.host, error);
    if (failure instanceof UpstreamUnavailable) {
      if (!this.isDown)
        this.watch.problem("upstream unavailable", { upstream: this.label, error: failure.message });
      this.#downUntil = this.now() + recovery;
    }
    return failure;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.#direct[Symbol.dispose]();
    await Promise.all([this.blobs.ended(), this.flights.ended()]);
  }
}

/** The client's `Via`. Throws DENIED for a request that has been here: an upstream, in the end, is this registry. */
export function viaOf(exchange: Exchange): string | undefined {
  const via = exchange.request.headers["via"];
  if (via === undefined || !via.includes(pseudonym)) return via;
  const message = "the upstream of this repository leads back to this registry";
  throw new RegistryError("DENIED", [undefined], {}, { status: 508, message });
}
