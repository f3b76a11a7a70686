/** The bounds of a connection that HTTP/1 has from Node, for HTTP/2, where Node has none. */
import type { ServerHttp2Session } from "node:http2";

export interface SessionLimits {
  /** Milliseconds until the first head is there, handshakes apart. */
  readonly headertimeout: number;
  /** Milliseconds of a request without a byte in either direction. */
  readonly idletimeout: number;
  /** Milliseconds without a request. */
  readonly keepalivetimeout: number;
}

/** RFC 9113 section 7. (Node's own name for it would load HTTP/2 for servers without it.) */
const cancel = 0x8;

/**
 * Ends a session in which no request begins for too long, and requests that are silent for too long. By the clock, and not
 * since the last frame: pings and heads that come byte by byte are no reason to wait.
 */
export function limitSession(session: ServerHttp2Session, limits: SessionLimits): void {
  let open = 0;
  let timer: NodeJS.Timeout | undefined;
  const endAfter = (milliseconds: number) => {
    clearTimeout(timer);
    timer = setTimeout(() => session.destroy(), milliseconds);
  };
  endAfter(limits.headertimeout);
  session.once("close", () => clearTimeout(timer));
  session.on("stream", (stream) => {
    open += 1;
    clearTimeout(timer);
    stream.setTimeout(limits.idletimeout, () => stream.close(cancel));
    stream.once("close", () => {
      open -= 1;
      if (open === 0 && !session.destroyed) endAfter(limits.keepalivetimeout);
    });
  });
}
