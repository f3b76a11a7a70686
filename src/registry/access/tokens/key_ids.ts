/** The two names that a public key has by itself. */
import { createHash, type KeyObject } from "node:crypto";

/** RFC 7638: SHA-256 of the key's required members in order, base64url. Used by distribution 3 and by our own tokens. */
export function jwkThumbprint(key: KeyObject): string {
  const { kty, crv, x, y, n, e } = key.export({ format: "jwk" });
  // The order of the members is the alphabet's, and those of other kinds of key are undefined and so left out.
  return createHash("sha256").update(JSON.stringify({ crv, e, kty, n, x, y })).digest("base64url");
}

/**
 * libtrust's name (distribution up to 2.8): SHA-256 of the DER form, its first 240 bits in base32, by fours with colons.
 * `ABCD:EFGH:...`, twelve groups.
 */
export function libtrustKeyId(key: KeyObject): string {
  const der = key.export({ format: "der", type: "spki" });
  const bytes = createHash("sha256").update(der).digest().subarray(0, 30);
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  const letters = bits
    .match(/.{5}/g)!
    .map((five) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[Number.parseInt(five, 2)]);
  return letters.join("").match(/.{4}/g)!.join(":");
}
