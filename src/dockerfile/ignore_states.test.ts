import * as fc from "fast-check";
import assert from "node:assert/strict";
import { test } from "node:test";
import { parsePattern, patternSource } from "./ignore_pattern.ts";
import { matchesBelow, matchesPathOrParent } from "./ignore_states.ts";

const pattern = fc
  .array(fc.constantFrom("a", "b", "/", "*", "**", "**/", "?", "[ab]", "[^a]", "\\*"), {
    minLength: 1,
    maxLength: 8,
  })
  .map((parts) => parts.join(""));
const path = fc
  .array(fc.stringMatching(/^[ab*]{1,3}$/), { minLength: 1, maxLength: 4 })
  .map((names) => names.join("/"));

test("all possibilities at once are those of the regular expression", () => {
  fc.assert(
    fc.property(pattern, path, (text, at) => {
      const tokens = parsePattern(text);
      const expression = new RegExp(`^${patternSource(tokens)}(?:/|$)`, "su");
      assert.equal(matchesPathOrParent(tokens, at), expression.test(at), expression.source);
    }),
    { numRuns: 5000 },
  );
});

test("what matches below a directory is never denied", () => {
  fc.assert(
    fc.property(pattern, path, path, (text, directory, rest) => {
      const tokens = parsePattern(text);
      const whole = new RegExp(`^${patternSource(tokens)}$`, "su");
      if (whole.test(`${directory}/${rest}`)) assert.equal(matchesBelow(tokens, directory), true);
    }),
    { numRuns: 5000 },
  );
});
