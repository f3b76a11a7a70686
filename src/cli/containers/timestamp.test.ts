import assert from "node:assert/strict";
import { test } from "node:test";
import { timestamp } from "./timestamp.ts";

const now = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
const local = (...parts: [number, number, number, number?, number?, number?]): string =>
  `${new Date(...parts).getTime() / 1000}.000000000`;

const cases: readonly (readonly [string | undefined, string])[] = [
  [undefined, ""],
  ["", ""],
  ["10m", String(Math.floor(now / 1000) - 600)],
  ["-1s", String(Math.floor(now / 1000) + 1)],
  ["1136073845", "1136073845"],
  ["1136073845.5", "1136073845.5"],
  ["2006-01-02T03:04:05Z", "1136171045.000000000"],
  ["2006-01-02T03:04:05.123456789+01:00", "1136167445.123456789"],
  ["2006-01-02", local(2006, 0, 2)],
  ["2006-01-02T03", local(2006, 0, 2, 3)],
  ["2006-01-02T03:04", local(2006, 0, 2, 3, 4)],
];
for (const [text, expected] of cases) {
  test(`the time ${text}`, () => assert.equal(timestamp(text, now), expected));
}

test("what is no time is refused", () => {
  for (const text of ["foo", "2006-13-01T00:00:00Z", "2006-01-02T03:04:05.Z", "12:30"]) {
    const message = `failed to parse value as time or duration: ${JSON.stringify(text)}`;
    assert.throws(() => timestamp(text, now), { kind: "invalid", message });
  }
});
