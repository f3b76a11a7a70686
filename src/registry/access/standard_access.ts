/** The access controller that the configuration's usual parts make up: passwords, tokens, rules. */
import { Failure, isFailure } from "../../errors.ts";
import type { RegistryError } from "../registry_error.ts";
import { refuseBasic, refuseBearer, refuseKnown, type BearerChallenge } from "./challenge.ts";
import { readCredentials } from "./credentials.ts";
import { anonymous } from "./open_access.ts";
import type { PasswordSource } from "./password_source.ts";
import type { Rules } from "./rules/rules.ts";
import { coversScopes } from "./scope.ts";
import type { BearerSources } from "./tokens/bearer_sources.ts";
import type { Bearer } from "./tokens/bearer_source.ts";
import type { AccessController, AccessRequest, Identity, Scope } from "./types.ts";

export interface StandardAccessOptions {
  readonly passwords?: PasswordSource | undefined;
  readonly tokens?: BearerSources | undefined;
  /** Undefined: the tokens alone say who may do what. */
  readonly rules: Rules | undefined;
  readonly challenge: Challenge;
  /** Told why a token was not taken; clients are not. */
  readonly onProblem?: ((failure: Failure) => void) | undefined;
}

export type Challenge =
  | { readonly kind: "basic"; readonly realm: string }
  | { readonly kind: "bearer"; readonly realm: (origin: string) => string; readonly service: string };

export class StandardAccess implements AccessController {
  readonly #options: StandardAccessOptions;

  constructor(options: StandardAccessOptions) {
    this.#options = options;
  }

  async authorize(asked: AccessRequest): Promise<Identity> {
    const credentials = readCredentials(asked.request.headers.authorization);
    switch (credentials.kind) {
      case "none":
        return this.#admitAnonymous(asked);
      case "unknown":
        throw this.#refuse(asked);
      case "password":
        return this.#admitUser(asked, credentials.user, credentials.password);
      case "bearer":
        return this.#admitBearer(asked, credentials.token);
    }
  }

  /** The base URL is refused in any case: there clients find out whether they have to log in. */
  #admitAnonymous(asked: AccessRequest): Identity {
    const { rules } = this.#options;
    if (asked.needed.length > 0 && rules?.permits(anonymous, asked.needed) === true) return anonymous;
    throw this.#refuse(asked);
  }

  async #admitUser(asked: AccessRequest, user: string, password: string): Promise<Identity> {
    const { passwords } = this.#options;
    const identity = await passwords?.identify(user, password);
    if (identity === undefined) throw this.#refuse(asked);
    return this.#admitKnown(identity, asked.needed);
  }

  async #admitBearer(asked: AccessRequest, token: string): Promise<Identity> {
    const { identity, access } = await this.#bearerOf(asked, token);
    if (access !== undefined && !coversScopes(access, asked.needed))
      throw this.#refuse(asked, "insufficient_scope");
    return this.#admitKnown(identity, asked.needed);
  }

  #admitKnown(identity: Identity, needed: readonly Scope[]): Identity {
    const { rules } = this.#options;
    if (rules !== undefined && !rules.permits(identity, needed)) throw refuseKnown(needed);
    return identity;
  }

  async #bearerOf(asked: AccessRequest, token: string): Promise<Bearer> {
    const { tokens, onProblem } = this.#options;
    if (tokens === undefined) throw this.#refuse(asked);
    try {
      return await tokens.bearerOf(token);
    } catch (error) {
      if (!isFailure(error, "unauthorized")) throw error;
      onProblem?.(error);
      throw this.#refuse(asked, "invalid_token");
    }
  }

  #refuse({ origin, needed }: AccessRequest, error?: BearerChallenge["error"]): RegistryError {
    const { challenge } = this.#options;
    if (challenge.kind === "basic") return refuseBasic(challenge.realm, needed);
    return refuseBearer({ realm: challenge.realm(origin), service: challenge.service, error }, needed);
  }
}
