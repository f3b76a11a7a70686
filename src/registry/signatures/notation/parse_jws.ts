/** The JWS form (Notary Project, signature-envelope-jws.md): flattened JSON of RFC 7515, certificates beside it. */
import { jsonObject } from "../json_object.ts";
import { invalidSignature } from "../signature_failure.ts";
import { attribute, type Envelope } from "./envelope.ts";

const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/i;

/** @throws Failure "unauthorized" for another form, "invalid" or "limit" for what is no JSON */
export function parseJws(bytes: Uint8Array): Envelope {
  const { payload, protected: head, header, signature } = jsonObject(bytes, "envelope") as Flattened;
  if (!isEncoded(payload) || !isEncoded(head) || !isEncoded(signature))
    throw invalidSignature("is no flattened JWS");
  const attributes = jsonObject(Buffer.from(head, "base64url"), "protected header");
  const { alg, cty, crit } = attributes;
  const expiry = attributes[attribute.expiry];
  const certificates = Array.isArray(header?.x5c) ? (header.x5c as readonly unknown[]) : [];
  return {
    algorithm: typeof alg === "string" ? alg : undefined,
    contentType: cty,
    scheme: attributes[attribute.scheme],
    critical: Array.isArray(crit) ? crit : [],
    attributes: Object.keys(attributes),
    expiry: expiry === undefined ? undefined : timeOf(expiry),
    certificates: certificates.map((each) => Buffer.from(String(each), "base64")),
    payload: Buffer.from(payload, "base64url"),
    signed: Buffer.from(`${head}.${payload}`),
    signature: Buffer.from(signature, "base64url"),
  };
}

interface Flattened {
  readonly payload?: unknown;
  readonly protected?: unknown;
  readonly header?: { readonly x5c?: unknown } | null;
  readonly signature?: unknown;
}

function isEncoded(value: unknown): value is string {
  return typeof value === "string" && /^[\w-]+$/.test(value);
}

function timeOf(value: unknown): number {
  return typeof value === "string" && rfc3339.test(value) ? Date.parse(value) : NaN;
}
