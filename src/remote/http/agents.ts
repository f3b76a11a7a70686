/** Connections: kept open between requests, with the TLS settings of their host, through a proxy where there is one. */
import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { getCACertificates } from "node:tls";
import { proxyFor, type Environment } from "./proxy.ts";

/** TLS settings of one host, PEM texts. */
export interface TlsSettings {
  /** Certificate authorities to trust besides the usual ones. */
  readonly ca?: readonly string[];
  readonly cert?: string;
  readonly key?: string;
  /** Accept any certificate. */
  readonly insecure?: boolean;
}

export class Agents {
  readonly #environment: Environment;
  readonly #tlsOf: (host: string) => TlsSettings;
  readonly #agents = new Map<string, HttpAgent>();

  /** @param tlsOf gives the settings of `host:port`, asked once per host. */
  constructor(environment: Environment, tlsOf: (host: string) => TlsSettings) {
    this.#environment = environment;
    this.#tlsOf = tlsOf;
  }

  for(url: URL): HttpAgent {
    let agent = this.#agents.get(url.origin);
    if (agent === undefined) {
      agent = this.#make(url);
      this.#agents.set(url.origin, agent);
    }
    return agent;
  }

  /** Closes idle connections and breaks busy ones. */
  close(): void {
    for (const agent of this.#agents.values()) agent.destroy();
    this.#agents.clear();
  }

  #make(url: URL): HttpAgent {
    const proxy = proxyFor(url, this.#environment);
    const proxyEnv = proxy === undefined ? {} : { proxyEnv: { HTTP_PROXY: proxy, HTTPS_PROXY: proxy } };
    if (url.protocol !== "https:") return new HttpAgent({ keepAlive: true, ...proxyEnv });
    const { ca, cert, key, insecure } = this.#tlsOf(url.host);
    return new HttpsAgent({
      keepAlive: true,
      ...proxyEnv,
      // Where any certificate will do, none is looked up.
      ca: insecure === true ? [] : [...usualAuthorities(), ...(ca ?? [])],
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      rejectUnauthorized: insecure !== true,
    });
  }
}

let usual: readonly string[] | undefined;

/**
 * Node's bundled authorities and the system's: Docker trusts the latter, where companies install their own. Reading
 * them takes about 70 ms, so it is done at the first TLS connection.
 */
function usualAuthorities(): readonly string[] {
  usual ??= [...new Set([...getCACertificates("default"), ...getCACertificates("system")])];
  return usual;
}
