/**
 * cosign's signatures in sigstore bundles (BUNDLE_SPEC.md): a DSSE envelope around an in-toto statement that names the
 * image. The bundle's material for keyless signatures (certificate, log entries, timestamps) is not looked at: a key that
 * the operator trusts must have signed.
 */
import type { KeyObject } from "node:crypto";
import { algorithmOf, hexOf } from "../../../oci/index.ts";
import { jsonObject } from "../json_object.ts";
import { isSignedBy } from "../public_key.ts";
import { invalidSignature } from "../signature_failure.ts";
import type { SignedTarget } from "../signed_target.ts";

const bundleType = "application/vnd.dev.sigstore.bundle.v0.3+json";
const payloadType = "application/vnd.in-toto+json";
const statementType = "https://in-toto.io/Statement/v1";
/** What cosign's `sign` claims; other predicates are attestations, and may say that an image is bad. */
const predicateType = "https://sigstore.dev/cosign/sign/v1";
/** Of an envelope, and images of a statement. */
const mostSignatures = 16;

/** @throws Failure "unauthorized" that says why it is none of the image by one of the keys; "invalid" for what is no JSON */
export function verifySigstoreBundle(
  bundle: Uint8Array,
  target: SignedTarget,
  keys: readonly KeyObject[],
): void {
  const { mediaType, dsseEnvelope } = jsonObject(bundle, "bundle") as Bundle;
  if (mediaType !== bundleType || !isEnvelope(dsseEnvelope))
    throw invalidSignature("is no bundle 0.3 with a DSSE envelope");
  if (dsseEnvelope.payloadType !== payloadType) throw invalidSignature("is over no in-toto statement");
  const payload = Buffer.from(dsseEnvelope.payload, "base64");
  const signed = preAuthEncoding(dsseEnvelope.payloadType, payload);
  const signatures = dsseEnvelope.signatures.slice(0, mostSignatures) as readonly { sig?: unknown }[];
  const isGood = (sig: unknown) =>
    typeof sig === "string" && isSignedBy(keys, signed, Buffer.from(sig, "base64"));
  if (!signatures.some((each) => isGood(each?.sig))) throw invalidSignature("is by none of the trusted keys");
  checkStatement(jsonObject(payload, "statement") as Statement, target);
}

function checkStatement(statement: Statement, { digest }: SignedTarget): void {
  if (statement["_type"] !== statementType || statement.predicateType !== predicateType)
    throw invalidSignature(`is over a statement that is no ${predicateType}`);
  const subjects = Array.isArray(statement.subject) ? (statement.subject as readonly Subject[]) : [];
  if (!subjects.some((each) => each?.digest?.[algorithmOf(digest)] === hexOf(digest)))
    throw invalidSignature("is over another image");
}

/** DSSE protocol, "Signature Definition". */
function preAuthEncoding(type: string, payload: Uint8Array): Buffer {
  const head = `DSSEv1 ${Buffer.byteLength(type)} ${type} ${payload.length} `;
  return Buffer.concat([Buffer.from(head), payload]);
}

interface Bundle {
  readonly mediaType?: unknown;
  readonly dsseEnvelope?: unknown;
}

interface Envelope {
  readonly payload: string;
  readonly payloadType: string;
  readonly signatures: readonly unknown[];
}

interface Subject {
  readonly digest?: Readonly<Record<string, unknown>> | null;
}

interface Statement {
  readonly _type?: unknown;
  readonly predicateType?: unknown;
  readonly subject?: unknown;
}

function isEnvelope(value: unknown): value is Envelope {
  const { payload, payloadType: type, signatures } = (value ?? {}) as Partial<Envelope>;
  return typeof payload === "string" && typeof type === "string" && Array.isArray(signatures);
}
