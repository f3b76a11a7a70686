/** Tokens for registries: who, and what he may do (distribution's docs/spec/auth/token.md). */
import { Failure } from "../../../errors.ts";
import { parseAccessClaim } from "./access_claim.ts";
import type { Bearer, BearerSource } from "./bearer_source.ts";
import { isStrings } from "./jwt.ts";
import type { TokenVerifier } from "./token_verifier.ts";

export class RegistryTokens implements BearerSource {
  readonly issuer: string;
  readonly #verifier: TokenVerifier;

  constructor(issuer: string, verifier: TokenVerifier) {
    this.issuer = issuer;
    this.#verifier = verifier;
  }

  async bearerOf(token: string): Promise<Bearer> {
    const claims = await this.#verifier.verify(token);
    const access = parseAccessClaim(claims["access"]);
    const { sub = "", groups = [] } = claims;
    if (access === undefined || typeof sub !== "string" || !isStrings(groups))
      throw new Failure("unauthorized", "the token has malformed claims");
    return { identity: { user: sub === "" ? undefined : sub, groups }, access };
  }
}
