import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { scratch } from "../../../test/suites/scratch.ts";
import { Failure } from "../../errors.ts";
import { answerJsonLines, type JsonLines } from "./json_lines.ts";
import { createApiServer } from "./server.ts";

interface Served extends AsyncDisposable {
  /** Sends the request; nothing is read until the socket is. */
  ask(): Socket;
}

async function serve(work: (lines: JsonLines) => Promise<void>): Promise<Served> {
  const directory = scratch("json-lines");
  const server = createApiServer({
    routes: [{ method: "GET", path: "/work", handle: (call) => answerJsonLines(call, work) }],
    version: "1",
    onError: (error) => assert.fail(String(error)),
  });
  const path = join(directory.path, "s");
  server.listen(path);
  await once(server, "listening");
  return {
    ask: () => connect(path).pause(),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
      directory[Symbol.dispose]();
    },
  };
}

const head = "GET /work HTTP/1.0\r\n\r\n";

test("a client that does not read costs little, and learns the newest counts and every status in order", async () => {
  const told = Promise.withResolvers<boolean>();
  await using served = await serve(async (lines) => {
    for (let round = 1; round <= 200; round++) {
      for (let layer = 0; layer < 200; layer++) {
        const id = String(layer).padStart(12, "0");
        lines.report({ id, status: `Part ${round}`, current: round, total: 200 });
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    for (let layer = 0; layer < 200; layer++)
      lines.report({ id: String(layer).padStart(12, "0"), status: "Done" });
    lines.write({ end: true });
    told.resolve(lines.room() === undefined);
  });
  const client = served.ask();
  client.write(head);
  assert.equal(await told.promise, false);
  const lines = (await text(client)).split("\r\n").filter((line) => line.startsWith("{"));
  const last = lines.slice(-201).map((line) => JSON.parse(line) as { status?: string; end?: boolean });
  assert.deepEqual(last.at(-1), { end: true });
  assert.ok(last.slice(0, -1).every(({ status }) => status === "Done"));
  // Of those 40,000 counts.
  assert.ok(lines.length < 20_000, `${lines.length} lines`);
});

test("of a layer's counts some are told: the first of each status, the last, and those between seldom", async () => {
  await using served = await serve(async (lines) => {
    const id = "0123456789ab";
    for (let current = 1; current <= 1000; current++)
      lines.report({ id, status: "Downloading", current, total: 1000 });
    lines.report({ id, status: "Extracting", current: 1, total: 1000 });
    lines.report({ id, status: "Pull complete" });
  });
  const client = served.ask();
  client.write(head);
  const lines = (await text(client)).split("\r\n").filter((line) => line.startsWith("{"));
  const shown = lines.map((line) => {
    const { status, progressDetail } = JSON.parse(line) as {
      status: string;
      progressDetail: { current?: number };
    };
    return `${status} ${progressDetail.current ?? ""}`;
  });
  assert.equal(shown[0], "Downloading 1");
  assert.deepEqual(shown.slice(-3), ["Downloading 1000", "Extracting 1", "Pull complete "]);
  assert.ok(lines.length < 500, `${lines.length} lines`);
});

test("each line is a chunk of its own, and there at once", async () => {
  const read = Promise.withResolvers<void>();
  await using served = await serve(async (lines) => {
    for (const stream of ["a", "bc", "d"]) lines.write({ stream });
    await read.promise;
  });
  const client = served.ask();
  client.write("GET /work HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const expected = ["a", "bc", "d"].map((stream) => {
    const line = `${JSON.stringify({ stream })}\r\n`;
    return `${line.length.toString(16)}\r\n${line}\r\n`;
  });
  let answer = "";
  for await (const part of client.resume()) {
    answer += String(part);
    if (answer.endsWith(expected.join(""))) read.resolve();
  }
  assert.ok(answer.endsWith(`\r\n\r\n${expected.join("")}0\r\n\r\n`), answer);
});

for (const [what, work, status, body] of [
  [
    "before the first line is the answer's status",
    async () => Promise.reject(new Failure("not-found", "no <x>")),
    "404",
    '{"message":"no <x>"}\n',
  ],
  [
    "after it is the last line",
    async (lines: JsonLines) => {
      lines.write({ stream: "a" });
      throw new Failure("not-found", "no <x>");
    },
    "200",
    '{"stream":"a"}\r\n{"errorDetail":{"message":"no \\u003cx\\u003e"},"error":"no \\u003cx\\u003e"}\r\n',
  ],
] as const) {
  test(`a failure ${what}`, async () => {
    await using served = await serve(work);
    const client = served.ask();
    client.write(head);
    const answer = await text(client);
    assert.equal(answer.split(" ")[1], status);
    assert.equal(answer.slice(answer.indexOf("\r\n\r\n") + 4), body);
  });
}

for (const [what, leave] of [
  ["has read", (client: Socket) => void client.resume()],
  ["has gone", (client: Socket) => void client.destroy()],
] as const) {
  test(`there is room again when the client ${what}`, async () => {
    const full = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<void>();
    await using served = await serve(async (lines) => {
      assert.equal(lines.room(), undefined);
      while (lines.room() === undefined) lines.write({ stream: "x".repeat(10_000) });
      full.resolve();
      await lines.room();
      ended.resolve();
    });
    const client = served.ask();
    client.write(head);
    await full.promise;
    leave(client);
    await ended.promise;
    client.destroy();
  });
}
