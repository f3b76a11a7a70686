import assert from "node:assert/strict";
import { test } from "node:test";
import { guess } from "./guess.ts";

test("what is at most two letters away is guessed, the nearest first", () => {
  const options = ["RUN", "CMD", "COPY", "ENV", "EXPOSE", "ENTRYPOINT"];
  const cases: readonly (readonly [string, string | undefined])[] = [
    ["RNU", "RUN"],
    ["RUNN", "RUN"],
    ["copi", "COPY"],
    ["CPOY", "COPY"],
    ["ENTRIPOIN", "ENTRYPOINT"],
    ["EVN", "ENV"],
    ["BOGUS", undefined],
    ["", undefined],
    ["X", undefined],
    ["x".repeat(1e6), undefined],
  ];
  for (const [word, option] of cases) assert.equal(guess(word, options), option, word.slice(0, 20));
});
