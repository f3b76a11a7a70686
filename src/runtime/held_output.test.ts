import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { getEventListeners, once } from "node:events";
import { test } from "node:test";
import { unlessLinux } from "../../test/suites/scratch.ts";
import { HeldOutput } from "./held_output.ts";

const skip = unlessLinux;
const total = 1_000_000;
/** Writes so much on each of its streams. */
const script = `head -c ${total} /dev/zero & head -c ${total} /dev/zero >&2; wait`;

function start(pace: (() => Promise<void> | undefined) | undefined, signal: AbortSignal) {
  const child = spawn("sh", ["-c", script], { stdio: ["ignore", "pipe", "pipe"] });
  const sizes = { stdout: 0, stderr: 0 };
  let pieces = 0;
  const output = new HeldOutput(child, () => true, {
    onOutput: (stream, chunk) => {
      sizes[stream] += chunk.length;
      pieces++;
    },
    pace,
    signal,
  });
  return { closed: once(child, "close"), output, sizes, pieces: () => pieces };
}

test("a command whose output there is no room for waits, and loses nothing of it", { skip }, async () => {
  const asked = Promise.withResolvers<void>();
  const room = Promise.withResolvers<void>();
  const { signal } = new AbortController();
  const { closed, sizes, pieces } = start(() => {
    asked.resolve();
    return room.promise;
  }, signal);
  await asked.promise;
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(pieces(), 1);
  room.resolve();
  await closed;
  assert.deepEqual(getEventListeners(signal, "abort"), []);
  assert.deepEqual(sizes, { stdout: total, stderr: total });
});

test("an end is not waited for", { skip }, async () => {
  const stop = new AbortController();
  const asked = Promise.withResolvers<void>();
  const { closed, sizes } = start(() => {
    asked.resolve();
    return new Promise(() => undefined);
  }, stop.signal);
  await asked.promise;
  stop.abort();
  await closed;
  assert.deepEqual(sizes, { stdout: total, stderr: total });
});
