/** Whether a program of the host has a port already. A rule of the firewall would silently take it away from it. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:net";
import { getSystemErrorMap } from "node:util";
import type { Protocol } from "./types.ts";

export interface PortObstacle {
  /** "EADDRINUSE". */
  readonly code: string;
  /** "address already in use". */
  readonly text: string;
}

/** By a socket that is bound for a moment. SCTP cannot be tried so: there, undefined. */
export async function portObstacle(
  ip: string,
  port: number,
  protocol: Protocol,
): Promise<PortObstacle | undefined> {
  try {
    if (protocol === "tcp") await tryTcp(ip, port);
    if (protocol === "udp") await tryUdp(ip, port);
    return undefined;
  } catch (error) {
    const { code = "", errno = 0 } = error as NodeJS.ErrnoException;
    const text =
      code === "EADDRNOTAVAIL"
        ? "cannot assign requested address"
        : (getSystemErrorMap().get(errno)?.[1] ?? code);
    return { code, text };
  }
}

async function tryTcp(host: string, port: number): Promise<void> {
  const server = createServer();
  server.listen({ host, port, exclusive: true, ipv6Only: true });
  await once(server, "listening");
  server.close();
  await once(server, "close");
}

async function tryUdp(address: string, port: number): Promise<void> {
  const socket = createSocket(address.includes(":") ? { type: "udp6", ipv6Only: true } : { type: "udp4" });
  try {
    socket.bind({ address, port, exclusive: true });
    await once(socket, "listening");
  } finally {
    socket.close();
  }
}
