/** Signatures of the Notary Project (signature-specification.md), checked without network. */
import type { KeyObject, X509Certificate } from "node:crypto";
import { jsonObject } from "../json_object.ts";
import { verifySignature } from "../../access/tokens/signature_algorithm.ts";
import { invalidSignature } from "../signature_failure.ts";
import type { SignedTarget } from "../signed_target.ts";
import { attribute, type Envelope } from "./envelope.ts";
import { verifyCertificates } from "./verify_certificates.ts";

export interface NotationTrust {
  /** Of which one must be in a signature's chain. */
  readonly certificates: readonly X509Certificate[];
  /** Each a list of `C=US` and the like that the signer's subject must have; none: whoever has a certificate. */
  readonly identities: readonly (readonly string[])[];
}

const payloadType = "application/vnd.cncf.notary.payload.v1+json";
/** With the other one, of signing authorities, the time of signing is the authority's word. */
const scheme = "notary.x509";
const understood: readonly unknown[] = [attribute.scheme, attribute.expiry];

/**
 * @param now milliseconds
 * @returns until when it is valid, milliseconds
 * @throws Failure "unauthorized" that says why it is none of the image; "invalid" for a payload that is no JSON
 */
export function verifyNotation(
  envelope: Envelope,
  target: SignedTarget,
  trust: NotationTrust,
  now: number,
): number {
  const { leaf, until } = verifyCertificates(envelope.certificates, trust.certificates, now);
  checkSignature(envelope, leaf.publicKey);
  checkAttributes(envelope, now);
  checkIdentity(leaf, trust.identities);
  checkPayload(envelope.payload, target);
  return Math.min(until, envelope.expiry ?? Infinity);
}

function checkSignature({ algorithm, signed, signature }: Envelope, key: KeyObject): void {
  // The key says which algorithm it is, so that nobody else can.
  if (algorithm === undefined || algorithm !== algorithmFor(key))
    throw invalidSignature("is by an algorithm that is not its key's");
  if (!verifySignature(algorithm, key, signed, signature))
    throw invalidSignature("is not by its certificate's key");
}

/** signature-specification.md, "Algorithm Selection"; undefined: keys of this kind do not sign. */
function algorithmFor({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): string | undefined {
  const { namedCurve, modulusLength } = asymmetricKeyDetails ?? {};
  const name = `${asymmetricKeyType} ${namedCurve ?? modulusLength}`;
  return new Map([
    ["rsa 2048", "PS256"],
    ["rsa 3072", "PS384"],
    ["rsa 4096", "PS512"],
    ["ec prime256v1", "ES256"],
    ["ec secp384r1", "ES384"],
    ["ec secp521r1", "ES512"],
  ]).get(name);
}

function checkAttributes(envelope: Envelope, now: number): void {
  const { critical, attributes, expiry } = envelope;
  if (envelope.contentType !== payloadType) throw invalidSignature(`is over no ${payloadType}`);
  if (envelope.scheme !== scheme) throw invalidSignature(`is of a scheme other than ${scheme}`);
  const wrong = critical.find((name) => !understood.includes(name) || !attributes.includes(name));
  if (wrong !== undefined)
    throw invalidSignature(`has a critical attribute that is not supported: ${String(wrong)}`);
  const hasExpiry = expiry !== undefined;
  if (!critical.includes(attribute.scheme) || (hasExpiry && !critical.includes(attribute.expiry)))
    throw invalidSignature("has an attribute that is not marked as critical");
  // NaN, too, is not later.
  if (hasExpiry && !(expiry > now)) throw invalidSignature("has expired");
}

/** OpenSSL gives the subject as one `C=US` a line, with line feeds of values escaped. */
function checkIdentity(leaf: X509Certificate, identities: NotationTrust["identities"]): void {
  const subject = leaf.subject.split("\n");
  const isHim = (identity: readonly string[]) => identity.every((part) => subject.includes(part));
  if (identities.length > 0 && !identities.some(isHim))
    throw invalidSignature(`is by ${subject.join(", ")}, who is none of the trusted identities`);
}

function checkPayload(payload: Uint8Array, target: SignedTarget): void {
  const { targetArtifact } = jsonObject(payload, "payload") as { targetArtifact?: Partial<SignedTarget> };
  const { mediaType, digest, size } = targetArtifact ?? {};
  if (digest !== target.digest || size !== target.size || mediaType !== target.mediaType)
    throw invalidSignature("is over another image");
}
