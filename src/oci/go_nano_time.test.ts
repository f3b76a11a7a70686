import assert from "node:assert/strict";
import { test } from "node:test";
import { fixedNanoTime, goNanoTime } from "./go_nano_time.ts";

test("nanoseconds as Go prints them", () => {
  for (const [time, fixed, short] of [
    [0n, "1970-01-01T00:00:00.000000000Z", "1970-01-01T00:00:00Z"],
    [1_700_000_000_000_000_000n, "2023-11-14T22:13:20.000000000Z", "2023-11-14T22:13:20Z"],
    [1_700_000_000_012_000_000n, "2023-11-14T22:13:20.012000000Z", "2023-11-14T22:13:20.012Z"],
    [1_700_000_000_123_456_789n, "2023-11-14T22:13:20.123456789Z", "2023-11-14T22:13:20.123456789Z"],
  ] as const) {
    assert.deepEqual([fixedNanoTime(time), goNanoTime(time)], [fixed, short]);
  }
});
