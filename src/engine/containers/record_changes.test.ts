import assert from "node:assert/strict";
import { test } from "node:test";
import { ended, running } from "./record_changes.ts";
import type { ContainerRecord } from "./record.ts";

const at = (seconds: number): number => Date.UTC(2026, 0, 1, 0, 0, seconds);
const made = { Config: {}, NetworkSettings: {}, State: {} } as unknown as ContainerRecord;

test("no run is over before it began, however late it was put down", () => {
  for (const [startedAt, exitedAt, begun] of [
    [1, 5, 1],
    [5, 5, 5],
    [6, 5, 5],
  ] as const) {
    const started = running({ pid: 1, startedAt: at(startedAt) })(made);
    const { State } = ended({ status: 0, exitedAt: new Date(at(exitedAt)), oomKilled: false })(started);
    assert.equal(Date.parse(State.StartedAt), at(begun));
    assert.equal(Date.parse(State.FinishedAt), at(exitedAt));
  }
});
