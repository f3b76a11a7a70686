/** Reads distribution's `auth.token`: tokens of another server. */
import { Failure } from "../../../errors.ts";
import { ConfigFields } from "../config_fields.ts";
import type { Challenge } from "../standard_access.ts";
import { ConfiguredKeys } from "./configured_keys.ts";
import { RegistryTokens } from "./registry_tokens.ts";
import { signatureAlgorithms } from "./signature_algorithm.ts";
import { TokenVerifier } from "./token_verifier.ts";

interface Surroundings {
  readonly onProblem: ((failure: Failure) => void) | undefined;
  readonly now: () => number;
}

interface ExternalTokens {
  readonly tokens: RegistryTokens;
  readonly challenge: Challenge;
}

const known = ["realm", "service", "issuer", "rootcertbundle", "jwks", "autoredirect", "autoredirectpath"];

/** Undefined: there is none. @throws Failure "invalid" that names the key; for files that cannot be used */
export async function parseToken(
  auth: ConfigFields,
  surroundings: Surroundings,
): Promise<ExternalTokens | undefined> {
  if (!auth.has("token")) return undefined;
  const fields = new ConfigFields(auth.raw("token"), "auth.token", [...known, "signingalgorithms"]);
  const [realm, service, issuer] = [fields.text("realm"), fields.text("service"), fields.text("issuer")];
  const [rootcertbundle, jwks] = [
    fields.textOr("rootcertbundle", undefined),
    fields.textOr("jwks", undefined),
  ];
  if (rootcertbundle === undefined && jwks === undefined)
    throw new Failure("invalid", "auth.token.rootcertbundle: is missing", { hint: "give it, or jwks" });
  const keys = new ConfiguredKeys({ ...surroundings, rootcertbundle, jwks });
  await keys.check();
  const { now } = surroundings;
  const verifier = new TokenVerifier({
    issuer,
    audiences: [service],
    keys,
    algorithms: algorithmsOf(fields),
    now,
  });
  const path = fields.textOr("autoredirectpath", "/auth/token");
  const challenge: Challenge = {
    kind: "bearer",
    realm: fields.flag("autoredirect") ? (origin) => `${origin}${path}` : () => realm,
    service,
  };
  return { tokens: new RegistryTokens(issuer, verifier), challenge };
}

/** HMAC is in distribution 3's list, but has no public key that could be configured: it is passed over. */
function algorithmsOf(fields: ConfigFields): readonly string[] {
  const names = fields.texts("signingalgorithms").filter((name) => !/^HS(256|384|512)$/.test(name));
  const stranger = names.find((name) => !signatureAlgorithms.includes(name));
  if (stranger !== undefined)
    throw new Failure("invalid", `auth.token.signingalgorithms: unknown algorithm "${stranger}"`);
  return fields.has("signingalgorithms") ? names : signatureAlgorithms;
}
