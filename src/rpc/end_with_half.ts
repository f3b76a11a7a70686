import type { Http2Session } from "node:http2";
import type { Duplex } from "node:stream";

/**
 * Has the session end when the peer has ended its half of the connection, as Go's does: nothing can be agreed upon any
 * more. Clients behind `docker system dial-stdio` (contexts with `ssh://`) leave in this way, and wait for the other half.
 */
export function endWithHalf(session: Http2Session, socket: Duplex): void {
  socket.once("end", () => session.destroy());
}
