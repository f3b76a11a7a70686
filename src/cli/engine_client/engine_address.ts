/** Where a daemon is. */
import { Failure } from "../../errors.ts";

export type EngineAddress =
  | { readonly kind: "unix"; readonly url: string; readonly path: string }
  | {
      readonly kind: "tcp";
      readonly url: string;
      readonly host: string;
      readonly port: number;
      readonly tls?: EngineTls;
    };

/** Files in `DOCKER_CERT_PATH`, which Docker's CLI wants by these names. */
export interface EngineTls {
  readonly directory: string;
  /** Whether the server's certificate must be of `ca.pem`: `DOCKER_TLS_VERIFY` is not empty. */
  readonly verify: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads `unix:///path`, `tcp://host:port`, `http://host:port` and `https://host:port`. Ports are Docker's where none is
 * given: 2375, 2376 with TLS.
 * @throws Failure("invalid") for anything else
 */
export function parseEngineAddress(url: string, env: Environment): EngineAddress {
  const path = /^unix:\/\/(\/.+)$/.exec(url)?.[1];
  if (path !== undefined) return { kind: "unix", url, path };
  const [, scheme, host, port] =
    /^(tcp|https?):\/\/(\[[\da-f:.]+\]|[\w.-]+)(?::(\d{1,5}))?\/?$/i.exec(url) ?? [];
  if (host === undefined) {
    throw new Failure("invalid", `unable to parse docker host \`${url}\``, {
      hint: "Give unix:///path/to.sock or tcp://host:port.",
    });
  }
  const tls = tlsOf(scheme === "https", env);
  return {
    kind: "tcp",
    url,
    host: host.replace(/^\[|\]$/g, ""),
    port: Number(port ?? (tls === undefined ? 2375 : 2376)),
    ...(tls !== undefined && { tls }),
  };
}

/** As docker/cli, which takes its certificates for TLS that it is told to verify, and from `~/.docker` without a path. */
function tlsOf(always: boolean, env: Environment): EngineTls | undefined {
  const verify = (env["DOCKER_TLS_VERIFY"] ?? "") !== "";
  const asked = verify || (env["DOCKER_TLS"] ?? "") !== "";
  if (!always && !asked) return undefined;
  const directory = env["DOCKER_CERT_PATH"] || env["DOCKER_CONFIG"] || `${env["HOME"] ?? ""}/.docker`;
  return { directory, verify: verify || !asked };
}
