/** Reads `auth.issuer`. */
import type { Failure } from "../../../errors.ts";
import { ConfigFields } from "../config_fields.ts";
import type { PasswordSource } from "../password_source.ts";
import type { Rules } from "../rules/rules.ts";
import type { Challenge } from "../standard_access.ts";
import { SigningKeys } from "./signing_keys.ts";
import { TokenIssuer } from "./token_issuer.ts";

interface Surroundings {
  readonly passwords: PasswordSource;
  readonly rules: Rules;
  readonly onProblem: ((failure: Failure) => void) | undefined;
  readonly now: () => number;
}

interface Issuing {
  readonly issuer: TokenIssuer;
  readonly keys: SigningKeys;
  readonly challenge: Challenge;
}

const keys = ["issuer", "service", "realm", "key", "algorithm", "expires", "refreshexpires"] as const;

/** Undefined: tokens are not given out. @throws Failure "invalid" that names the key; what `SigningKeys.open` throws */
export async function parseIssuer(
  auth: ConfigFields,
  surroundings: Surroundings,
): Promise<Issuing | undefined> {
  if (!auth.has("issuer")) return undefined;
  const fields = new ConfigFields(auth.raw("issuer"), "auth.issuer", keys);
  const { onProblem, ...rest } = surroundings;
  const service = fields.textOr("service", "varve");
  const realm = fields.textOr("realm", undefined);
  const algorithm = fields.oneOf("algorithm", ["ES256", "RS256", "EdDSA"], "ES256");
  const signing = await SigningKeys.open({ path: fields.textOr("key", undefined), algorithm, onProblem });
  const issuer = new TokenIssuer({
    ...rest,
    issuer: fields.textOr("issuer", "varve"),
    service,
    keys: signing,
    // Long enough for a large push between two tokens; short, since a token cannot be taken back.
    expires: fields.seconds("expires", 300),
    refreshExpires: fields.seconds("refreshexpires", 90 * 86_400),
  });
  const challenge: Challenge = { kind: "bearer", realm: (origin) => realm ?? `${origin}/token`, service };
  return { issuer, keys: signing, challenge };
}
