/** The COSE form (Notary Project, signature-envelope-cose.md): a tagged COSE_Sign1 of RFC 9052. */
import { invalidSignature } from "../signature_failure.ts";
import { attribute, type Envelope } from "./envelope.ts";
import { parseCbor, type CborMap, type CborValue } from "./parse_cbor.ts";

const sign1Tag = 18;
const epochTag = 1;
const label = { algorithm: 1, critical: 2, contentType: 3, certificates: 33 } as const;
/** By JOSE's name, whose algorithms they are (IANA, "COSE Algorithms"). */
const algorithms = new Map<CborValue | undefined, string>([
  [-37, "PS256"],
  [-38, "PS384"],
  [-39, "PS512"],
  [-7, "ES256"],
  [-35, "ES384"],
  [-36, "ES512"],
]);

/** @throws Failure "unauthorized" for another form */
export function parseCose(bytes: Buffer): Envelope {
  const whole = parseCbor(bytes);
  if (!isTagged(whole, sign1Tag) || !Array.isArray(whole.value) || whole.value.length !== 4) throw wrong();
  const [head, unprotected, payload, signature] = whole.value;
  if (!Buffer.isBuffer(head) || !Buffer.isBuffer(payload) || !Buffer.isBuffer(signature)) throw wrong();
  const attributes = mapIn(parseCbor(head));
  const critical = attributes.get(label.critical);
  const expiry = attributes.get(attribute.expiry);
  const chain = mapIn(unprotected).get(label.certificates);
  const certificates = Buffer.isBuffer(chain) ? [chain] : Array.isArray(chain) ? chain : [];
  return {
    algorithm: algorithms.get(attributes.get(label.algorithm)),
    contentType: attributes.get(label.contentType),
    scheme: attributes.get(attribute.scheme),
    critical: Array.isArray(critical) ? critical : [],
    attributes: [...attributes.keys()],
    expiry: expiry === undefined ? undefined : timeOf(expiry),
    certificates: certificates.filter((each) => Buffer.isBuffer(each)),
    payload,
    signed: sigStructure(head, payload),
    signature,
  };
}

function isTagged(value: CborValue | undefined, tag: number): value is { tag: number; value: CborValue } {
  return typeof value === "object" && value !== null && "tag" in value && value.tag === tag;
}

function mapIn(value: CborValue | undefined): CborMap {
  if (value instanceof Map) return value;
  throw wrong();
}

function timeOf(value: CborValue): number {
  return isTagged(value, epochTag) && typeof value.value === "number" ? value.value * 1000 : NaN;
}

/** RFC 9052 section 4.4: `["Signature1", protected, external_aad, payload]`. */
function sigStructure(head: Buffer, payload: Buffer): Buffer {
  const context = Buffer.from("Signature1");
  const parts: Buffer[] = [Buffer.of(0x80 | 4, 0x60 | context.length), context];
  for (const bytes of [head, Buffer.of(), payload]) parts.push(byteStringHead(bytes.length), bytes);
  return Buffer.concat(parts);
}

function byteStringHead(length: number): Buffer {
  if (length < 24) return Buffer.of(0x40 | length);
  if (length < 256) return Buffer.of(0x58, length);
  const wide = Buffer.alloc(5);
  wide[0] = 0x5a;
  wide.writeUInt32BE(length, 1);
  if (length > 0xffff) return wide;
  return Buffer.of(0x59, length >> 8, length & 255);
}

function wrong() {
  return invalidSignature("is no tagged COSE_Sign1");
}
