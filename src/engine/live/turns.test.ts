import assert from "node:assert/strict";
import { test } from "node:test";
import { Turns } from "./turns.ts";

test("one after the other on one thing, also after a failure; at once on different ones", async () => {
  const turns = new Turns();
  const steps: string[] = [];
  const gate = Promise.withResolvers<void>();
  const first = turns.take("a", async () => {
    await gate.promise;
    steps.push("first");
    throw new Error("first");
  });
  const second = turns.take("a", async () => steps.push("second"));
  await turns.take("b", async () => steps.push("other"));
  gate.resolve();
  await assert.rejects(first, { message: "first" });
  await second;
  assert.deepEqual(steps, ["other", "first", "second"]);
});
