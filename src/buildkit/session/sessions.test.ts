import assert from "node:assert/strict";
import { type Duplex, duplexPair } from "node:stream";
import { test } from "node:test";
import { bytes, GrpcClient, message, serveGrpc, text, unary } from "../../rpc/index.ts";
import { introductionOf } from "./session.ts";
import { sessionCall } from "./session_call.ts";
import { Sessions } from "./sessions.ts";

const Word = message({ word: text(1) });
const never = new AbortController().signal;

/** A client that serves one method. */
function client() {
  const [near, far] = duplexPair() as [Duplex, Duplex];
  const methods = { "/t.S/Echo": unary(Word, Word, ({ word }) => ({ word: `${word}!` })) };
  const served = serveGrpc(far, methods, (error) => assert.fail(String(error)));
  return { socket: near, end: () => served.destroy() };
}

const introduction = (id: string) => ({ id, name: "app", sharedKey: "", methods: ["/t.S/Echo"] });

test("a build finds the session of its client, whichever comes first, as long as it lasts", async () => {
  const sessions = new Sessions();
  const { socket, end } = client();
  const early = sessions.get("context:a", never);
  const session = sessions.take(socket, introduction("a"));
  assert.equal(await early, session);
  assert.equal(await sessions.get("a", never), session);
  assert.deepEqual([session.supports("/T.S/echo"), session.supports("/t.S/None")], [true, false]);
  assert.throws(() => session.require("/t.S/None"), { kind: "invalid" });
  assert.equal((await session.client.call("/t.S/Echo", Word, Word, { word: "hi" })).word, "hi!");
  const closed = new Promise((resolve) => session.closed.addEventListener("abort", resolve));
  end();
  await closed;
  const stop = new AbortController();
  const late = sessions.get("a", stop.signal);
  stop.abort();
  await assert.rejects(late, { kind: "cancelled" });
});

test("what no client opens, or opens twice, is an error", async () => {
  const sessions = new Sessions({ patience: 1 });
  await assert.rejects(sessions.get("none", never), {
    kind: "not-found",
    message: /^no active session for none: /,
  });
  const [one, two] = [client(), client()];
  sessions.take(one.socket, introduction("a"));
  assert.throws(() => sessions.take(two.socket, introduction("a")), { kind: "conflict" });
  assert.throws(() => sessions.take(two.socket, introduction("")), { kind: "invalid" });
  assert.throws(() => sessions.take(two.socket, introduction("x".repeat(300))), { kind: "invalid" });
  for (const { end } of [one, two]) end();
});

test("a session on a call of the client's lasts until either ends it", async () => {
  const sessions = new Sessions();
  const [near, far] = duplexPair() as [Duplex, Duplex];
  const server = serveGrpc(far, { "/c.C/Session": sessionCall(sessions) }, (bug) => assert.fail(String(bug)));
  using asking = new GrpcClient(near);
  const Piece = message({ data: bytes(1) });
  for (const ends of ["client", "daemon"] as const) {
    const { socket, end } = client();
    const metadata = {
      "x-docker-expose-session-uuid": ends,
      "x-docker-expose-session-grpc-method": ["/t.S/Echo", "/t.S/Other"],
    };
    using call = asking.open("/c.C/Session", Piece, Piece, { metadata });
    socket.on("data", (data: Buffer) => void call.send({ data }));
    const answers = (async () => {
      for await (const { data } of call) socket.write(data);
    })();
    const session = await sessions.get(ends, never);
    assert.deepEqual([session.supports("/t.S/Echo"), session.supports("/t.S/Other")], [true, true]);
    assert.equal((await session.client.call("/t.S/Echo", Word, Word, { word: "hi" })).word, "hi!");
    const closed = new Promise((resolve) => session.closed.addEventListener("abort", resolve));
    if (ends === "client") call.end();
    else session.client[Symbol.dispose]();
    await Promise.all([closed, answers]);
    sessions.check(ends);
    end();
  }
  server.destroy();
});

test("how a client introduces itself", () => {
  assert.deepEqual(
    introductionOf({
      "x-docker-expose-session-uuid": "id",
      "x-docker-expose-session-name": "app",
      "x-docker-expose-session-grpc-method": "/a.B/C, /a.B/D",
    }),
    { id: "id", name: "app", sharedKey: "", methods: ["/a.B/C", "/a.B/D"] },
  );
});
