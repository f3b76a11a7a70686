/** Reads `auth.oidc`: one provider, or a list of them. */
import { Failure } from "../../../errors.ts";
import { ConfigFields } from "../config_fields.ts";
import { OidcProvider, type OidcIdentity } from "./oidc_provider.ts";

const identityKeys = ["claims", "user", "groups", "groupsclaim"] as const;
const providerKeys = ["issuer", "audience", "jwks", "identities"] as const;

/** @param now milliseconds; @throws Failure "invalid" that names the key */
export function parseOidc(auth: ConfigFields, now: () => number): OidcProvider[] {
  if (!auth.has("oidc")) return [];
  const raw = auth.raw("oidc");
  const list = Array.isArray(raw) ? raw : [raw];
  const wrapped = new ConfigFields({ oidc: list }, auth.path, ["oidc"]);
  return wrapped.sections("oidc", providerKeys).map((fields) => parseProvider(fields, now));
}

function parseProvider(fields: ConfigFields, now: () => number): OidcProvider {
  const issuer = urlOf(fields, "issuer")!;
  const identities = fields.sections("identities", identityKeys).map(parseIdentity);
  // Without conditions, everybody's job at a public provider would be somebody here.
  if (identities.length === 0)
    throw new Failure("invalid", `${fields.path}.identities: is missing`, {
      hint: "say by which claims a token is known: identities: [{claims: {repository_owner: acme}}]",
    });
  return new OidcProvider({
    issuer,
    audience: fields.text("audience"),
    jwks: urlOf(fields, "jwks"),
    identities,
    now,
  });
}

function parseIdentity(fields: ConfigFields): OidcIdentity {
  const claims = fields.textsByName("claims");
  if (Object.keys(claims).length === 0) throw new Failure("invalid", `${fields.path}.claims: is missing`);
  const user = fields.textOr("user", "oidc:${sub}");
  // Otherwise a claim could pass for a user of the htpasswd file, whose names end at their colon.
  if (!user.replaceAll(/\$\{[^}]*\}/g, "").includes(":"))
    throw new Failure(
      "invalid",
      `${fields.path}.user: has no colon, so that it could be the name of another user`,
      {
        hint: "ci:${repository}",
      },
    );
  return {
    claims,
    user,
    groups: fields.texts("groups"),
    groupsclaim: fields.textOr("groupsclaim", undefined),
  };
}

function urlOf(fields: ConfigFields, key: "issuer" | "jwks"): string | undefined {
  const text = key === "issuer" ? fields.text(key) : fields.textOr(key, undefined);
  if (text === undefined || isTrustworthy(text)) return text;
  throw fields.wrong(key, "an https URL");
}

/** Plain HTTP only within this machine. */
function isTrustworthy(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname } = new URL(text);
  return (
    protocol === "https:" || (protocol === "http:" && ["127.0.0.1", "[::1]", "localhost"].includes(hostname))
  );
}
