/** Certificates of code signing (Notary Project, signature-specification.md, "Certificate Requirements"). */
import { X509Certificate } from "node:crypto";
import { invalidSignature } from "../signature_failure.ts";
import { certificateDetails } from "./certificate_details.ts";

/** Chains are shorter; a longer one is an attempt to keep us busy. */
const longestChain = 8;
const codeSigning = "1.3.6.1.5.5.7.3.3";
/** Any, TLS server, TLS client, e-mail, timestamps. */
const otherPurposes = ["2.5.29.37.0", ...[1, 2, 4, 8].map((last) => `1.3.6.1.5.5.7.3.${last}`)];
/** ECDSA and RSA with SHA-256, SHA-384, SHA-512. */
const goodAlgorithms = [
  ...["02", "03", "04"].map((last) => `2a8648ce3d0403${last}`),
  ...["0b", "0c", "0d"].map((last) => `2a864886f70d0101${last}`),
];
const rsaPss = "2a864886f70d01010a";
const [digitalSignature, contentCommitment, keyCertSign] = [1 << 0, 1 << 1, 1 << 5];

export interface CertifiedSigner {
  readonly leaf: X509Certificate;
  /** Milliseconds; until then all certificates are valid. */
  readonly until: number;
}

/**
 * Checks the chain, which goes from the signer's certificate to a root that signed itself, each issued by the next, and that
 * one of them is trusted.
 * @param now milliseconds: all must be valid now, because nothing tells that the signature was made while they were
 * @throws Failure "unauthorized" that says what is wrong
 */
export function verifyCertificates(
  chain: readonly Uint8Array[],
  trusted: readonly X509Certificate[],
  now: number,
): CertifiedSigner {
  if (chain.length === 0 || chain.length > longestChain)
    throw invalidSignature(`has a chain of ${chain.length} certificates`);
  const certificates = chain.map(parse);
  const [leaf] = certificates as [X509Certificate];
  certificates.forEach((certificate, index) => {
    if (index === 0) checkLeaf(certificate);
    else checkAuthority(certificate, index - 1);
    // The last one is the root, which issued itself.
    checkIssued(certificate, certificates[index + 1] ?? certificate);
    if (now < certificate.validFromDate.getTime() || now > certificate.validToDate.getTime())
      throw invalidSignature("has a certificate that is not valid at this time");
  });
  if (!certificates.some(({ raw }) => trusted.some((each) => each.raw.equals(raw))))
    throw invalidSignature("leads to none of the trusted certificates");
  return { leaf, until: Math.min(...certificates.map(({ validToDate }) => validToDate.getTime())) };
}

function parse(der: Uint8Array): X509Certificate {
  try {
    return new X509Certificate(der);
  } catch (cause) {
    throw invalidSignature("has a certificate that cannot be read", cause);
  }
}

function checkIssued(certificate: X509Certificate, issuer: X509Certificate): void {
  const { signatureAlgorithm, namesSha2 } = certificateDetails(certificate);
  if (!goodAlgorithms.includes(signatureAlgorithm) && !(signatureAlgorithm === rsaPss && namesSha2))
    throw invalidSignature("has a certificate that is itself not signed with SHA-2");
  // OpenSSL wants a key that may sign certificates also of one that signed nothing but itself.
  const isNamed =
    issuer === certificate ? certificate.subject === certificate.issuer : certificate.checkIssued(issuer);
  if (!isNamed || !certificate.verify(issuer.publicKey))
    throw invalidSignature("has certificates of which one did not issue the one before it");
}

function checkLeaf(certificate: X509Certificate): void {
  const { basicConstraints, keyUsage } = certificateDetails(certificate);
  if (basicConstraints?.ca === true) throw invalidSignature("is by an authority's certificate");
  const bits = keyUsage?.critical === true ? keyUsage.bits : 0;
  if ((bits & digitalSignature) === 0 || (bits & ~(digitalSignature | contentCommitment)) !== 0)
    throw invalidSignature("is by a certificate whose key usage is not to sign, and that alone");
  // Node calls the extended key usage so.
  const purposes = certificate.keyUsage as readonly string[] | undefined;
  if (purposes === undefined) return;
  if (!purposes.includes(codeSigning) || purposes.some((each) => otherPurposes.includes(each)))
    throw invalidSignature("is by a certificate that is not for signing code, and that alone");
}

/** @param below authorities between it and the signer's certificate */
function checkAuthority(certificate: X509Certificate, below: number): void {
  const { basicConstraints, keyUsage } = certificateDetails(certificate);
  if (basicConstraints === undefined || !basicConstraints.critical || !basicConstraints.ca)
    throw invalidSignature("has a certificate issued by one that is no authority");
  if (basicConstraints.pathLength < below)
    throw invalidSignature("has more certificates between than their issuer permits");
  if (keyUsage?.critical !== true || (keyUsage.bits & keyCertSign) === 0)
    throw invalidSignature("has a certificate issued by one whose key is not for that");
}
