/** Public keys that cosign signs with, and its signatures by them. */
import { constants, createPublicKey, verify, type KeyObject } from "node:crypto";
import { Failure } from "../../errors.ts";

/** As in RFC 7518: a shorter key is no protection, and beyond 8192 bits a check takes long. */
const [fewestRsaBits, mostRsaBits] = [2048, 8192];
const hashes: Readonly<Record<string, readonly string[]>> = {
  prime256v1: ["sha256"],
  // cosign took SHA-256 with every curve before it took the curve's own.
  secp384r1: ["sha384", "sha256"],
  secp521r1: ["sha512", "sha256"],
};

/**
 * The keys of a PEM file, `PUBLIC KEY` each.
 * @throws Failure "invalid" for a file without one, and for a key that cosign has no signatures with
 */
export function parsePublicKeys(pem: string): KeyObject[] {
  const blocks = pem.match(/-----BEGIN PUBLIC KEY-----[^-]*-----END PUBLIC KEY-----/g) ?? [];
  if (blocks.length === 0) throw new Failure("invalid", 'holds no "PUBLIC KEY" in PEM');
  return blocks.map((block, index) => {
    const key = readKey(block, index);
    const problem = problemOf(key);
    if (problem !== undefined) throw new Failure("invalid", `key ${index + 1} is ${problem}`);
    return key;
  });
}

function readKey(pem: string, index: number): KeyObject {
  try {
    return createPublicKey(pem);
  } catch (cause) {
    throw new Failure("invalid", `key ${index + 1} cannot be read`, { cause });
  }
}

function problemOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): string | undefined {
  const { namedCurve = "", modulusLength = 0 } = asymmetricKeyDetails ?? {};
  switch (asymmetricKeyType) {
    case "ed25519":
      return undefined;
    case "ec":
      return Object.hasOwn(hashes, namedCurve)
        ? undefined
        : `on the curve ${namedCurve}, not P-256, P-384 or P-521`;
    case "rsa": {
      const fits = modulusLength >= fewestRsaBits && modulusLength <= mostRsaBits;
      return fits ? undefined : `of ${modulusLength} bits, not ${fewestRsaBits} to ${mostRsaBits}`;
    }
    default:
      return `of the kind ${asymmetricKeyType}, not ECDSA, RSA or Ed25519`;
  }
}

/** Whether one of the keys, as `parsePublicKeys` gives them, has signed the bytes (cosign SIGNATURE_SPEC.md, "Signature Schemes"). */
export function isSignedBy(keys: readonly KeyObject[], bytes: Uint8Array, signature: Uint8Array): boolean {
  return keys.some((key) => {
    if (key.asymmetricKeyType === "ed25519") return verify(null, bytes, key, signature);
    if (key.asymmetricKeyType === "rsa")
      return verify("sha256", bytes, { key, padding: constants.RSA_PKCS1_PADDING }, signature);
    const possible = hashes[key.asymmetricKeyDetails?.namedCurve ?? ""] ?? [];
    return possible.some((hash) => verify(hash, bytes, { key, dsaEncoding: "der" }, signature));
  });
}
