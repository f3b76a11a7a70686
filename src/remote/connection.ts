/** Requests to one endpoint: authenticated, redirected, and tried again where that may help. */
import type { OutgoingHttpHeaders } from "node:http";
import type { ByteSource } from "../bytes/index.ts";
import { Failure } from "../errors.ts";
import { chooseChallenge, type Challenge } from "./auth/challenge.ts";
import { basicAuthorization, userOf, type CredentialLookup, type Credentials } from "./auth/credentials.ts";
import type { Token, TokenRequest, Tokens } from "./auth/tokens.ts";
import type { Endpoint } from "./hosts/endpoints.ts";
import type { Clock } from "./http/clock.ts";
import { NetworkFailure } from "./http/network_failure.ts";
import { backoffMs, isBusy, maxRetries, retryAfterMs } from "./http/retry.ts";
import { describeRequest, type HttpAnswer, type HttpRequest } from "./http/send.ts";
import { Refusal, refusalOf } from "./refusal.ts";

export interface RemoteRequest {
  readonly method: "GET" | "HEAD" | "POST" | "PATCH" | "PUT" | "DELETE";
  /** `/v2/...`, or a whole URL that the registry gave in `Location`. */
  readonly path: string;
  /** What a token must permit: `repository:library/alpine:pull`. */
  readonly scopes: readonly string[];
  readonly headers?: OutgoingHttpHeaders;
  /** A stream is sent once: what fails then is the caller's to try again. */
  readonly body?: Uint8Array | ByteSource;
  readonly answerMs?: number;
  /** Somebody waits who has another way out: a network fault is tried once more, a "busy" answer handed on at once. */
  readonly impatient?: boolean;
  readonly signal: AbortSignal;
}

export interface ConnectionOptions {
  readonly send: (request: HttpRequest) => Promise<HttpAnswer>;
  readonly tokens: Tokens;
  readonly credentials: CredentialLookup;
  readonly clock: Clock;
  readonly userAgent: string;
  /** Default 5. */
  readonly downloadRetries?: number | undefined;
  readonly isInsecure: (host: string) => boolean;
}

const redirects = new Set([301, 302, 303, 307, 308]);
/** As Go's client. */
const maxRedirects = 10;

export class Connection {
  readonly endpoint: Endpoint;
  readonly #options: ConnectionOptions;
  readonly #base: URL;
  #challenge: Challenge | undefined;
  #greeted = false;
  #extensions: ReadonlySet<string> = new Set();

  constructor(endpoint: Endpoint, options: ConnectionOptions) {
    this.endpoint = endpoint;
    this.#base = new URL(endpoint.base);
    this.#options = options;
  }

  get clock(): Clock {
    return this.#options.clock;
  }

  /** How often a blob is asked for again that breaks off. */
  get downloadRetries(): number {
    return this.#options.downloadRetries ?? maxRetries;
  }

