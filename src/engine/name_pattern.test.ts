import assert from "node:assert/strict";
import { test } from "node:test";
import { expressionTest, namePattern } from "./name_pattern.ts";

test("a part of a name, an expression, or what is none", () => {
  for (const [text, name, fits] of [
    ["we", "/web-1", true],
    ["", "/web-1", true],
    ["^/web", "/web-1", true],
    ["^web", "/web-1", false],
    ["(", "(", true],
    ["(", "/web-1", false],
  ] as const) {
    assert.equal(namePattern(text)(name), fits, `${text} in ${name}`);
  }
  assert.throws(() => expressionTest("("), SyntaxError);
});

test("an expression that would take for ever fits nothing", () => {
  assert.equal(namePattern("^(a+)+b")("a".repeat(40)), false);
});
