/**
 * Bearer tokens (distribution, docs/spec/auth: token.md, oauth.md): asked of the realm that the registry names,
 * one for each set of scopes, kept until shortly before they expire.
 */
import { collect } from "../../bytes/index.ts";
import { Failure, isFailure } from "../../errors.ts";
import type { Clock } from "../http/clock.ts";
import { describeRequest, type HttpAnswer, type HttpRequest } from "../http/send.ts";
import { refusalOf } from "../refusal.ts";
import type { Challenge } from "./challenge.ts";
import { basicAuthorization, userOf, type Credentials } from "./credentials.ts";

export interface TokenRequest {
  /** The Bearer challenge; its `realm` is the URL of the token server. */
  readonly challenge: Challenge;
  readonly scopes: readonly string[];
  readonly credentials: Credentials | undefined;
  /** Also ask for a refresh token, which `docker login` keeps instead of the password. */
  readonly offline?: boolean;
  readonly signal: AbortSignal;
}

export interface Token {
  readonly text: string;
  readonly refresh?: string;
  /** Milliseconds since 1970. */
  readonly expires: number;
}

export interface TokensOptions {
  readonly send: (request: HttpRequest) => Promise<HttpAnswer>;
  readonly clock: Clock;
  /** Whether credentials may go to this `host:port` without TLS. */
  readonly isInsecure: (host: string) => boolean;
  readonly userAgent: string;
}

/** By the specification a token without `expires_in` lives for a minute. */
const defaultLifeSeconds = 60;
const answerLimit = 1 << 20;

export class Tokens {
  readonly #options: TokensOptions;
  readonly #kept = new Map<string, Token>();
  readonly #pending = new Map<string, Promise<Token>>();

  constructor(options: TokensOptions) {
    this.#options = options;
  }

  /** A token for the scopes: a kept one, one that is being fetched, or a new one. */
  async get(request: TokenRequest): Promise<Token> {
    const key = keyOf(request);
    const kept = this.#kept.get(key);
    if (kept !== undefined && kept.expires > this.#options.clock.now()) return kept;
    const pending = this.#pending.get(key);
    if (pending === undefined) return this.#start(key, request);
    return pending.catch((error: unknown) => {
      // The one who asked first gave up; that is not our failure.
      if (isFailure(error, "cancelled") && !request.signal.aborted) return this.get(request);
      throw error;
    });
  }

  /** Forgets a token that the registry did not take. */
  drop(request: TokenRequest): void {
    this.#kept.delete(keyOf(request));
  }

  #start(key: string, request: TokenRequest): Promise<Token> {
    const pending = this.#fetch(request)
      .then((token) => {
        this.#kept.set(key, token);
        return token;
      })
      .finally(() => this.#pending.delete(key));
    this.#pending.set(key, pending);
    return pending;
  }

  async #fetch(request: TokenRequest): Promise<Token> {
    const realm = this.#realmOf(request);
    const asked = this.#options.clock.now();
    const { credentials } = request;
    const http =
      credentials?.kind === "identity"
        ? this.#refreshForm(realm, request, credentials.token)
        : this.#query(realm, request);
    const answer = await this.#options.send(http);
    if (answer.status !== 200) {
      const refusal = await refusalOf(http.method, answer);
      throw refusal;
    }
    return parseToken(await collect(answer.body, answerLimit, "token answer"), asked, realm);
  }

  /** The token server's URL; credentials only go there if nobody can listen. */
  #realmOf({ challenge, credentials }: TokenRequest): URL {
    const realm = URL.parse(challenge.parameters["realm"] ?? "");
    if (realm === null || !/^https?:$/.test(realm.protocol)) {
      throw new Failure("unavailable", "the registry asks for a token, but its realm is no URL");
    }
    if (realm.protocol === "http:" && credentials !== undefined && !this.#options.isInsecure(realm.host)) {
      throw new Failure("denied", `send credentials to ${realm.origin}: the token server has no TLS`, {
        hint: `Name ${realm.host} under insecure-registries if you trust the network.`,
      });
    }
    return realm;
  }

  #query(realm: URL, request: TokenRequest): HttpRequest {
    const url = new URL(realm);
    const { credentials, challenge, offline, scopes, signal } = request;
    const user = userOf(credentials);
    if (user !== undefined) url.searchParams.set("account", user);
    if (offline === true) {
      url.searchParams.set("client_id", "docker");
      url.searchParams.set("offline_token", "true");
    }
    for (const scope of scopes) url.searchParams.append("scope", scope);
    const service = challenge.parameters["service"];
    if (service !== undefined) url.searchParams.set("service", service);
    const headers: Record<string, string> = { "User-Agent": this.#options.userAgent };
    if (credentials?.kind === "password") {
      headers["Authorization"] = basicAuthorization(credentials.username, credentials.password);
    }
    return { method: "GET", url, headers, signal };
  }

  #refreshForm(realm: URL, { challenge, scopes, signal }: TokenRequest, token: string): HttpRequest {
    const form = new URLSearchParams({
      grant_type: "refresh_token",
      service: challenge.parameters["service"] ?? "",
      client_id: "docker",
      scope: scopes.join(" "),
      refresh_token: token,
    });
    const headers = {
      "Content-Type": "application/x-www-form-urlencoded",
      "User-Agent": this.#options.userAgent,
    };
    return { method: "POST", url: realm, headers, body: Buffer.from(form.toString()), signal };
  }
}

/** `token` and `access_token` mean the same; either may be missing. */
function parseToken(bytes: Uint8Array, asked: number, realm: URL): Token {
  const what = describeRequest("GET", realm);
  let answer: Record<string, unknown>;
  try {
    answer = JSON.parse(Buffer.from(bytes).toString("utf8")) as Record<string, unknown>;
  } catch (error) {
    throw new Failure("unavailable", `${what}: the token server's answer is not JSON`, { cause: error });
  }
  const text = answer?.["token"] || answer?.["access_token"];
  // A line feed in it would end the header.
  if (typeof text !== "string" || !/^[\x21-\x7e]+$/.test(text)) {
    throw new Failure("unavailable", `${what}: authorization server did not include a token in the response`);
  }
  const told = answer["expires_in"];
  const seconds = typeof told === "number" && told > 0 ? told : defaultLifeSeconds;
  const refresh = answer["refresh_token"];
  // Counted from before the request by our own clock; a tenth is left for the way.
  const expires = asked + seconds * 900;
  return typeof refresh === "string" && refresh !== "" ? { text, expires, refresh } : { text, expires };
}

function keyOf({ challenge, scopes, credentials, offline }: TokenRequest): string {
  const { realm, service } = challenge.parameters;
  return JSON.stringify([realm, service, [...scopes].sort(), credentials, offline]);
}