  /**
   * `GET /v2/`, without credentials: finds out whether the endpoint is there and how it wants to be asked.
   * Throws {@link NetworkFailure} if it cannot be reached, a `Refusal` for a server error.
   *
   * @param patient false: one try, because there is another endpoint to turn to. Where no way leads there it is one in any
   *   case, as with Docker: most machines that cannot reach a registry at all will not in a quarter of a minute either.
   */
  async ping(signal: AbortSignal, patient: boolean): Promise<void> {
    const request = { method: "GET", url: this.urlOf("/v2/"), headers: this.#headers({}), signal };
    const once = () => this.#options.send(request);
    const answer = await (patient
      ? this.#patiently({ ...request, path: "/v2/", method: "GET", scopes: [] }, once, isReachable)
      : once());
    if (answer.status >= 500 || answer.status === 429) throw await refusalOf("GET", answer);
    answer.discard();
    if (answer.status === 401) this.#learn(answer);
    this.#extensions = new Set(String(answer.headers["varve-extensions"] ?? "").split(/, */));
    this.#greeted = true;
  }

  /** What the registry has beyond the specification, as it said when it was pinged. */
  get extensions(): ReadonlySet<string> {
    return this.#extensions;
  }

  /** Whether `ping` has succeeded. */
  get greeted(): boolean {
    return this.#greeted;
  }

  /**
   * Proves credentials to the registry, as `docker login` does. Resolves with what is to be kept: a token server may
   * give a refresh token instead of the password. Throws `Failure("unauthorized")`. The endpoint has been pinged.
   */
  async login(credentials: Credentials, signal: AbortSignal): Promise<Credentials> {
    const challenge = this.#challenge;
    if (challenge === undefined || credentials.kind === "registry") return credentials;
    const url = this.urlOf("/v2/");
    const request = { challenge, scopes: [], credentials, offline: true, signal };
    const token = challenge.scheme === "bearer" ? await this.#loginToken(request, url) : undefined;
    const answer = await this.#options.send({
      method: "GET",
      url,
      headers: this.#headers({ Authorization: token ? `Bearer ${token.text}` : basicOf(credentials) }),
      signal,
    });
    answer.discard();
    if (answer.status !== 200) {
      const status = `${answer.status} ${answer.statusText}`;
      throw new Failure("unauthorized", `login attempt to ${url.href} failed with status: ${status}`);
    }
    const username = userOf(credentials);
    if (token?.refresh === undefined) return credentials;
    return { kind: "identity", token: token.refresh, ...(username === undefined ? {} : { username }) };
  }

  async #loginToken(request: TokenRequest, url: URL): Promise<Token> {
    try {
      return await this.#options.tokens.get(request);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      throw new Failure(error.kind, `${describeRequest("GET", url)}: ${error.message}`, { cause: error });
    }
  }

  /** Sends and resolves with whatever answer comes in the end. Throws {@link NetworkFailure}, `Failure("cancelled")`. */
  async request(request: RemoteRequest): Promise<HttpAnswer> {
    return this.#patiently(request, () => this.#authorized(request));
  }

  /** As `request`, but an answer of 400 or more is thrown as a `Refusal`. */
  async demand(request: RemoteRequest): Promise<HttpAnswer> {
    const answer = await this.request(request);
    if (answer.status >= 400) throw await refusalOf(request.method, answer);
    return answer;
  }

  /** The absolute form of a path, or of a `Location` that may be either. */
  urlOf(location: string): URL {
    if (location.startsWith("/v2/")) return new URL(`${this.endpoint.base}${location}`);
    const url = URL.parse(location, this.#base);
    if (url === null || !/^https?:$/.test(url.protocol)) {
      throw new Failure("unavailable", `${this.#base.host} gave an unusable Location`);
    }
    // A registry behind a TLS proxy may not know that it has TLS.
    if (url.hostname === this.#base.hostname && this.#base.protocol === "https:") url.protocol = "https:";
    return url;
  }

  /** Waits and tries again after passing network faults and "busy" answers. Streamed bodies get one try. */
  async #patiently(
    request: RemoteRequest,
    attempt: () => Promise<HttpAnswer>,
    mayPass = isTransient,
  ): Promise<HttpAnswer> {
    const replayable = request.body === undefined || request.body instanceof Uint8Array;
    const { impatient = false } = request;
    for (let tries = 0; ; tries++) {
      const last = !replayable || tries === (impatient ? 1 : maxRetries);
      let wait = backoffMs(tries);
      try {
        const answer = await attempt();
        if (last || impatient || !isBusy(answer.status)) return answer;
        const told = retryAfterMs(answer.headers, this.clock.now());
        if (told === "never") return answer;
        wait = told ?? wait;
        answer.discard();
      } catch (error) {
        // Also for POST: a session that is opened twice is forgotten by the registry in time.
        if (last || !mayPass(error)) throw error;
      }
      await this.clock.sleep(wait, request.signal);
    }
  }

  /** One try with what we know, and one more if the registry says how it wants to be asked. */
  async #authorized(request: RemoteRequest): Promise<HttpAnswer> {
    const first = await this.#follow(request, await this.#authorization(request));
    if (first.status !== 401 || !this.#isOwn(first.url)) return first;
    const known = this.#challenge;
    const fresh = this.#learn(first);
    if (fresh === undefined || isStream(request.body)) return first;
    const credentials = await this.#credentials();
    if (known !== undefined && fresh.scheme !== "bearer") return first;
    if (fresh.scheme === "basic" && credentials === undefined) return first;
    // The registry knows best what it needs; a token that it just refused is not offered again.
    const scopes = withScope(request.scopes, fresh.parameters["scope"]);
    const refusedForScope = fresh.parameters["error"] === "insufficient_scope";
    if (refusedForScope && scopes.length === request.scopes.length) return first;
    first.discard();
    const again = { ...request, scopes };
    this.#options.tokens.drop(this.#tokenRequest(again, fresh, credentials));
    return this.#follow(again, await this.#authorization(again));
  }

  #learn(answer: HttpAnswer): Challenge | undefined {
    const challenge = chooseChallenge(answer.headers["www-authenticate"]);
    if (challenge !== undefined) this.#challenge = challenge;
    return challenge;
  }

  async #authorization(request: RemoteRequest): Promise<string | undefined> {
    const challenge = this.#challenge;
    if (challenge === undefined) return undefined;
    const credentials = await this.#credentials();
    if (challenge.scheme === "basic") {
      if (credentials?.kind === "password")
        return basicAuthorization(credentials.username, credentials.password);
      const what = describeRequest(request.method, this.urlOf(request.path));
      throw new Failure("unauthorized", `${what}: no basic auth credentials`, {
        hint: `Log in to the registry first: varve login ${this.endpoint.domain}`,
      });
    }
    if (credentials?.kind === "registry") return `Bearer ${credentials.token}`;
    const token = await this.#options.tokens.get(this.#tokenRequest(request, challenge, credentials));
    return `Bearer ${token.text}`;
  }

  #tokenRequest(
    request: RemoteRequest,
    challenge: Challenge,
    credentials: Credentials | undefined,
  ): TokenRequest {
    return { challenge, scopes: request.scopes, credentials, signal: request.signal };
  }

  #credentials(): Promise<Credentials | undefined> {
    return this.#options.credentials(this.endpoint.domain);
  }

  /** Follows redirects. Authorization goes to the endpoint's own origin and nowhere else. */
  async #follow(request: RemoteRequest, authorization: string | undefined): Promise<HttpAnswer> {
    let url = this.urlOf(request.path);
    let { method } = request;
    for (let hops = 0; ; hops++) {
      const own = this.#isOwn(url) && authorization !== undefined;
      const headers = this.#headers({ ...request.headers, ...(own ? { Authorization: authorization } : {}) });
      const { body, answerMs, signal } = request;
      const answer = await this.#options.send({
        method,
        url,
        headers,
        signal,
        ...(body === undefined ? {} : { body }),
        ...(answerMs === undefined ? {} : { answerMs }),
      });
      const { location } = answer.headers;
      if (!redirects.has(answer.status) || location === undefined || isStream(body)) return answer;
      answer.discard();
      if (hops === maxRedirects)
        throw new Failure("unavailable", `${describeRequest(method, url)}: stopped after 10 redirects`);
      if (method !== "GET" && method !== "HEAD" && answer.status < 307) method = "GET";
      url = this.#redirected(url, location);
    }
  }

  #redirected(from: URL, location: string): URL {
    const to = URL.parse(location, from);
    if (to === null || !/^https?:$/.test(to.protocol)) {
      throw new Failure("unavailable", `${describeRequest("GET", from)}: redirected to an unusable Location`);
    }
    // Digests protect the content, but not what the request tells an eavesdropper.
    if (from.protocol === "https:" && to.protocol === "http:" && !this.#options.isInsecure(to.host)) {
      throw new Failure(
        "denied",
        `${describeRequest("GET", from)}: refused to be redirected to ${to.origin}: no TLS`,
      );
    }
    return to;
  }

  #isOwn(url: URL): boolean {
    return url.origin === this.#base.origin;
  }

  #headers(headers: OutgoingHttpHeaders): OutgoingHttpHeaders {
    // Blobs are verified and offsets counted byte by byte: no transfer compression.
    return { "User-Agent": this.#options.userAgent, "Accept-Encoding": "identity", ...headers };
  }
}

function basicOf(credentials: Credentials): string {
  if (credentials.kind === "password") return basicAuthorization(credentials.username, credentials.password);
  throw new Failure("unauthorized", "the registry wants a user name and a password, not a token");
}

export function isTransient(error: unknown): boolean {
  return error instanceof NetworkFailure && error.transient;
}

function isReachable(error: unknown): boolean {
  return error instanceof NetworkFailure && error.transient && !error.noWay;
}

function isStream(body: RemoteRequest["body"]): boolean {
  return body !== undefined && !(body instanceof Uint8Array);
}

function withScope(scopes: readonly string[], told: string | undefined): readonly string[] {
  const extra = (told ?? "").split(" ").filter((scope) => scope !== "" && !covers(scopes, scope));
  return [...scopes, ...extra];
}

/** Whether the scopes hold all actions of `scope`, in any order. */
function covers(scopes: readonly string[], scope: string): boolean {
  const [name, actions] = splitScope(scope);
  return scopes
    .map(splitScope)
    .some(([other, has]) => other === name && actions.every((action) => has.includes(action)));
}

function splitScope(scope: string): [string, string[]] {
  const colon = scope.lastIndexOf(":");
  return [scope.slice(0, colon), scope.slice(colon + 1).split(",")];
}
