import assert from "node:assert/strict";
import { test } from "node:test";
import { Failure } from "../../errors.ts";
import type { ContainerRecord } from "../containers/record.ts";
import { EventBus } from "../events/event_bus.ts";
import { sendSignal } from "./end_run.ts";
import type { LiveContainer } from "./live_container.ts";

const record = { ID: "1", Name: "/one", Config: { Image: "i" } } as unknown as ContainerRecord;

const liveWith = (error: Failure) =>
  ({
    run: { task: { kill: () => Promise.reject(error), end: () => Promise.reject(error) } },
  }) as unknown as LiveContainer;

for (const kind of ["not-found", "unavailable"] as const) {
  test(`a signal to what has just ended is no failure: ${kind}`, async () => {
    const live = liveWith(new Failure(kind, "shim: write EPIPE"));
    for (const signal of [9, 15]) await sendSignal(live, record, signal, new EventBus());
  });
}

test("a signal that the runtime cannot send is one", async () => {
  const live = liveWith(new Failure("internal", "broken"));
  await assert.rejects(sendSignal(live, record, 15, new EventBus()), { message: "broken" });
});
