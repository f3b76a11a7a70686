import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { endless, failing, inChunks, stalling } from "../../test/support/bytes_help.ts";
import { Failure, isFailure } from "../errors.ts";
import { abortable } from "./index.ts";

const isCancelled = (error: unknown) => isFailure(error, "cancelled");

test("without a signal the bytes pass unchanged", async () => {
  const chunks = await Array.fromAsync(abortable(inChunks(Buffer.from("abcde"), 2), undefined));
  assert.deepEqual(Buffer.concat(chunks).toString(), "abcde");
});

test("an abort ends the wait for a source that hangs, and closes it", async () => {
  const source = stalling(Buffer.from("a"));
  const controller = new AbortController();
  const iterator = abortable(source, controller.signal);
  await iterator.next();
  const waiting = iterator.next();
  controller.abort();
  await assert.rejects(waiting, isCancelled);
  assert.equal(source.closed, true);
});

test("an abort between two chunks is seen before the next one", async () => {
  const source = endless(Buffer.from("a"));
  const controller = new AbortController();
  const iterator = abortable(source, controller.signal);
  await iterator.next();
  controller.abort();
  await assert.rejects(iterator.next(), isCancelled);
  assert.equal(source.pulled, 1);
});

test("a signal that was given before keeps the source untouched", async () => {
  const source = endless(Buffer.from("a"));
  await assert.rejects(abortable(source, AbortSignal.abort()).next(), isCancelled);
  assert.equal(source.pulled, 0);
});

test("a failure given as the reason of the abort is what is thrown", async () => {
  const reason = new Failure("no-space", "disk full");
  await assert.rejects(abortable(endless(Buffer.from("a")), AbortSignal.abort(reason)).next(), reason);
});

test("early return closes the source and lets go of the signal", async () => {
  const source = endless(Buffer.from("a"));
  const controller = new AbortController();
  for await (const chunk of abortable(source, controller.signal)) if (chunk.length > 0) break;
  assert.equal(source.closed, true);
  controller.abort(); // nobody listens: an unhandled rejection would fail this file
  await new Promise((resolve) => setImmediate(resolve));
});

test("the source's own failure passes", async () => {
  const error = new Error("broken");
  const { signal } = new AbortController();
  await assert.rejects(Array.fromAsync(abortable(failing(error, Buffer.from("a")), signal)), error);
});

test("chunks that were passed are let go", async () => {
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc") as () => void;
  const { signal } = new AbortController();
  const chunks: WeakRef<Uint8Array>[] = [];
  async function* source() {
    for (let i = 0; i < 10; i++) {
      const chunk = new Uint8Array(1000);
      chunks.push(new WeakRef(chunk));
      yield chunk;
    }
  }
  const iterator = abortable(source(), signal);
  for (let i = 0; i < 10; i++) await iterator.next();
  await new Promise((resolve) => setImmediate(resolve));
  gc();
  assert.ok(chunks.filter((chunk) => chunk.deref() !== undefined).length <= 2);
});
