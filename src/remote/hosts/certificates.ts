/** Certificates of one registry, laid out as Docker has them: `certs.d/<host[:port]>/{*.crt,*.cert,*.key}`. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "../../errors.ts";
import type { TlsSettings } from "../http/agents.ts";

/**
 * Reads a registry's directory: `*.crt` are authorities, `x.cert` with `x.key` is the client's certificate.
 * A missing directory sets nothing. Throws `Failure("invalid")` in Docker's words for a half pair.
 */
export function readCertificates(directory: string, host: string): TlsSettings {
  const own = join(directory, host);
  const names = listFiles(own);
  const read = (name: string) => readFileSync(join(own, name), "utf8");
  const settings: { ca: string[]; cert?: string; key?: string } = { ca: [] };
  for (const name of names) {
    if (name.endsWith(".crt")) settings.ca.push(read(name));
    if (name.endsWith(".cert")) {
      const key = name.replace(/\.cert$/, ".key");
      if (!names.includes(key)) throw missing("key", key, "certificate", name);
      settings.cert ??= read(name);
      settings.key ??= read(key);
    }
    const cert = name.replace(/\.key$/, ".cert");
    if (name.endsWith(".key") && !names.includes(cert))
      throw missing("client certificate", cert, "key", name);
  }
  return settings;
}

// moby, registry/registry.go: ReadCertsDirectory. CA certificates must use the extension .crt.
function missing(what: string, name: string, of: string, has: string): Failure {
  return new Failure("invalid", `missing ${what} ${name} for ${of} ${has}`, {
    hint: "CA certificates must use the extension .crt.",
  });
}

function listFiles(directory: string): string[] {
  try {
    return readdirSync(directory).sort();
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    // EINVAL: Windows does not take the colon of host:port.
    if (["ENOENT", "ENOTDIR", "EACCES", "EINVAL"].includes(code)) return [];
    throw error;
  }
}
