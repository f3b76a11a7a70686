/** Certificates of the daemon, and of those who may speak to it (dockerd's `--tls*`). */
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { createSecureContext, type TlsOptions } from "node:tls";
import { Failure } from "../../errors.ts";

export interface TlsFiles {
  /** Whether clients must show a certificate of the authority's. */
  readonly verify: boolean;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/**
 * Reads the files; those that are not named lie in `DOCKER_CERT_PATH`, else `~/.docker`, as with dockerd.
 * @throws Failure("invalid") in dockerd's words for a file that is missing or not what it should be
 */
export function readTls({ verify, ...files }: TlsFiles): TlsOptions {
  const folder = process.env["DOCKER_CERT_PATH"] || join(homedir(), ".docker");
  const [certPath, keyPath] = [files.cert ?? join(folder, "cert.pem"), files.key ?? join(folder, "key.pem")];
  const pair = `Could not load X509 key pair (cert: "${certPath}", key: "${keyPath}")`;
  const identity = { cert: read(certPath, pair), key: read(keyPath, pair) };
  tryOut(identity, pair);
  const common = { ...identity, minVersion: "TLSv1.2" as const };
  if (!verify) return common;
  const caPath = files.ca ?? join(folder, "ca.pem");
  const ca = read(caPath, `could not read CA certificate "${caPath}"`);
  if (!ca.includes("-----BEGIN CERTIFICATE-----")) {
    throw new Failure("invalid", `failed to append certificates from PEM file: "${caPath}"`);
  }
  tryOut({ ca }, `could not read CA certificate "${caPath}"`);
  return { ...common, ca, requestCert: true, rejectUnauthorized: true };
}

function read(path: string, what: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new Failure("invalid", `${what}: ${(cause as Error).message}`, { cause });
  }
}

function tryOut(options: TlsOptions, what: string): void {
  try {
    createSecureContext(options);
  } catch (cause) {
    throw new Failure("invalid", `${what}: ${(cause as Error).message}`, { cause });
  }
}
