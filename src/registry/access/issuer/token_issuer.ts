/** Makes the tokens that this registry gives out itself, and knows its own again. */
import { randomUUID } from "node:crypto";
import type { PasswordSource } from "../password_source.ts";
import type { Rules } from "../rules/rules.ts";
import { mergeScopes } from "../scope.ts";
import type { Bearer, BearerSource } from "../tokens/bearer_source.ts";
import { formatUnsigned, type JwtClaims } from "../tokens/jwt.ts";
import { RegistryTokens } from "../tokens/registry_tokens.ts";
import { signBytes } from "../tokens/signature_algorithm.ts";
import { TokenVerifier } from "../tokens/token_verifier.ts";
import type { Identity, Scope } from "../types.ts";
import type { SigningKeys } from "./signing_keys.ts";

export interface TokenIssuerOptions {
  /** The name in `iss`. */
  readonly issuer: string;
  /** The name in `aud`. */
  readonly service: string;
  readonly keys: SigningKeys;
  readonly rules: Rules;
  readonly passwords: PasswordSource;
  /** Life of an access token in seconds. */
  readonly expires: number;
  /** Life of a refresh token in seconds. */
  readonly refreshExpires: number;
  /** Milliseconds. */
  readonly now: () => number;
}

export interface AccessToken {
  readonly token: string;
  readonly scopes: readonly Scope[];
  /** Seconds. */
  readonly expires: number;
  /** Milliseconds. */
  readonly issued: number;
}

export class TokenIssuer implements BearerSource {
  readonly issuer: string;
  readonly #options: TokenIssuerOptions;
  readonly #own: RegistryTokens;
  readonly #refreshing: TokenVerifier;
  readonly #sessions: TokenVerifier;

  constructor(options: TokenIssuerOptions) {
    const { issuer, service, keys, now } = options;
    this.issuer = issuer;
    this.#options = options;
    this.#own = new RegistryTokens(issuer, new TokenVerifier({ issuer, audiences: [service], keys, now }));
    this.#refreshing = new TokenVerifier({ issuer, audiences: [refreshAudience(service)], keys, now });
    this.#sessions = new TokenVerifier({ issuer, audiences: [sessionAudience(service)], keys, now });
  }

  get service(): string {
    return this.#options.service;
  }

  bearerOf(token: string): Promise<Bearer> {
    return this.#own.bearerOf(token);
  }

  /** A token for those of the wanted rights that the identity has. */
  async issue(identity: Identity, wanted: readonly Scope[]): Promise<AccessToken> {
    const { rules, expires, now, service } = this.#options;
    const scopes = mergeScopes(wanted)
      .map((scope) => ({ ...scope, actions: rules.allowed(identity, scope) }))
      .filter(({ actions }) => actions.length > 0);
    const issued = now();
    const { user = "", groups } = identity;
    const token = await this.#sign({
      ...this.#times(issued, expires),
      aud: service,
      sub: user,
      ...(groups.length > 0 && { groups }),
      access: scopes,
    });
    return { token, scopes, expires, issued };
  }

  /**
   * A token that stands for the user's password until that is changed. Undefined for users without a password here.
   */
  async issueRefresh(user: string): Promise<string | undefined> {
    const { refreshExpires, service } = this.#options;
    return this.#issueStanding(user, refreshAudience(service), refreshExpires);
  }

  /** As a refresh token, for a browser's cookie: at `/token` it is worth nothing. @param life in seconds */
  async issueSession(user: string, life: number): Promise<string | undefined> {
    return this.#issueStanding(user, sessionAudience(this.#options.service), life);
  }

  async #issueStanding(user: string, aud: string, life: number): Promise<string | undefined> {
    const { passwords, now } = this.#options;
    const standing = await passwords.standing(user);
    if (standing === undefined) return undefined;
    return this.#sign({ ...this.#times(now(), life), aud, sub: user, stamp: standing.stamp });
  }

  /**
   * Who has this refresh token; undefined if his password was changed or he is gone.
   * @throws Failure "unauthorized" for a token that is none of ours
   */
  async redeemRefresh(token: string): Promise<Identity | undefined> {
    return this.#redeem(this.#refreshing, token);
  }

  /** As {@link redeemRefresh}, of what {@link issueSession} gave. */
  async redeemSession(token: string): Promise<Identity | undefined> {
    return this.#redeem(this.#sessions, token);
  }

  async #redeem(verifier: TokenVerifier, token: string): Promise<Identity | undefined> {
    const { sub, stamp } = await verifier.verify(token);
    if (typeof sub !== "string") return undefined;
    const standing = await this.#options.passwords.standing(sub);
    return standing !== undefined && standing.stamp === stamp ? standing.identity : undefined;
  }

  #times(issued: number, life: number): JwtClaims {
    const iat = Math.floor(issued / 1000);
    return { iss: this.issuer, iat, nbf: iat, exp: iat + life, jti: randomUUID() };
  }

  async #sign(claims: JwtClaims): Promise<string> {
    const { kid, alg, key } = await this.#options.keys.signer();
    const unsigned = formatUnsigned({ typ: "JWT", alg, kid }, claims);
    return `${unsigned}.${signBytes(alg, key, Buffer.from(unsigned)).toString("base64url")}`;
  }
}

/** No service's name: what is for this audience gives no rights by itself. */
function refreshAudience(service: string): string {
  return `${service}\nrefresh`;
}

function sessionAudience(service: string): string {
  return `${service}\nsession`;
}
