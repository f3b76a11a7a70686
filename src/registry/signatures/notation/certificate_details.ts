/** What RFC 5280 has in a certificate and Node does not tell. */
import type { X509Certificate } from "node:crypto";
import { invalidSignature } from "../signature_failure.ts";
import { derValues, type DerValue } from "./der.ts";

export interface CertificateDetails {
  /** Hex of the object identifier's bytes. */
  readonly signatureAlgorithm: string;
  /** Whether the parameters of the algorithm name SHA-256, SHA-384 or SHA-512: RSASSA-PSS says its hash there. */
  readonly namesSha2: boolean;
  readonly basicConstraints:
    { readonly critical: boolean; readonly ca: boolean; readonly pathLength: number } | undefined;
  /** Bit 0, digitalSignature, is the lowest here. */
  readonly keyUsage: { readonly critical: boolean; readonly bits: number } | undefined;
}

const [boolean, integer, bitString, octetString, explicitExtensions] = [0x01, 0x02, 0x03, 0x04, 0xa3];
const [keyUsageId, basicConstraintsId] = ["551d0f", "551d13"];
/** 2.16.840.1.101.3.4.2.1 to 3. */
const sha2Ids = ["01", "02", "03"].map((last) => `6086480165030402${last}`);

/** @throws Failure "unauthorized" for a certificate that cannot be read */
export function certificateDetails(certificate: X509Certificate): CertificateDetails {
  const [whole] = derValues(certificate.raw);
  const [tbs, algorithm] = derValues(whole!.content);
  if (tbs === undefined || algorithm === undefined) throw unreadable();
  const [identifier, parameters] = derValues(algorithm.content);
  const extensions = extensionsOf(tbs);
  const constraints = extensions.get(basicConstraintsId);
  const usage = extensions.get(keyUsageId);
  const told = parameters?.content.toString("hex") ?? "";
  return {
    signatureAlgorithm: identifier?.content.toString("hex") ?? "",
    namesSha2: sha2Ids.some((id) => told.includes(id)),
    basicConstraints: constraints && { critical: constraints.critical, ...constraintsIn(constraints.value) },
    keyUsage: usage && { critical: usage.critical, bits: bitsIn(usage.value) },
  };
}

interface Extension {
  readonly critical: boolean;
  readonly value: Buffer;
}

function extensionsOf(tbs: DerValue): Map<string, Extension> {
  const found = derValues(tbs.content).find(({ tag }) => tag === explicitExtensions);
  const list = found === undefined ? [] : derValues(derValues(found.content)[0]?.content ?? Buffer.of());
  const extensions = list.map(({ content }): [string, Extension] => {
    const [id, ...rest] = derValues(content);
    const critical = rest.some(({ tag, content: told }) => tag === boolean && told[0] !== 0);
    const value = rest.find(({ tag }) => tag === octetString);
    if (id === undefined || value === undefined) throw unreadable();
    return [id.content.toString("hex"), { critical, value: value.content }];
  });
  const byId = new Map(extensions);
  // RFC 5280 section 4.2; with two of a kind each reader could believe another one.
  if (byId.size !== extensions.length) throw unreadable();
  return byId;
}

function constraintsIn(value: Buffer): { readonly ca: boolean; readonly pathLength: number } {
  const parts = derValues(derValues(value)[0]?.content ?? Buffer.of());
  const ca = parts.some(({ tag, content }) => tag === boolean && content[0] !== 0);
  const length = parts.find(({ tag }) => tag === integer)?.content;
  return { ca, pathLength: length === undefined ? Infinity : length.length === 1 ? length[0]! : 0 };
}

/** The first bit of a BIT STRING is the highest of its first byte. */
function bitsIn(value: Buffer): number {
  const [string] = derValues(value);
  if (string?.tag !== bitString) throw unreadable();
  let bits = 0;
  for (let bit = 0; bit < 9; bit++) {
    const byte = string.content[1 + (bit >> 3)] ?? 0;
    if ((byte & (0x80 >> (bit & 7))) !== 0) bits |= 1 << bit;
  }
  return bits;
}

function unreadable() {
  return invalidSignature("has a certificate that cannot be read");
}
