/** Ends a server at once, whatever its clients wait for. */
import type { Server, Socket } from "node:net";

/**
 * To be called before it listens: Node forgets connections that were upgraded or taken over.
 * @returns ends all connections and the server
 */
export function closeServer(server: Server): () => Promise<void> {
  const open = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    open.add(socket);
    socket.once("close", () => open.delete(socket));
  });
  return () =>
    new Promise((resolve) => {
      server.close(() => resolve());
      for (const socket of open) socket.destroy();
    });
}
