/** A line to a server that stops carrying at a certain byte: what is killed then is killed in the middle of something. */
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

export interface HeldLine extends AsyncDisposable {
  /** `127.0.0.1:port`; stays the same whatever server is behind it. */
  readonly address: string;
  /** Where connections go that are made from now on, `127.0.0.1:port`. */
  target: string;
  /** So many more bytes from clients, of all connections together; then nothing. `Infinity` to begin with. */
  left: number;
}

export async function heldLine(target: string): Promise<HeldLine> {
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const [host, port] = line.target.split(":") as [string, string];
    const onward = connect(Number(port), host);
    for (const socket of [client, onward]) {
      open.add(socket);
      socket.on("error", () => undefined);
    }
    client.on("data", (chunk: Buffer) => {
      const passed = chunk.subarray(0, line.left);
      line.left -= passed.length;
      if (passed.length > 0 && !onward.write(passed)) {
        client.pause();
        onward.once("drain", () => client.resume());
      }
      if (line.left === 0) client.pause();
    });
    onward.pipe(client);
    client.once("end", () => onward.end());
    for (const [one, other] of [
      [client, onward],
      [onward, client],
    ] as const)
      one.once("close", () => {
        open.delete(one);
        other.destroy();
      });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const line: HeldLine = {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    target,
    left: Infinity,
    [Symbol.asyncDispose]: async () => {
      server.close();
      for (const socket of open) socket.destroy();
      await once(server, "close");
    },
  };
  return line;
}
