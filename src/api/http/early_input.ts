/** Requests whose connection becomes a stream though they ask for no upgrade, as clients of Docker had it before 1.8. */
import type { IncomingMessage, Server } from "node:http";
import type { Socket } from "node:net";

const unread = new WeakSet<IncomingMessage>();

/** Whether a body, if there is one, comes with the input that follows the head. */
export function hasUnreadBody(request: IncomingMessage): boolean {
  return unread.has(request);
}

/** Node's own of a connection (lib/_http_server.js, `parserOnIncoming`), which says by a 2 that HTTP ends with this head. */
interface ConnectionParser {
  onIncoming: (request: IncomingMessage, keepAlive: boolean) => number;
}

/**
 * Has the server tell of `attach` by `upgrade` always, with all that comes after the head. Taken for further requests, what a
 * client sends before it has the answer would be lost, or refused. dockerd loses what comes in one packet with the head
 * (moby, api/server/httputils/httputils.go, `HijackConnection`: Go's server has read it by then).
 */
export function keepEarlyInput(server: Server, connected: "connection" | "secureConnection"): void {
  server.on(connected, (socket: Socket & { readonly parser?: ConnectionParser }) => {
    const { parser } = socket;
    if (parser === undefined) return;
    const usual = parser.onIncoming;
    parser.onIncoming = (request, keepAlive) => {
      if (!isAttach(request)) return usual(request, keepAlive);
      Object.assign(request, { upgrade: true });
      unread.add(request);
      return 2;
    };
  });
}

const isAttach = ({ method, url = "" }: IncomingMessage): boolean =>
  method === "POST" && /^(\/v[\d.]+)?\/containers\/[^?]+\/attach(\?|$)/.test(url);
