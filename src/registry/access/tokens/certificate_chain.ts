/** Certificates in tokens (`x5c`, RFC 7515 section 4.1.6), checked against the roots that the operator trusts. */
import { X509Certificate, type KeyObject } from "node:crypto";
import { Failure } from "../../../errors.ts";

/** Chains are shorter; a longer one is an attempt to keep us busy. */
const longestChain = 8;

/**
 * The key of the first certificate, after a way was found from it over the others to a root.
 *
 * A root stands for itself, CA or not: token servers sign with a certificate that is in the bundle as it is. Name and
 * length constraints of certificates are not looked at.
 *
 * @param now milliseconds
 * @throws Failure "unauthorized" that says what is wrong
 */
export function verifyChain(
  x5c: readonly string[],
  roots: readonly X509Certificate[],
  now: number,
): KeyObject {
  if (x5c.length > longestChain) throw refused(`a chain of ${x5c.length} certificates`);
  const [leaf, ...others] = x5c.map(parseCertificate);
  if (leaf === undefined) throw refused("an empty chain of certificates");
  let current = leaf;
  const unused = new Set(others);
  for (;;) {
    if (!isCurrent(current, now)) throw refused("a certificate that is not valid at this time");
    if (roots.some((root) => root.raw.equals(current.raw))) return leaf.publicKey;
    const root = roots.find((each) => isIssuer(each, current) && isCurrent(each, now));
    if (root !== undefined) return leaf.publicKey;
    const next = [...unused].find((each) => isIssuer(each, current));
    if (next === undefined) throw refused("a certificate that leads to none of the trusted roots");
    unused.delete(next);
    current = next;
  }
}

/** The certificates of a PEM file; other things in it are passed over, as distribution does. */
export function parseCertificates(pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((block, index) => {
    try {
      return new X509Certificate(block);
    } catch (cause) {
      throw new Failure("invalid", `certificate ${index + 1} cannot be read`, { cause });
    }
  });
}

function parseCertificate(text: string): X509Certificate {
  try {
    return new X509Certificate(Buffer.from(text, "base64"));
  } catch (cause) {
    throw new Failure("unauthorized", "the token holds a certificate that cannot be read", { cause });
  }
}

function isIssuer(issuer: X509Certificate, certificate: X509Certificate): boolean {
  return issuer.ca && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

function isCurrent({ validFromDate, validToDate }: X509Certificate, now: number): boolean {
  return validFromDate.getTime() <= now && now <= validToDate.getTime();
}

function refused(what: string): Failure {
  return new Failure("unauthorized", `the token is signed with ${what}`);
}
