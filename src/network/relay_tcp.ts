/** Connections to an address of the host, passed on to a container. */
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import type { Relay, RelayTarget } from "./port_relays.ts";

/** @throws what listen(2) does */
export async function relayTcp(host: string, port: number, target: RelayTarget): Promise<Relay> {
  const sockets = new Set<Socket>();
  const hold = (socket: Socket): void => {
    sockets.add(socket);
    // What has gone wrong with one end ends both.
    socket.on("error", () => undefined).once("close", () => sockets.delete(socket));
  };
  const server = createServer({ allowHalfOpen: true }, (outer) => {
    const inner = connect({ host: target.address, port: target.port, allowHalfOpen: true });
    for (const [from, to] of [
      [outer, inner],
      [inner, outer],
    ] as const) {
      hold(from);
      from.pipe(to);
      from.once("close", () => to.destroySoon());
    }
  });
  server.listen({ host, port, ipv6Only: true, exclusive: true });
  await once(server, "listening");
  // A daemon that has nothing else to do may end.
  server.unref();
  return {
    [Symbol.dispose]: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
