/** What stands before several instances of a server: each request goes to the next of them. */
import { once } from "node:events";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { pipeline } from "node:stream";

export interface RoundRobin extends AsyncDisposable {
  /** `127.0.0.1:port`. */
  readonly address: string;
  /** `METHOD path` and which of the servers got it. */
  readonly log: readonly (readonly [string, number])[];
}

/** @param addresses `host:port` of each */
export async function roundRobin(addresses: readonly string[]): Promise<RoundRobin> {
  const log: [string, number][] = [];
  const server = createServer((incoming, answer) => {
    const { method = "", url = "", headers } = incoming;
    const turn = log.length % addresses.length;
    log.push([`${method} ${url}`, turn]);
    const [host, port] = (addresses[turn] as string).split(":");
    const onward = request({ host, port, method, path: url, headers }, (response) => {
      answer.writeHead(response.statusCode ?? 502, response.rawHeaders);
      pipeline(response, answer, () => undefined);
    });
    onward.on("error", () => answer.destroy());
    pipeline(incoming, onward, () => undefined);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    log,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
