import assert from "node:assert/strict";
import { test } from "node:test";
import { parseDuration } from "./duration.ts";

test("durations are Go's", () => {
  const cases: readonly (readonly [string, number | undefined])[] = [
    ["30s", 30e9],
    ["1m30s", 90e9],
    ["1.5h", 5400e9],
    [".5s", 5e8],
    ["1.s", 1e9],
    ["500ms", 5e8],
    ["3us", 3000],
    ["3µs", 3000],
    ["3μs", 3000],
    ["7ns", 7],
    ["1us1ms", 1_001_000],
    ["-2s", -2e9],
    ["+2s", 2e9],
    ["0", 0],
    ["-0", 0],
    ["", undefined],
    ["30", undefined],
    ["s", undefined],
    [".s", undefined],
    ["1x", undefined],
    ["1s ", undefined],
    ["1 s", undefined],
    ["--1s", undefined],
    ["9999999h", undefined],
  ];
  for (const [text, nanoseconds] of cases) assert.equal(parseDuration(text), nanoseconds, text);
});
