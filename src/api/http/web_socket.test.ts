import assert from "node:assert/strict";
import { once } from "node:events";
import { duplexPair } from "node:stream";
import { buffer, text } from "node:stream/consumers";
import { test } from "node:test";
import { webSocketAccept, webSocketFrame, WebSocketStream } from "./web_socket.ts";
import { WebSocketReader } from "./web_socket_reader.ts";

/** A frame of a client's: masked. */
function clientFrame(
  opcode: number,
  content: string | Uint8Array,
  { final = true, mask = [1, 2, 3, 4] } = {},
): Buffer {
  const bytes = Buffer.from(content);
  const size = bytes.length;
  const head = [(final ? 0x80 : 0) | opcode, 0x80 | (size < 126 ? size : size < 65_536 ? 126 : 127)];
  const length = Buffer.alloc(size < 126 ? 0 : size < 65_536 ? 2 : 8);
  if (length.length > 0) length.writeUIntBE(size, length.length === 8 ? 2 : 0, Math.min(length.length, 6));
  return Buffer.concat([
    Buffer.from(head),
    length,
    Buffer.from(mask),
    bytes.map((byte, i) => byte ^ (mask[i & 3] as number)),
  ]);
}

function shown(reader: WebSocketReader, chunk: Buffer): string[] {
  return [...reader.read(chunk)].map((event) =>
    "bytes" in event ? `${event.kind} ${event.bytes.toString()}` : event.kind,
  );
}

test("RFC 6455, 1.3: the answer to a key", () => {
  assert.equal(webSocketAccept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
});

test("frames come apart in the same way wherever the stream is cut", () => {
  const whole = Buffer.concat([
    clientFrame(2, "one "),
    clientFrame(1, "two ", { final: false }),
    clientFrame(9, "?"),
    clientFrame(0, "x".repeat(300)),
    clientFrame(2, ""),
    clientFrame(10, ""),
    clientFrame(2, "y".repeat(70_000)),
    clientFrame(8, ""),
    clientFrame(2, "late"),
  ]);
  for (const step of [1, 2, 7, 1000, whole.length]) {
    const reader = new WebSocketReader();
    const all: string[] = [];
    for (let at = 0; at < whole.length; at += step) all.push(...shown(reader, whole.subarray(at, at + step)));
    const data = all.filter((each) => each.startsWith("data ")).map((each) => each.slice(5));
    assert.equal(data.join(""), `one two ${"x".repeat(300)}${"y".repeat(70_000)}`, `${step}`);
    const control = all.filter((each) => !each.startsWith("data "));
    assert.deepEqual(control, ["ping ?", "pong", "close"], `${step}`);
  }
});

test("what no client may send ends it", () => {
  const plain = webSocketFrame("binary", Buffer.from("not masked"));
  const reserved = clientFrame(2, "x");
  reserved[0] = 0xc2;
  for (const bad of [
    plain,
    reserved,
    clientFrame(3, "x"),
    clientFrame(11, ""),
    clientFrame(9, "p".repeat(126)),
  ])
    assert.deepEqual(shown(new WebSocketReader(), bad), ["broken"]);
});

test("a stream in both directions, with an end", async () => {
  const [socket, client] = duplexPair();
  const stream = new WebSocketStream(socket, "binary");
  client.write(clientFrame(2, "in"));
  client.write(clientFrame(9, "?"));
  client.write(clientFrame(8, ""));
  assert.equal(await text(stream), "in");
  const received = buffer(client);
  stream.write("out");
  assert.deepEqual(
    await received,
    Buffer.concat([
      webSocketFrame("pong", Buffer.from("?")),
      webSocketFrame("close", Buffer.from([0x03, 0xe8])),
    ]),
  );
});

test("a client that takes nothing holds the writer back", async () => {
  const [socket, client] = duplexPair({ highWaterMark: 4096 });
  const stream = new WebSocketStream(socket, "binary");
  let taken = 0;
  while (taken < 1000 && stream.write(Buffer.alloc(1024))) taken++;
  assert.ok(taken < 1000);
  const more = once(stream, "drain");
  client.resume();
  await more;
  stream.destroy();
});
