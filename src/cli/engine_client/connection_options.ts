import { readFileSync } from "node:fs";
import type { RequestOptions } from "node:https";
import { join } from "node:path";
import { Failure } from "../../errors.ts";
import type { EngineAddress, EngineTls } from "./engine_address.ts";

/** What node:http needs to reach the daemon. Throws `Failure("invalid")` when a certificate cannot be read. */
export function connectionOptions(address: EngineAddress): RequestOptions {
  if (address.kind === "unix")
    return { socketPath: address.path, headers: { Host: "localhost" }, agent: false };
  const { host, port, tls } = address;
  return { host, port, agent: false, ...(tls !== undefined && certificates(tls)) };
}

function certificates({ directory, verify }: EngineTls): RequestOptions {
  const read = (name: string): Buffer => {
    try {
      return readFileSync(join(directory, name));
    } catch (cause) {
      throw new Failure("invalid", `could not read ${name} in ${directory}: ${(cause as Error).message}`, {
        hint: "DOCKER_CERT_PATH names the directory of ca.pem, cert.pem and key.pem.",
        cause,
      });
    }
  };
  return {
    cert: read("cert.pem"),
    key: read("key.pem"),
    ...(verify ? { ca: read("ca.pem") } : { rejectUnauthorized: false }),
  };
}
