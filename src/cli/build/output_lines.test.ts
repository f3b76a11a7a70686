import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { cleanLine, OutputLines } from "./output_lines.ts";

describe("what a line of a command without a terminal looks like", () => {
  const cases: readonly [line: string, wanted: string][] = [
    ["plain é 世", "plain é 世"],
    ["\ttab", "    tab"],
    ["10%\r50%\r100%", "100%"],
    ["windows\r", "windows"],
    ["\x1b[1;31mred\x1b[0m", "red"],
    ["\x1b[2Aup\x1b[K", "up"],
    ["\x1b]0;title\x07text", "text"],
    ["\x1b]52;c;c2VjcmV0\x1b\\text", "text"],
    ["\x1bcreset", "reset"],
    ["\x1b(Bcharset", "charset"],
    ["bell\x07 back\x08 nul\x00 csi\x9b2J del\x7f", "bell back nul csi2J del"],
    ["an escape at the end\x1b", "an escape at the end"],
    ["\x1b]unended", ""],
  ];
  for (const [line, wanted] of cases) {
    test(JSON.stringify(line), () => assert.equal(cleanLine(line), wanted));
  }
});

test("lines come when they end, and a long one before", () => {
  const lines = new OutputLines();
  assert.deepEqual(lines.add(Buffer.from("a\nb")), ["a"]);
  assert.equal(lines.open, "b");
  assert.deepEqual(lines.add(Buffer.from("c\n\n")), ["bc", ""]);
  const dots = lines.add(Buffer.from(".".repeat(20_000)));
  assert.deepEqual([dots.length, lines.open], [1, ""]);
  lines.add(Buffer.from("end"));
  assert.deepEqual([lines.end(), lines.end()], [["end"], []]);
});
