/**
 * The signatures of RFC 7518 and RFC 8037 that have a public key. `none` and HMAC are not among them, and each algorithm
 * takes only its own kind of key, so that no token can choose how its signer's key is used.
 */
import { constants, sign, verify, type KeyObject } from "node:crypto";

interface Algorithm {
  /** `null`: the signature brings its own. */
  readonly hash: string | null;
  readonly keyType: "rsa" | "ec" | "ed25519";
  readonly curve?: string;
  readonly pss?: true;
}

const algorithms: Readonly<Record<string, Algorithm>> = {
  RS256: { hash: "sha256", keyType: "rsa" },
  RS384: { hash: "sha384", keyType: "rsa" },
  RS512: { hash: "sha512", keyType: "rsa" },
  PS256: { hash: "sha256", keyType: "rsa", pss: true },
  PS384: { hash: "sha384", keyType: "rsa", pss: true },
  PS512: { hash: "sha512", keyType: "rsa", pss: true },
  ES256: { hash: "sha256", keyType: "ec", curve: "prime256v1" },
  ES384: { hash: "sha384", keyType: "ec", curve: "secp384r1" },
  ES512: { hash: "sha512", keyType: "ec", curve: "secp521r1" },
  EdDSA: { hash: null, keyType: "ed25519" },
};

export const signatureAlgorithms: readonly string[] = Object.keys(algorithms);

/** RFC 7518 section 3.3: a key of 2048 bits or more. Beyond 8192 a check takes long. */
const [fewestRsaBits, mostRsaBits] = [2048, 8192];

/** Whether a key is of the kind that this algorithm takes. False for an algorithm that we do not know. */
export function suitsAlgorithm(key: KeyObject, name: string): boolean {
  const algorithm = Object.hasOwn(algorithms, name) ? algorithms[name] : undefined;
  if (algorithm === undefined || key.asymmetricKeyType !== algorithm.keyType) return false;
  const { namedCurve, modulusLength = 0 } = key.asymmetricKeyDetails ?? {};
  if (algorithm.keyType === "rsa") return modulusLength >= fewestRsaBits && modulusLength <= mostRsaBits;
  return namedCurve === algorithm.curve;
}

/** The algorithm that tokens are signed with by this key; undefined for a key that suits none. */
export function algorithmOf(key: KeyObject): string | undefined {
  return signatureAlgorithms.find((name) => suitsAlgorithm(key, name));
}

/** Whether `signature` over `bytes` was made by `key`. False too for a key that does not suit. */
export function verifySignature(name: string, key: KeyObject, bytes: Buffer, signature: Buffer): boolean {
  if (!suitsAlgorithm(key, name)) return false;
  return verify(algorithms[name]!.hash, bytes, optionsOf(algorithms[name]!, key), signature);
}

/** @param key must suit the algorithm, which `algorithmOf` gives */
export function signBytes(name: string, key: KeyObject, bytes: Buffer): Buffer {
  return sign(algorithms[name]!.hash, bytes, optionsOf(algorithms[name]!, key));
}

function optionsOf({ keyType, pss }: Algorithm, key: KeyObject) {
  // JOSE writes the two numbers of ECDSA one after the other, not in DER; its PSS has salts as long as the hash.
  if (keyType === "ec") return { key, dsaEncoding: "ieee-p1363" as const };
  if (pss === undefined) return { key };
  return { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
}
