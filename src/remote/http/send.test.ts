import assert from "node:assert/strict";
import { once } from "node:events";
import { Agent, createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import type { ByteSource } from "../../bytes/index.ts";
import { bytesOf, failure, signal } from "../testing.test.ts";
import { send, type HttpRequest } from "./send.ts";

async function serve(listener: RequestListener) {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const agent = new Agent({ keepAlive: true });
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/x?secret=1`);
  const dispose = async () => {
    agent.destroy();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  const ask = (more: Partial<HttpRequest> = {}, idleMs = 10_000) =>
    send({ method: "GET", url, headers: {}, signal, ...more }, { agent, idleMs });
  return { ask, agent, [Symbol.asyncDispose]: dispose };
}

async function* endless(): ByteSource {
  for (;;) yield Buffer.alloc(65_536);
}

test("an answer that comes before the request's body has ended is not missed", async () => {
  await using server = await serve((_, response) => void response.writeHead(413).end("too large"));
  const answer = await server.ask({ method: "PATCH", body: endless() });
  assert.equal(answer.status, 413);
  assert.equal(String(await bytesOf(answer.body)), "too large");
  // The connection with half a request on it is not used again.
  const again = await server.ask();
  assert.equal(again.status, 413);
});

test("a failing request body fails as itself, and breaks the request off", async () => {
  const [arrived, closed] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  await using server = await serve((request) => {
    request.once("close", closed.resolve).on("error", () => undefined);
    arrived.resolve();
  });
  async function* broken(): ByteSource {
    yield Buffer.alloc(10);
    await arrived.promise;
    throw new RangeError("disk on fire");
  }
  await assert.rejects(server.ask({ method: "PATCH", body: broken() }), new RangeError("disk on fire"));
  await closed.promise;
});

test("a server that never answers is given up; the message has no query", async () => {
  await using server = await serve(() => undefined);
  await assert.rejects(
    server.ask({}, 20),
    failure("unavailable", /^Get "http:\/\/127\.0\.0\.1:\d+\/x": no data for 0\.02 s$/),
  );
  await assert.rejects(server.ask({ answerMs: 30 }, 20), failure("unavailable", /no data for 0\.03 s$/));
});

test("a server that stops reading is given up", async () => {
  await using server = await serve((request) => void request.pause());
  await assert.rejects(
    server.ask({ method: "PATCH", body: endless() }, 50),
    failure("unavailable", /no data for/),
  );
});

test("a body that is let go leaves the connection for the next request; a half-read one breaks it off", async () => {
  const closed = Promise.withResolvers<void>();
  await using server = await serve((request, response) => {
    request.socket.once("close", closed.resolve);
    response.end(Buffer.alloc(request.method === "PUT" ? 16 << 20 : 1000));
  });
  const free = once(server.agent, "free");
  (await server.ask()).discard();
  await free;
  assert.equal(Object.values(server.agent.freeSockets).flat().length, 1);
  const half = await server.ask({ method: "PUT" });
  for await (const chunk of half.body) {
    assert.ok(chunk.length > 0);
    break;
  }
  await closed.promise;
});
