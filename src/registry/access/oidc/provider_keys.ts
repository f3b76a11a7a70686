/** The keys of an OpenID Connect provider (OpenID Connect Discovery 1.0, section 4). */
import type { KeyObject } from "node:crypto";
import { Failure } from "../../../errors.ts";
import { fetchDocument } from "../tokens/fetch_json.ts";
import { isRecord, type JwtHeader } from "../tokens/jwt.ts";
import type { KeySource } from "../tokens/key_source.ts";
import { RemoteKeys } from "../tokens/remote_keys.ts";

export class ProviderKeys implements KeySource {
  readonly #keys: RemoteKeys;

  /** @param jwks URL of the keys, if discovery is not to be used; @param now milliseconds */
  constructor(issuer: string, jwks: string | undefined, now: () => number) {
    this.#keys = new RemoteKeys(() => (jwks === undefined ? discover(issuer) : Promise.resolve(jwks)), now);
  }

  /** By `kid` only: nobody's certificates are trusted here, and a key in the token proves nothing. */
  async keyOf({ kid, alg }: JwtHeader): Promise<KeyObject> {
    if (kid === undefined) throw new Failure("unauthorized", "the token does not say by which key");
    const found = await this.#keys.find(kid);
    if (found === undefined || (found.alg ?? alg) !== alg)
      throw new Failure("unauthorized", `the token is signed with the unknown key ${kid.slice(0, 100)}`);
    return found.key;
  }
}

/** Where the provider says that its keys are. */
async function discover(issuer: string): Promise<string> {
  const url = `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
  const { text } = await fetchDocument(url);
  const document = parse(text);
  if (!isRecord(document) || document["issuer"] !== issuer)
    throw new Failure("unavailable", `${url} is not about the issuer ${issuer}`);
  const { jwks_uri: keys } = document;
  // What came encrypted must not be replaced by what did not.
  const isSafe = typeof keys === "string" && (keys.startsWith("https:") || issuer.startsWith("http:"));
  if (!isSafe) throw new Failure("unavailable", `${url} names no usable jwks_uri`);
  return keys;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
