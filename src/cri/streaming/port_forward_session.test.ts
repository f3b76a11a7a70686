/** Port forwarding from a client's side; what it connects to is here. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { duplexPair, type Duplex } from "node:stream";
import { test } from "node:test";
import { webSocketFrame, WebSocketStream } from "../../api/index.ts";
import { SpdyOpener } from "../../../test/support/spdy_client.ts";
import { PortForwardSession } from "./port_forward_session.ts";
import { controlFrame, dataFrame, frameTypes, SpdyReader } from "./spdy_frames.ts";

/** A client whose frames it reads, and a server that sends back what it is sent, once it has all. */
interface Forwarding extends AsyncDisposable {
  readonly client: Duplex;
  readonly opener: SpdyOpener;
  /** Connections that the server has. */
  readonly open: Set<Socket>;
  readonly over: Promise<void>;
  /** Both streams of a connection. */
  request(id: string, port?: string): Promise<void>;
  /** Resolves with what a stream has said when it has ended. */
  said(stream: number): Promise<string>;
}

async function forwarding(): Promise<Forwarding> {
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    open.add(socket);
    socket.on("close", () => open.delete(socket)).on("error", () => undefined);
    socket.pipe(socket);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  const [client, side] = duplexPair();
  const over = PortForwardSession.run(side, async (wanted) => {
    if (wanted !== 80) throw new Error("connection refused");
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    await once(socket, "connect");
    return socket;
  });
  const streams = new Map<number, { text: string; readonly ended: PromiseWithResolvers<string> }>();
  const streamOf = (number: number) => {
    const stream = streams.get(number) ?? { text: "", ended: Promise.withResolvers<string>() };
    streams.set(number, stream);
    return stream;
  };
  const reader = new SpdyReader();
  client.on("data", (chunk: Buffer) => {
    for (const frame of reader.read(chunk)) {
      if (frame.kind !== "data") continue;
      const stream = streamOf(frame.stream);
      stream.text += frame.bytes.toString();
      if (frame.fin) stream.ended.resolve(stream.text);
    }
  });
  client.on("error", () => undefined);
  const opener = new SpdyOpener();
  return {
    client,
    opener,
    open,
    over,
    request: async (id, wanted = "80") => {
      for (const streamtype of ["error", "data"])
        client.write(await opener.open({ streamtype, port: wanted, requestid: id }));
    },
    said: (number) => streamOf(number).ended.promise,
    [Symbol.asyncDispose]: async () => {
      client.destroy();
      side.destroy();
      await over;
      for (const socket of open) socket.destroy();
      server.close();
    },
  };
}

test("two connections at once, each with what is its own", async () => {
  await using forward = await forwarding();
  await forward.request("a");
  await forward.request("b");
  for (let left = 30; left > 0; left--) {
    forward.client.write(dataFrame(3, Buffer.alloc(30_000, "x")));
    forward.client.write(dataFrame(7, Buffer.alloc(1000, "y")));
  }
  for (const stream of [3, 7]) forward.client.write(dataFrame(stream, Buffer.alloc(0), true));
  assert.equal(await forward.said(3), "x".repeat(900_000));
  assert.equal(await forward.said(7), "y".repeat(30_000));
  assert.deepEqual([await forward.said(1), await forward.said(5)], ["", ""]);
});

test("a port where nobody listens is told on the error stream, and others go on", async () => {
  await using forward = await forwarding();
  await forward.request("a", "81");
  assert.equal(
    await forward.said(1),
    "failed to connect to localhost:81 inside the sandbox: connection refused",
  );
  assert.equal(await forward.said(3), "");
  await forward.request("b");
  forward.client.write(dataFrame(7, Buffer.from("still here"), true));
  assert.equal(await forward.said(7), "still here");
});

test("what the client resets, or leaves behind, is closed", async () => {
  await using forward = await forwarding();
  for (const end of [
    () => forward.client.write(controlFrame(frameTypes.rstStream, Buffer.from([0, 0, 0, 3, 0, 0, 0, 5]))),
    () => forward.client.end(),
  ]) {
    await forward.request(String(end));
    while (forward.open.size === 0) await new Promise(setImmediate);
    end();
    while (forward.open.size > 0) await new Promise(setImmediate);
  }
});

test("streams of no kind or port, and the same one twice, end the connection", async () => {
  for (const headers of [
    [{ streamtype: "data", port: "0", requestid: "1" }],
    [{ streamtype: "data", port: "80x", requestid: "1" }],
    [{ streamtype: "stdin", port: "80", requestid: "1" }],
    Array.from({ length: 2 }, () => ({ streamtype: "data", port: "80", requestid: "1" })),
  ]) {
    await using forward = await forwarding();
    for (const each of headers) forward.client.write(await forward.opener.open(each));
    await forward.over;
  }
});

test("a web socket's messages are one stream, wherever they are cut", async () => {
  const [client, side] = duplexPair();
  const tunnel = new WebSocketStream(side, "binary");
  tunnel.pipe(tunnel);
  const chunks: Buffer[] = [];
  client.on("data", (chunk: Buffer) => void chunks.push(chunk));
  for (const part of ["ab", "c", "def"]) client.write(masked("binary", part));
  while (!Buffer.concat(chunks).toString("latin1").endsWith("f")) await once(client, "data");
  client.write(masked("close", "\x03\xe8"));
  await once(client, "end");
  // Each frame: what it is, its length, and so many bytes (RFC 6455, 5.2).
  let heard = "";
  let rest = Buffer.concat(chunks);
  for (; rest[0] === 0x82; rest = rest.subarray(2 + (rest[1] as number)))
    heard += rest.toString("latin1", 2, 2 + (rest[1] as number));
  assert.equal(heard, "abcdef");
  assert.deepEqual(rest, webSocketFrame("close", Buffer.from([0x03, 0xe8])));
});

/** As clients have to send them (RFC 6455, 5.3), by a mask of zeros. */
function masked(kind: "binary" | "close", text: string): Buffer {
  const frame = webSocketFrame(kind, Buffer.from(text, "latin1"));
  const head = Buffer.from(frame.subarray(0, 2));
  head[1] = (head[1] as number) | 0x80;
  return Buffer.concat([head, Buffer.alloc(4), frame.subarray(2)]);
}
