/** The table in test/fixtures/go_units.jsonl was printed by docker/go-units and Go's text/tabwriter themselves. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { alignTabs } from "./table.ts";
import { binarySize, humanSize } from "../../wire/index.ts";
import { humanDuration } from "../../wire/index.ts";
import { displayWidth, ellipsis, humanAge, parseBytes } from "./units.ts";

const rows = readFileSync(join(import.meta.dirname, "../../../test/fixtures/go_units.jsonl"), "utf8")
  .trimEnd()
  .split("\n")
  .map((line) => JSON.parse(line) as [kind: string, input: never, output: string]);

const ours: Record<string, (input: never) => string> = {
  size3: (bytes: number) => humanSize(bytes),
  size4: (bytes: number) => humanSize(bytes, 4),
  binary: binarySize,
  duration: humanDuration,
  bytes: (text: string) => {
    try {
      return String(parseBytes(text));
    } catch (error) {
      return `error: ${(error as Error).message}`;
    }
  },
  table: alignTabs,
};

const titles: Record<string, string> = {
  size3: "humanSize prints sizes as Docker's tables do (B083, B005)",
  size4: "humanSize with 4 digits prints go-units' HumanSize",
  binary: "binarySize prints go-units' BytesSize",
  duration: "humanDuration prints go-units' HumanDuration (B083)",
  bytes: "parseBytes reads go-units' RAMInBytes",
  table: "alignTabs aligns as Go's tabwriter with Docker's settings (B081)",
};

for (const [kind, title] of Object.entries(titles)) {
  describe(title, () => {
    const cases = rows.filter(([name]) => name === kind);
    test("has cases", () => assert.ok(cases.length >= 8));
    for (const [, input, output] of cases) {
      test(JSON.stringify(input), () =>
        assert.equal((ours[kind] as (input: never) => string)(input), output),
      );
    }
  });
}

test("B083 an age is a duration and the word ago; the future is now", () => {
  const now = Date.UTC(2026, 10, 22);
  assert.equal(humanAge(now - 34 * 60_000, now), "34 minutes ago");
  assert.equal(humanAge(now - 65 * 60_000, now), "About an hour ago");
  assert.equal(humanAge(now - 15 * 86_400_000, now), "2 weeks ago");
  assert.equal(humanAge(now + 60_000, now), "Less than a second ago");
});

test("sizes that a computer cannot count exactly are refused", () => {
  assert.throws(() => parseBytes("9007199254740993"), /^Error: invalid size: '9007199254740993'$/);
  assert.throws(() => parseBytes("9p"), /invalid size/);
  assert.equal(parseBytes("7p"), 7 * 2 ** 50);
});

describe("ellipsis cuts as Docker's tables do (B081, B095)", () => {
  const cases: readonly [text: string, width: number, wanted: string][] = [
    [
      "/bin/sh -c apt-get update -y &&     apt-get install -y emacs",
      45,
      "/bin/sh -c apt-get update -y &&     apt-get \u2026",
    ],
    ["exactly ten", 11, "exactly ten"],
    ["exactly ten", 10, "exactly t\u2026"],
    ["abc", 1, "a"],
    ["abc", 0, ""],
    ["", 5, ""],
    ["日本語日本語", 12, "日本語日本語"],
    ["日本語日本語", 8, "日本語\u2026"],
    ["aé😀b", 3, "aé\u2026"],
  ];
  for (const [text, width, wanted] of cases) {
    test(`${JSON.stringify(text)} to ${width}`, () => {
      assert.equal(ellipsis(text, width), wanted);
      assert.ok(displayWidth(ellipsis(text, width)) <= Math.max(width, 1));
    });
  }
});

test("wide characters are aligned by the columns that they take", () => {
  assert.equal(alignTabs("日本語日本\tx\nabc\ty\n"), "日本語日本   x\nabc          y\n");
});
