import assert from "node:assert/strict";
import { test } from "node:test";
import { Failure } from "../../errors.ts";
import type { Store } from "../../store/index.ts";
import type { ContainerRecord } from "../containers/record.ts";
import { EventBus } from "../events/event_bus.ts";
import { RunControl, type RunControlParts } from "./run_control.ts";
import { Turns } from "./turns.ts";

const record = { ID: "1", Name: "/one", Config: { Image: "i" } } as unknown as ContainerRecord;

function controlOf(error: Failure, hasEnded: boolean): RunControl {
  const refuse = () => Promise.reject(error);
  const run = { task: { kill: refuse, end: refuse }, hasEnded: async () => hasEnded };
  const set = { get: () => ({ run }) } as unknown as RunControlParts["set"];
  const health = { pause: async () => undefined, resume: () => undefined };
  const store = { root: "/nowhere" } as Store;
  return new RunControl({ store, events: new EventBus(), set, health, turns: new Turns() });
}

for (const kind of ["not-found", "unavailable", "internal"] as const) {
  test(`a signal to what has just ended is no failure: ${kind}`, async () => {
    const control = controlOf(new Failure(kind, "shim: write EPIPE"), true);
    for (const signal of [9, 15]) await control.signal(record, signal);
  });
}

test("a signal that the runtime cannot send is one", async () => {
  const control = controlOf(new Failure("internal", "broken"), false);
  await assert.rejects(control.signal(record, 15), { message: "broken" });
});
