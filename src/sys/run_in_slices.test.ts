import assert from "node:assert/strict";
import { test } from "node:test";
import { runInSlices } from "./index.ts";

function* count(to: number, log: string[]): Generator<void, string> {
  try {
    for (let i = 0; i < to; i++) yield;
    return `counted ${to}`;
  } finally {
    log.push("closed");
  }
}

test("all steps run, and the result comes back", async () => {
  const log: string[] = [];
  assert.equal(await runInSlices(count(1000, log)), "counted 1000");
  assert.deepEqual(log, ["closed"]);
});

test("an abort ends the work between two steps, and lets it clean up", async () => {
  const log: string[] = [];
  const controller = new AbortController();
  setImmediate(() => controller.abort());
  const work = runInSlices(count(Infinity, log), { slice: 0, signal: controller.signal });
  await assert.rejects(work, { kind: "cancelled" });
  assert.deepEqual(log, ["closed"]);
});
