import assert from "node:assert/strict";
import { test } from "node:test";
import { durationText, plainList, quoteList, quoteRune, quoteText } from "./go_format.ts";

/** What Go 1.19 printed for `%q`. */
const quoted: readonly (readonly [text: string, quoted: string])[] = [
  ["", '""'],
  ["it's", `"it's"`],
  ['a "b"', '"a \\"b\\""'],
  ["a\\b", '"a\\\\b"'],
  ["\x00\x07\b\f\n\r\t\v\x1b\x7f", '"\\x00\\a\\b\\f\\n\\r\\t\\v\\x1b\\x7f"'],
  ["é 中 😀", '"é 中 😀"'],
  ["\u00a0\u200b\u2028", '"\\u00a0\\u200b\\u2028"'],
  ["\u{e0001}", '"\\U000e0001"'],
];
for (const [text, expected] of quoted) {
  test(`%q of ${JSON.stringify(text)}`, () => {
    assert.equal(quoteText(text), expected);
  });
}

test("%q and %v of lists", () => {
  assert.equal(quoteList(["/bin/sh", "-c", 'echo "x"']), '["/bin/sh" "-c" "echo \\"x\\""]');
  assert.equal(quoteList([]), "[]");
  assert.equal(plainList(["/v", "/w x"]), "[/v /w x]");
});

const runes: readonly (readonly [number, string])[] = [
  [0, "'\\x00'"],
  [3, "'\\x03'"],
  [10, "'\\n'"],
  [34, "'\"'"],
  [39, "'\\''"],
  [65, "'A'"],
  [200, "'È'"],
  [-1, "'\ufffd'"],
  [0x110000, "'\ufffd'"],
];
for (const [code, expected] of runes) {
  test(`%q of the number ${code}`, () => {
    assert.equal(quoteRune(code), expected);
  });
}

const durations: readonly (readonly [nanoseconds: number, text: string])[] = [
  [0, "0s"],
  [1, "1ns"],
  [1_500, "1.5µs"],
  [250_000_000, "250ms"],
  [1_500_000_000, "1.5s"],
  [30_000_000_000, "30s"],
  [300_000_000_000, "5m0s"],
  [3_600_000_000_000, "1h0m0s"],
  [5_430_250_000_000, "1h30m30.25s"],
  [-2_000_000_000, "-2s"],
];
for (const [nanoseconds, text] of durations) {
  test(`${nanoseconds} ns are ${text}`, () => {
    assert.equal(durationText(nanoseconds), text);
  });
}
