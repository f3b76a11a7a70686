/** JSON Web Key Sets (RFC 7517). */
import { createPublicKey, type KeyObject } from "node:crypto";
import { Failure } from "../../../errors.ts";
import { isRecord } from "./jwt.ts";
import { jwkThumbprint } from "./key_ids.ts";

export interface TrustedKey {
  readonly key: KeyObject;
  /** The one algorithm that it may be used with, if its owner said so. */
  readonly alg: string | undefined;
}

/** By `kid`, and by thumbprint. */
export type JwkSet = ReadonlyMap<string, TrustedKey>;

const mostKeys = 100;

/**
 * Keys for other uses, symmetric ones and those of kinds that we do not know are left out.
 * @throws Failure "invalid" for what is no set
 */
export function parseJwkSet(text: string): JwkSet {
  const set = parseJson(text);
  const list = isRecord(set) ? set["keys"] : undefined;
  if (!Array.isArray(list)) throw new Failure("invalid", 'no JSON Web Key Set: it has no list "keys"');
  if (list.length > mostKeys) throw new Failure("limit", `a JSON Web Key Set of ${list.length} keys`);
  const keys = new Map<string, TrustedKey>();
  for (const jwk of list) {
    const key = isRecord(jwk) && (jwk["use"] ?? "sig") === "sig" ? publicKeyOf(jwk) : undefined;
    if (key === undefined) continue;
    const trusted = { key, alg: typeof jwk["alg"] === "string" ? jwk["alg"] : undefined };
    keys.set(jwkThumbprint(key), trusted);
    if (typeof jwk["kid"] === "string") keys.set(jwk["kid"], trusted);
  }
  return keys;
}

/** The public key in a JWK; undefined for a symmetric one or nonsense. */
export function publicKeyOf(jwk: Readonly<Record<string, unknown>>): KeyObject | undefined {
  try {
    return createPublicKey({ key: jwk, format: "jwk" });
  } catch {
    return undefined;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Failure("invalid", "no JSON Web Key Set: it is not JSON", { cause });
  }
}
