import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { isFailure } from "../errors.ts";
import { bytesField, decodeMessage, encodeMessage, stringField } from "../bytes/index.ts";
import { TtrpcClient } from "./ttrpc.ts";

interface Request {
  readonly stream: number;
  readonly service: string;
  readonly method: string;
  readonly payload: string;
}

/** A peer that parses requests by the protocol's text, apart from the client's code. */
async function peer(
  t: TestContext,
  onRequest: (request: Request, socket: Socket) => void,
): Promise<TtrpcClient> {
  const directory = mkdtempSync(join(tmpdir(), "varve-ttrpc-"));
  const path = join(directory, "s");
  const server = createServer((socket) => {
    let received = Buffer.alloc(0);
    socket.on("data", (chunk) => {
      received = Buffer.concat([received, chunk as Buffer]);
      while (received.length >= 10 && received.length >= 10 + received.readUInt32BE(0)) {
        const length = received.readUInt32BE(0);
        assert.equal(received[8], 1, "type: request");
        const fields = decodeMessage(received.subarray(10, 10 + length));
        const [service, method] = [stringField(fields, 1), stringField(fields, 2)];
        const payload = Buffer.from(bytesField(fields, 3)).toString("latin1");
        const stream = received.readUInt32BE(4);
        received = received.subarray(10 + length);
        onRequest({ stream, service, method, payload }, socket);
      }
    });
  });
  await new Promise<void>((resolve) => void server.listen(path, resolve));
  const client = await TtrpcClient.connect(path);
  t.after(() => {
    client.close();
    server.close();
    rmSync(directory, { recursive: true });
  });
  return client;
}

function frame(stream: number, message: Uint8Array, type = 2): Buffer {
  const header = Buffer.alloc(10);
  header.writeUInt32BE(message.length, 0);
  header.writeUInt32BE(stream, 4);
  header.writeUInt8(type, 8);
  return Buffer.concat([header, message]);
}

const bytes = (text: string): Uint8Array => Buffer.from(text, "latin1");

test("sends service, method and payload on odd streams and gives the answer's payload", async (t) => {
  const seen: Request[] = [];
  const client = await peer(t, (request, socket) => {
    seen.push(request);
    socket.write(frame(request.stream, encodeMessage({ 2: bytes(`re:${request.payload}`) })));
  });
  assert.deepEqual(Buffer.from(await client.call("s.S", "M", bytes("one"))), Buffer.from("re:one"));
  assert.deepEqual(Buffer.from(await client.call("s.S", "N", bytes("two"))), Buffer.from("re:two"));
  assert.deepEqual(seen, [
    { stream: 1, service: "s.S", method: "M", payload: "one" },
    { stream: 3, service: "s.S", method: "N", payload: "two" },
  ]);
});

test("answers may come in any order and cut anywhere", async (t) => {
  const waiting: Request[] = [];
  const client = await peer(t, (request, socket) => {
    waiting.push(request);
    if (waiting.length < 3) return;
    const answers = waiting
      .reverse()
      .map(({ stream, payload }) => frame(stream, encodeMessage({ 2: bytes(payload) })));
    for (const byte of Buffer.concat([frame(99, bytes("x"), 3), ...answers]))
      socket.write(Buffer.from([byte]));
  });
  const answers = await Promise.all(["a", "b", "c"].map((payload) => client.call("s", "m", bytes(payload))));
  assert.deepEqual(
    answers.map((answer) => Buffer.from(answer).toString()),
    ["a", "b", "c"],
  );
});

test("a status becomes a failure of its kind with its words", async (t) => {
  const client = await peer(t, ({ stream, payload }, socket) => {
    const status = encodeMessage({ 1: Number(payload), 2: `code ${payload}` });
    socket.write(frame(stream, encodeMessage({ 1: status })));
  });
  const kinds = {
    3: "invalid",
    5: "not-found",
    6: "conflict",
    9: "conflict",
    12: "unsupported",
    2: "internal",
  } as const;
  for (const [code, kind] of Object.entries(kinds))
    await assert.rejects(client.call("s", "m", bytes(code)), (error) => {
      assert.ok(isFailure(error, kind), `${code}: ${String(error)}`);
      assert.equal(error.message, `code ${code}`);
      return true;
    });
});

test("a peer that hangs up fails what is under way and what comes after", async (t) => {
  const client = await peer(t, (_request, socket) => socket.destroy());
  const unavailable = (error: unknown): boolean => isFailure(error, "unavailable");
  await assert.rejects(client.call("s", "m", bytes("x")), unavailable);
  await assert.rejects(client.call("s", "m", bytes("x")), unavailable);
  assert.equal(await client.closedWithin(1000), true);
});

test("a frame longer than the protocol permits ends the connection", async (t) => {
  const client = await peer(t, ({ stream }, socket) => {
    const header = frame(stream, new Uint8Array());
    header.writeUInt32BE((4 << 20) + 1, 0);
    socket.write(header);
  });
  await assert.rejects(client.call("s", "m", bytes("x")), /a message of 4194305 bytes was announced/);
});

test("an answer that is no protobuf fails its call only", async (t) => {
  const client = await peer(t, ({ stream, payload }, socket) => {
    socket.write(frame(stream, payload === "bad" ? bytes("\x0a\x7f") : encodeMessage({ 2: bytes("good") })));
  });
  await assert.rejects(client.call("s", "m", bytes("bad")), /the answer makes no sense/);
  assert.equal(Buffer.from(await client.call("s", "m", bytes("x"))).toString(), "good");
});

test("connecting to nobody is unavailable", async () => {
  await assert.rejects(TtrpcClient.connect(join(tmpdir(), "varve-nobody-listens")), (error) =>
    isFailure(error, "unavailable"),
  );
});
