import assert from "node:assert/strict";
import { test } from "node:test";
import { backoffMs, retryAfterMs } from "./retry.ts";

const now = Date.UTC(2026, 0, 1, 12, 0, 0);
const cases: readonly [string | undefined, ReturnType<typeof retryAfterMs>][] = [
  ["0", 0],
  ["7", 7_000],
  [" 120 ", 120_000],
  ["121", "never"],
  ["99999999999999999999", "never"],
  ["Thu, 01 Jan 2026 12:00:05 GMT", 5_000],
  ["Thu, 01 Jan 2026 11:00:00 GMT", 0],
  ["Thu, 01 Jan 2026 18:00:00 GMT", "never"],
  ["soon", undefined],
  [undefined, undefined],
];
for (const [header, expected] of cases) {
  test(`Retry-After: ${header}`, () => {
    const headers = header === undefined ? {} : { "retry-after": header };
    assert.equal(retryAfterMs(headers, now), expected);
  });
}

test("waiting doubles up to 16 s and is spread by a quarter", () => {
  assert.deepEqual(
    [0, 1, 2, 3, 4, 5, 6, 50].map((attempt) => backoffMs(attempt, 0)),
    [500, 1_000, 2_000, 4_000, 8_000, 16_000, 16_000, 16_000],
  );
  assert.equal(backoffMs(0, 1), 375);
});
