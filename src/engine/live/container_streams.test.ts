import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import type { OutputListener } from "../../runtime/index.ts";
import { ContainerStreams } from "./container_streams.ts";

test("output waits for who is not ready yet, in its order", async () => {
  const streams = new ContainerStreams(false);
  const ready = Promise.withResolvers<void>();
  const stdout = new PassThrough();
  const keys = new Uint8Array();
  const client = { stdin: undefined, stdout, stderr: undefined, ready: ready.promise, detachKeys: keys };
  const attachment = streams.attach(client);
  let listener: OutputListener | undefined;
  const output = {
    listen: (each: OutputListener) => {
      listener = each;
      return { [Symbol.dispose]: () => undefined };
    },
  };
  streams.begin(output, undefined, () => Promise.resolve());
  const writes = ["one ", "two"].map((each) => listener?.write("stdout", Buffer.from(each)));
  assert.equal(stdout.read(), null);
  stdout.write("before ");
  ready.resolve();
  await Promise.all(writes);
  stdout.end();
  assert.equal(await text(stdout), "before one two");
  streams.end();
  assert.equal(await attachment.ended, "ended");
});
