import assert from "node:assert/strict";
import { once } from "node:events";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { written } from "./written.ts";

function full(): { stream: PassThrough; waiting: Promise<void> } {
  const stream = new PassThrough({ highWaterMark: 4 });
  let waiting: Promise<void> | undefined;
  while (waiting === undefined) waiting = written(stream, Buffer.from("abcd"));
  return { stream, waiting };
}

test("a stream with room is not waited for, nor one that takes nothing any more", async () => {
  const stream = new PassThrough();
  assert.equal(written(stream, Buffer.from("a")), undefined);
  stream.end();
  assert.equal(written(stream, Buffer.from("b")), undefined);
  stream.destroy();
  await once(stream, "close");
  assert.equal(written(stream, Buffer.from("c")), undefined);
});

test("one that is full is waited for until it is read, or gone; no listener stays", async () => {
  for (const end of ["resume", "destroy"] as const) {
    const { stream, waiting } = full();
    const before = stream.listenerCount("close");
    stream[end]();
    await waiting;
    assert.deepEqual([stream.listenerCount("drain"), stream.listenerCount("close")], [0, before - 1]);
  }
});
