/** All registries that this process talks to: a connection for each endpoint, tried in order. */
import { isFailure } from "../errors.ts";
import { Connection, type ConnectionOptions } from "./connection.ts";
import type { Endpoint, Endpoints } from "./hosts/endpoints.ts";
import { NetworkFailure } from "./http/network_failure.ts";

export class Registries {
  readonly #endpoints: Endpoints;
  readonly #options: ConnectionOptions;
  readonly #connections = new Map<string, Connection>();
  /** Hosts that turned out to have no TLS, so that it is not tried before every request. */
  readonly #plain = new Set<string>();

  constructor(endpoints: Endpoints, options: ConnectionOptions) {
    this.#endpoints = endpoints;
    this.#options = options;
  }

  /**
   * Does `work` at the first endpoint that answers: a mirror that fails in any way gives way to the next, and a host
   * that may be plain is asked by HTTP when it has no TLS. Throws what the last endpoint's failure was.
   *
   * @param work is also given the endpoints to which a mirror may give way later.
   * @param greet false: without `GET /v2/` where the endpoint is known already.
   */
  async at<T>(
    domain: string,
    purpose: "pull" | "push",
    signal: AbortSignal,
    work: (connection: Connection, others: readonly Connection[]) => Promise<T>,
    greet = true,
  ): Promise<T> {
    const endpoints = this.#candidates(domain, purpose);
    for (const [i, endpoint] of endpoints.entries()) {
      const last = i === endpoints.length - 1;
      const connection = this.#connectionTo(endpoint);
      try {
        if (greet || !connection.greeted) await connection.ping(signal, last);
        const others = endpoint.mirror ? endpoints.slice(i + 1) : [];
        return await work(
          connection,
          others.map((other) => this.#connectionTo(other)),
        );
      } catch (error) {
        if (last || isFailure(error, "cancelled") || !this.#givesWay(endpoint, error)) throw error;
      }
    }
    throw new Error("unreachable: every domain has an endpoint");
  }

  #candidates(domain: string, purpose: "pull" | "push"): Endpoint[] {
    return this.#endpoints
      .of(domain, purpose)
      .filter(({ base }) => !(base.startsWith("https:") && this.#plain.has(base.slice("https:".length))));
  }

  #givesWay(endpoint: Endpoint, error: unknown): boolean {
    if (!(error instanceof NetworkFailure)) return endpoint.mirror;
    // Only endpoints that have a plain twin get here without being a mirror.
    if (error.notTls) this.#plain.add(endpoint.base.slice("https:".length));
    return true;
  }

  #connectionTo(endpoint: Endpoint): Connection {
    const key = `${endpoint.base} ${endpoint.domain}`;
    let connection = this.#connections.get(key);
    if (connection === undefined) {
      connection = new Connection(endpoint, this.#options);
      this.#connections.set(key, connection);
    }
    return connection;
  }
}
