/** One registry at a URL that is known: no mirrors, no other scheme than the URL's, none of Docker's credentials. */
import { Tokens } from "./auth/tokens.ts";
import { Connection } from "./connection.ts";
import { readCertificates } from "./hosts/certificates.ts";
import { Agents } from "./http/agents.ts";
import { systemClock } from "./http/clock.ts";
import { hostOf, isLoopback } from "./http/proxy.ts";
import { send, type HttpRequest } from "./http/send.ts";
import type { RemoteOptions } from "./options.ts";

export interface ConnectToOptions extends Pick<
  RemoteOptions,
  "certsDirectory" | "environment" | "userAgent" | "clock" | "idleMs"
> {
  /** Default: anonymous. */
  readonly credentials?: { readonly username: string; readonly password: string };
}

export interface DirectConnection extends Disposable {
  readonly connection: Connection;
}

/**
 * Nothing is sent before the first request, which need not be a ping: how the registry wants to be asked is found out on
 * the way. Disposal breaks what is under way. Loopback addresses may show any certificate.
 * @param url `https://registry.example`, without `/v2`
 */
export function connectTo(url: string, options: ConnectToOptions = {}): DirectConnection {
  const { environment = process.env, clock = systemClock, userAgent = "varve", idleMs = 60_000 } = options;
  const { credentials, certsDirectory = "/etc/docker/certs.d" } = options;
  const target = new URL(url);
  const isLocal = (host: string) => isLoopback(hostOf(new URL(`http://${host}`)));
  const isInsecure = (host: string) => isLocal(host) || (host === target.host && target.protocol === "http:");
  const agents = new Agents(environment, (host) => ({
    ...readCertificates(certsDirectory, host),
    insecure: isLocal(host),
  }));
  const transport = (request: HttpRequest) => send(request, { agent: agents.for(request.url), idleMs });
  const found = credentials && ({ kind: "password", ...credentials } as const);
  const connection = new Connection(
    { base: url.replace(/\/+$/, ""), domain: target.host, mirror: false },
    {
      send: transport,
      tokens: new Tokens({ send: transport, clock, isInsecure, userAgent }),
      credentials: async () => found,
      clock,
      userAgent,
      isInsecure,
    },
  );
  return { connection, [Symbol.dispose]: () => agents.close() };
}
