/** Tokens of CI systems: a job proves by its provider's signature where it comes from, without a stored secret. */
import { Failure } from "../../../errors.ts";
import type { Bearer, BearerSource } from "../tokens/bearer_source.ts";
import type { JwtClaims } from "../tokens/jwt.ts";
import { TokenVerifier } from "../tokens/token_verifier.ts";
import { fillTemplate, meetsConditions, textsOf, type ClaimConditions } from "./claim_condition.ts";
import { ProviderKeys } from "./provider_keys.ts";

export interface OidcOptions {
  /** URL, exactly as in the tokens. */
  readonly issuer: string;
  readonly audience: string;
  /** URL of the keys; default: what discovery says. */
  readonly jwks?: string | undefined;
  /** The first entry whose conditions the token meets says who it is. */
  readonly identities: readonly OidcIdentity[];
  /** Milliseconds. */
  readonly now: () => number;
}

export interface OidcIdentity {
  readonly claims: ClaimConditions;
  /** Template of the user's name: `ci:${repository}`. */
  readonly user: string;
  readonly groups: readonly string[];
  /** Claim that names more groups. */
  readonly groupsclaim?: string | undefined;
}

export class OidcProvider implements BearerSource {
  readonly issuer: string;
  readonly #identities: readonly OidcIdentity[];
  readonly #verifier: TokenVerifier;

  constructor({ issuer, audience, jwks, identities, now }: OidcOptions) {
    this.issuer = issuer;
    this.#identities = identities;
    const keys = new ProviderKeys(issuer, jwks, now);
    this.#verifier = new TokenVerifier({ issuer, audiences: [audience], keys, now });
  }

  async bearerOf(token: string): Promise<Bearer> {
    const claims = await this.#verifier.verify(token);
    const found = this.#identities.find((each) => meetsConditions(claims, each.claims));
    if (found === undefined)
      throw new Failure("unauthorized", "the token's claims meet no configured conditions");
    const user = fillTemplate(found.user, claims);
    if (user === undefined || user === "")
      throw new Failure("unauthorized", `the token has not the claims for the name ${found.user}`);
    return { identity: { user, groups: groupsOf(found, claims) }, access: undefined };
  }
}

function groupsOf({ groups, groupsclaim }: OidcIdentity, claims: JwtClaims): string[] {
  const fixed = groups.flatMap((template) => fillTemplate(template, claims) ?? []);
  const claimed = groupsclaim === undefined ? [] : textsOf(claims, groupsclaim);
  return [...new Set([...fixed, ...claimed])];
}
