import assert from "node:assert/strict";
import { test } from "node:test";
import { parseMoment } from "./moment.ts";

const now = Date.parse("2026-01-02T00:00:00Z");

for (const [text, moment] of [
  ["10m", "2026-01-01T23:50:00Z"],
  ["1h30m", "2026-01-01T22:30:00Z"],
  ["1.5s", "2026-01-01T23:59:58.500Z"],
  ["1767225600", "2026-01-01T00:00:00Z"],
  ["1767225600.25", "2026-01-01T00:00:00.250Z"],
  ["2026-01-01", "2026-01-01T00:00:00Z"],
  ["2026-01-01T10:20", "2026-01-01T10:20:00Z"],
  ["2026-01-01T10:20:30.5+02:00", "2026-01-01T08:20:30.500Z"],
] as const) {
  test(`${text} is ${moment}`, () => assert.equal(parseMoment(text, now), Date.parse(moment)));
}

for (const text of ["", "x", "10x", "m", "2026-13-01", "2026-01-01T1", "1h "]) {
  test(`${JSON.stringify(text)} is no point in time`, () => {
    assert.throws(() => parseMoment(text, now), /failed to parse value as time or duration/);
  });
}
