import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type AddressInfo } from "node:net";
import { type Duplex, duplexPair } from "node:stream";
import { test } from "node:test";
import { GrpcClient } from "./grpc_client.ts";
import { bidirectional, serveGrpc, streaming, unary, type Methods } from "./grpc_server.ts";
import { bytes, integer, message, text } from "./message.ts";
import { codes, GrpcError } from "./status.ts";

const Ask = message({ word: text(1), count: integer(2) });
const Answer = message({ word: text(1), rest: bytes(2) });

/** A server and a client on two ends of a pipe. */
function connected(methods: Methods) {
  const [near, far] = duplexPair() as [Duplex, Duplex];
  const bugs: unknown[] = [];
  const session = serveGrpc(far, methods, (error) => void bugs.push(error));
  const client = new GrpcClient(near);
  const stop = () => {
    client[Symbol.dispose]();
    session.destroy();
  };
  return { client, session, bugs, [Symbol.dispose]: stop };
}

const upper = bidirectional(Ask, Answer, async function* (asked) {
  for await (const { word } of asked) yield { word: word.toUpperCase() };
});

test("one message each way, with metadata; and what the peer says is wrong", async () => {
  using pair = connected({
    "/t.S/Echo": unary(Ask, Answer, ({ word }, { headers }) => ({ word: `${word} ${headers["from"]}` })),
    "/t.S/Fail": unary(Ask, Answer, () => {
      throw new GrpcError(codes.notFound, "kein Ü, 100 %");
    }),
  });
  const { client } = pair;
  const answer = await client.call("/t.S/Echo", Ask, Answer, { word: "hé" }, { metadata: { from: "me" } });
  assert.equal(answer.word, "hé me");
  const failing = (path: string) => client.call(path, Ask, Answer, {});
  await assert.rejects(failing("/t.S/Fail"), { code: codes.notFound, message: "kein Ü, 100 %" });
  await assert.rejects(failing("/t.S/None"), { code: codes.unimplemented });
});

test("it is told when the peer begins to serve", async () => {
  const [near, far] = duplexPair() as [Duplex, Duplex];
  using client = new GrpcClient(near);
  const seen: string[] = [];
  const begun = client.begun.then(() => seen.push("begun"));
  await new Promise(setImmediate);
  seen.push("serves");
  const session = serveGrpc(far, {}, (bug) => assert.fail(String(bug)));
  await begun;
  assert.deepEqual(seen, ["serves", "begun"]);
  session.destroy();
});

test("a connection whose other half ends is at its end", async () => {
  const closed: Promise<unknown>[] = [];
  const clients: GrpcClient[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    closed.push(once(socket, "close"));
    if (closed.length === 1) serveGrpc(socket, {}, (bug) => assert.fail(String(bug)));
    else clients.push(new GrpcClient(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  for (const preface of ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0", "\0\0\0\x04\0\0\0\0\0"]) {
    const socket = connect({ port, allowHalfOpen: true });
    socket.resume().end(preface, "latin1");
    await once(socket, "end");
    socket.destroy();
  }
  await Promise.all(closed);
  server.close();
});

test("messages both ways until either has enough", async () => {
  using pair = connected({ "/t.S/Upper": upper });
  using stream = pair.client.open("/t.S/Upper", Ask, Answer);
  const answers = stream[Symbol.asyncIterator]();
  for (const word of ["a", "b"]) {
    await stream.send({ word });
    const { value } = await answers.next();
    assert.equal(value?.word, word.toUpperCase());
  }
  stream.end();
  assert.equal((await answers.next()).done, true);
});

test("many large answers, read slowly, come whole", async () => {
  using pair = connected({
    "/t.S/Count": streaming(Ask, Answer, async function* ({ count }) {
      for (let i = 0; i < count; i++) yield { word: String(i), rest: Buffer.alloc(100_000, i) };
    }),
  });
  using stream = pair.client.open("/t.S/Count", Ask, Answer);
  await stream.send({ count: 80 });
  stream.end();
  let next = 0;
  for await (const { word, rest } of stream) {
    assert.equal(word, String(next));
    assert.ok(Buffer.alloc(100_000, next++).equals(rest));
    await new Promise(setImmediate);
  }
  assert.equal(next, 80);
});

test("a call that is given up ends on both sides", async () => {
  const gone = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  using pair = connected({
    "/t.S/Wait": bidirectional(Ask, Answer, async function* (_asked, { signal }) {
      signal.addEventListener("abort", () => gone.resolve());
      asked.resolve();
      await gone.promise;
      yield {};
    }),
    "/t.S/Upper": upper,
  });
  const stop = new AbortController();
  const waiting = pair.client.call("/t.S/Wait", Ask, Answer, {}, { signal: stop.signal });
  await asked.promise;
  stop.abort();
  await assert.rejects(waiting, { kind: "cancelled" });
  await gone.promise;
  assert.equal((await pair.client.call("/t.S/Upper", Ask, Answer, { word: "on" })).word, "ON");
});

test("an answer that is too long, and a connection that ends", async () => {
  const asked = Promise.withResolvers<void>();
  using pair = connected({
    "/t.S/Long": unary(Ask, Answer, () => ({ rest: Buffer.alloc(2000) })),
    "/t.S/Never": unary(Ask, Answer, () => {
      asked.resolve();
      return new Promise<never>(() => undefined);
    }),
  });
  const { client, session } = pair;
  await assert.rejects(client.call("/t.S/Long", Ask, Answer, {}, { maxBytes: 1000 }), { kind: "limit" });
  const never = client.call("/t.S/Never", Ask, Answer, {});
  await asked.promise;
  session.destroy();
  await assert.rejects(never, { kind: "unavailable" });
  await assert.rejects(client.call("/t.S/Never", Ask, Answer, {}), { kind: "unavailable" });
  if (!client.closed.aborted) await once(client.closed, "abort");
});
