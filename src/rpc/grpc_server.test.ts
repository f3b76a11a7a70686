import assert from "node:assert/strict";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "node:test";
import { framed, grpcClient, rawCall } from "../../test/support/grpc_client.ts";
import { scratch } from "../../test/suites/scratch.ts";
import { Failure } from "../errors.ts";
import { createGrpcServer, streaming, unary, type Methods } from "./grpc_server.ts";
import { integer, message, text } from "./message.ts";
import { codes, GrpcError } from "./status.ts";

const Ask = message({ word: text(1), count: integer(2) });
const Answer = message({ word: text(1) });

const methods: Methods = {
  "/t.S/Echo": unary(Ask, Answer, ({ word }) => ({ word })),
  "/t.S/Fail": unary(Ask, Answer, ({ word }) => {
    if (word === "late") throw new GrpcError(codes.deadlineExceeded, "too late");
    throw word === "bug" ? new Error("a bug") : new Failure("not-found", `no ${word}: 100 % sure\n`);
  }),
  "/t.S/Count": streaming(Ask, Answer, async function* ({ count }) {
    for (let i = 0; i < count; i++) yield { word: "x".repeat(1000) };
  }),
};

async function serving() {
  await using undo = new AsyncDisposableStack();
  const directory = undo.use(scratch("grpc"));
  const path = join(directory.path, "s");
  const bugs: string[] = [];
  const server = createGrpcServer(methods, (_error, where) => void bugs.push(where));
  server.listen(path);
  await once(server, "listening");
  undo.defer(() => void server.close());
  const client = undo.use(grpcClient(path));
  const held = undo.move();
  const raw = (name: string, body: Uint8Array) => rawCall(path, name, body);
  return { client, raw, bugs, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

test("one message in, one out; and what went wrong, in words", async () => {
  await using host = await serving();
  const { client } = host;
  assert.deepEqual(await client.call("/t.S/Echo", Ask, Answer, { word: "hé" }), { word: "hé" });
  const fail = async (word: string) => {
    const { code, text } = await host.raw("/t.S/Fail", framed(Ask.encode({ word })));
    return [code, text];
  };
  assert.deepEqual(await fail("übung"), [5, "no übung: 100 % sure\n"]);
  assert.deepEqual(await fail("late"), [4, "too late"]);
  assert.deepEqual(host.bugs, []);
  assert.deepEqual(await fail("bug"), [13, "a bug"]);
  assert.deepEqual(host.bugs, ["/t.S/Fail"]);
});

test("several answers, held back by a client that is slow", async () => {
  await using host = await serving();
  const { code, bytes } = await host.raw("/t.S/Count", framed(Ask.encode({ count: 500 })));
  // Of each a flag, its length, and a field of a thousand bytes.
  assert.deepEqual([code, bytes], [0, 500 * (5 + 3 + 1000)]);
});

test("what is no call is refused, and the server lives on", async () => {
  await using host = await serving();
  const { client } = host;
  const codeOf = async (path: string, body: Uint8Array) => (await host.raw(path, body)).code;
  assert.equal(await codeOf("/t.S/None", framed(Buffer.alloc(0))), 12);
  assert.equal(await codeOf("/t.S/toString", framed(Buffer.alloc(0))), 12);
  assert.equal(await codeOf("/t.S/Echo", Buffer.alloc(0)), 3);
  assert.equal(await codeOf("/t.S/Echo", Buffer.from([0, 0, 0, 0, 9, 1])), 3);
  assert.equal(await codeOf("/t.S/Echo", Buffer.from([1, 0, 0, 0, 0])), 12);
  assert.equal(await codeOf("/t.S/Echo", framed(Buffer.from([0x0a, 0x7f]))), 15);
  assert.deepEqual(await client.call("/t.S/Echo", Ask, Answer, { word: "on" }), { word: "on" });
  assert.deepEqual(host.bugs, []);
});
