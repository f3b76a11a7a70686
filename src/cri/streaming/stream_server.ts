/**
 * Where clients fetch the streams that they were offered: kubelet and crictl, over the loopback. A random path is the only
 * key, good for one use within a minute.
 */
import { randomBytes } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { closeServer, webSocketAccept, WebSocketStream } from "../../api/index.ts";
import type { Daemon } from "../../engine/index.ts";
import { PortForwardSession, portForwardProtocol, tunnelProtocol } from "./port_forward_session.ts";
import type { StreamOffer } from "./remote_session.ts";
import { runSession } from "./run_session.ts";
import { spdyProtocols, SpdySession } from "./spdy_session.ts";
import { webSocketProtocols, WebSocketSession } from "./web_socket_session.ts";

export interface StreamOffers {
  /** @returns the URL under which it is to be fetched */
  offer(what: StreamOffer): Promise<string>;
}

export interface StreamServer extends StreamOffers, AsyncDisposable {}

const lifetime = 60_000;
/** Offers that nobody has fetched yet; kubelet's own limit. */
const mostOffers = 1000;

export async function serveStreams(daemon: Daemon): Promise<StreamServer> {
  const offers = new Map<string, { readonly what: StreamOffer; readonly until: number }>();
  const server = createServer((_request, response) => {
    response.writeHead(404, { Connection: "close" }).end();
  });
  const close = closeServer(server);
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on("error", () => undefined);
    const found = take(offers, request.url ?? "");
    if (found === undefined) return refuse(socket, "404 Not Found");
    if (head.length > 0) socket.unshift(head);
    void serve(daemon, found, request, socket).catch(() => socket.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    offer: async (what) => {
      const now = Date.now();
      for (const [path, { until }] of offers)
        if (until < now || offers.size >= mostOffers) offers.delete(path);
      const path = `/${what.kind}/${randomBytes(32).toString("base64url")}`;
      offers.set(path, { what, until: now + lifetime });
      return `http://127.0.0.1:${port}${path}`;
    },
    [Symbol.asyncDispose]: close,
  };
}

/** Once only. */
function take(
  offers: Map<string, { readonly what: StreamOffer; readonly until: number }>,
  url: string,
): StreamOffer | undefined {
  const [path = ""] = url.split("?", 1);
  const found = offers.get(path);
  offers.delete(path);
  return found !== undefined && found.until >= Date.now() ? found.what : undefined;
}

function refuse(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

async function serve(
  daemon: Daemon,
  offer: StreamOffer,
  request: IncomingMessage,
  socket: Duplex,
): Promise<void> {
  const protocols =
    offer.kind === "portforward"
      ? { webSocket: [tunnelProtocol], spdy: [portForwardProtocol] }
      : { webSocket: webSocketProtocols, spdy: spdyProtocols };
  const by = accept(request, socket, protocols);
  if (by === undefined) return refuse(socket, "400 Bad Request");
  if (offer.kind === "portforward") {
    const streams = by === "spdy" ? socket : new WebSocketStream(socket, "binary");
    return PortForwardSession.run(streams, (port, signal) =>
      daemon.pods.connect(offer.sandbox, port, signal),
    );
  }
  const isSpdy = by === "spdy";
  const session = isSpdy ? await SpdySession.begin(socket, offer) : new WebSocketSession(socket, offer);
  return runSession(daemon, offer, session);
}

interface Protocols {
  readonly webSocket: readonly string[];
  readonly spdy: readonly string[];
}

/** Switches to the first protocol that both have. Undefined: there is none. */
function accept(
  request: IncomingMessage,
  socket: Duplex,
  { webSocket, spdy }: Protocols,
): "webSocket" | "spdy" | undefined {
  const { upgrade = "" } = request.headers;
  if (upgrade.toLowerCase() === "websocket") {
    const asked = wordsOf(request.headers["sec-websocket-protocol"]);
    const protocol = webSocket.find((each) => asked.includes(each));
    const key = request.headers["sec-websocket-key"];
    if (protocol === undefined || key === undefined) return undefined;
    switchTo(socket, {
      Upgrade: "websocket",
      "Sec-WebSocket-Accept": webSocketAccept(key),
      "Sec-WebSocket-Protocol": protocol,
    });
    return "webSocket";
  }
  const asked = wordsOf(request.headers["x-stream-protocol-version"]);
  const protocol = spdy.find((each) => asked.includes(each));
  if (upgrade.toLowerCase() !== "spdy/3.1" || protocol === undefined) return undefined;
  switchTo(socket, { Upgrade: "SPDY/3.1", "X-Stream-Protocol-Version": protocol });
  return "spdy";
}

function switchTo(socket: Duplex, headers: Readonly<Record<string, string>>): void {
  const lines = Object.entries({ Connection: "Upgrade", ...headers }).map(
    ([name, value]) => `${name}: ${value}`,
  );
  socket.write(["HTTP/1.1 101 Switching Protocols", ...lines, "", ""].join("\r\n"));
}

/** Headers that come several times are joined by commas. */
function wordsOf(header: string | readonly string[] | undefined): string[] {
  return [header ?? []].flat().flatMap((line) => line.split(",").map((word) => word.trim()));
}
