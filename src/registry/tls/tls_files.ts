/** The certificate that a server shows and the authorities whose clients it takes, from files that change. */
import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createSecureContext, type SecureContextOptions, type SecureVersion } from "node:tls";
import { Failure } from "../../errors.ts";

export interface TlsFiles {
  /** PEM, the server's own certificate first, then those between it and the root. */
  readonly certificate: string;
  /** PEM. */
  readonly key: string;
  /** PEM; given: clients must show a certificate of one of these authorities. */
  readonly clientcas?: readonly string[] | undefined;
  /** Default `tls1.2`. */
  readonly minimumtls?: "tls1.2" | "tls1.3" | undefined;
}

const versions: Readonly<Record<NonNullable<TlsFiles["minimumtls"]>, SecureVersion>> = {
  "tls1.2": "TLSv1.2",
  "tls1.3": "TLSv1.3",
};

/**
 * Reads the files and tries them out.
 * @throws Failure "not-found", "denied" or "invalid" that names the file; "invalid" for a key that is another
 * certificate's, which is how a half-done replacement looks
 */
export async function readTlsFiles(files: TlsFiles): Promise<SecureContextOptions> {
  const { certificate, key, clientcas = [], minimumtls = "tls1.2" } = files;
  const [cert, secret, ...cas] = await Promise.all([certificate, key, ...clientcas].map(read));
  const isOpen = clientcas.length === 0;
  for (const [index, bytes] of (cas as Buffer[]).entries()) checkCertificate(clientcas[index]!, bytes);
  checkCertificate(certificate, cert!);
  const options = {
    cert: cert!,
    key: secret!,
    ...(!isOpen && { ca: cas as Buffer[] }),
    minVersion: versions[minimumtls],
  };
  try {
    createSecureContext(options);
  } catch (cause) {
    throw new Failure("invalid", `${key}: no key of the certificate in ${certificate}`, { cause });
  }
  return options;
}

async function read(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new Failure(code === "ENOENT" ? "not-found" : "denied", `cannot read ${path}: ${code}`, { cause });
  }
}

function checkCertificate(path: string, bytes: Buffer): void {
  try {
    void new X509Certificate(bytes);
  } catch (cause) {
    throw new Failure("invalid", `${path}: holds no certificate in PEM`, { cause });
  }
}
