/** A line to a server that fails as lines do; for the drivers of object stores. */
import { once } from "node:events";
import { createServer, request, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/**
 * `busy`: 503, nothing was passed on · `reset`: the connection breaks, nothing was passed on · `lost`: it was done, and
 * the connection breaks before the answer · `cut`: the answer breaks in the middle of its body
 */
export type LineFault = "busy" | "reset" | "lost" | "cut";

export interface FlakyProxy extends AsyncDisposable {
  readonly origin: string;
  /** The fault of a request, by its number from 1. */
  plan: (number: number, incoming: IncomingMessage) => LineFault | undefined;
}

/** @param target origin of the server; the Host header stays the client's, which signatures cover */
export async function flakyProxy(target: string): Promise<FlakyProxy> {
  let count = 0;
  const server = createServer(async (incoming, outgoing) => {
    const fault = proxy.plan(++count, incoming);
    const body = Buffer.concat(await Array.fromAsync(incoming as AsyncIterable<Uint8Array>));
    if (fault === "reset") return void incoming.socket.destroy();
    if (fault === "busy")
      return void outgoing.writeHead(503, { "Retry-After": "0" }).end("<Error><Code>SlowDown</Code></Error>");
    pass(target, incoming, body, outgoing, fault);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const proxy: FlakyProxy = {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    plan: () => undefined,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
  return proxy;
}

/** Every `each`th request fails, the kinds in turn. Five in a row never do, so retries get through. */
export function everyRequest(each: number): (number: number) => LineFault | undefined {
  const kinds = ["busy", "reset", "lost", "cut"] as const;
  return (number) => (number % each === 0 ? kinds[(number / each) % kinds.length] : undefined);
}

function pass(
  target: string,
  incoming: IncomingMessage,
  body: Buffer,
  outgoing: ServerResponse,
  fault: LineFault | undefined,
): void {
  const { method, headers, url } = incoming;
  const onward = request(new URL(url as string, target), { method, headers });
  let answered = false;
  // Behind an answer to HEAD some servers send an empty body, which is an error without consequence.
  onward.on("error", () => answered || incoming.socket.destroy());
  onward.on("response", async (response) => {
    answered = true;
    if (fault === undefined) {
      outgoing.writeHead(response.statusCode as number, response.rawHeaders);
      response.pipe(outgoing);
      return;
    }
    const whole = Buffer.concat(await Array.fromAsync(response as AsyncIterable<Uint8Array>));
    if (fault === "cut" && whole.length > 1) {
      outgoing.writeHead(response.statusCode as number, response.rawHeaders);
      await new Promise((resolve) => outgoing.write(whole.subarray(0, whole.length >> 1), resolve));
    }
    incoming.socket.destroy();
  });
  onward.end(body);
}
