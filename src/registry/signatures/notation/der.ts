/** The values of DER (X.690) in a certificate, as far as Node does not tell them. */
import { invalidSignature } from "../signature_failure.ts";

export interface DerValue {
  /** The identifier's byte; tags above 30 are in no certificate. */
  readonly tag: number;
  readonly content: Buffer;
}

/** The values that stand one after the other. @throws Failure "unauthorized" for what is no DER */
export function derValues(bytes: Buffer): DerValue[] {
  const values: DerValue[] = [];
  let at = 0;
  while (at < bytes.length) {
    const { start, end } = extentOf(bytes, at);
    values.push({ tag: bytes[at]!, content: bytes.subarray(start, end) });
    at = end;
  }
  return values;
}

function extentOf(bytes: Buffer, at: number): { readonly start: number; readonly end: number } {
  const first = bytes[at + 1] ?? 0x80;
  const more = first < 0x80 ? 0 : first - 0x80;
  const start = at + 2 + more;
  if (more > 3 || start > bytes.length || first === 0x80) throw broken();
  const length = more === 0 ? first : bytes.readUIntBE(at + 2, more);
  if (start + length > bytes.length) throw broken();
  return { start, end: start + length };
}

function broken() {
  return invalidSignature("has a certificate that is no DER");
}
