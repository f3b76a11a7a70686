import assert from "node:assert/strict";
import { test } from "node:test";
import { parseRanges } from "./ranges.ts";

const cases: readonly [string | undefined, number, ReturnType<typeof parseRanges>][] = [
  ["bytes=0-4", 10, [{ start: 0, end: 4 }]],
  ["bytes=5-", 10, [{ start: 5, end: 9 }]],
  ["bytes=5-100", 10, [{ start: 5, end: 9 }]],
  ["bytes=-3", 10, [{ start: 7, end: 9 }]],
  ["bytes=-30", 10, [{ start: 0, end: 9 }]],
  ["bytes=10-", 10, "unsatisfiable"],
  ["bytes=-0", 10, "unsatisfiable"],
  ["bytes=0-", 0, "unsatisfiable"],
  ["bytes=4-2", 10, "unsatisfiable"],
  [
    "bytes=0-1, 3-4",
    10,
    [
      { start: 0, end: 1 },
      { start: 3, end: 4 },
    ],
  ],
  ["bytes=0-1,20-", 10, [{ start: 0, end: 1 }]],
  ["bytes=0-8,1-9", 10, undefined],
  [`bytes=${"0-0,".repeat(40)}1-1`, 100, undefined],
  ["lines=0-1", 10, undefined],
  ["bytes=-", 10, undefined],
  [undefined, 10, undefined],
];
for (const [header, size, expected] of cases) {
  test(`range ${header} of ${size} bytes`, () => assert.deepEqual(parseRanges(header, size), expected));
}
