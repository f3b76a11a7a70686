import assert from "node:assert/strict";
import { test } from "node:test";
import { isFailure } from "../errors.ts";
import { parseIgnore } from "./parse_ignore.ts";

const cases: readonly [title: string, text: string, patterns: readonly string[]][] = [
  ["nothing", "", []],
  ["blank lines, spaces, tabs and CRLF", "\n \t\r\n  a b \r\n\u00A0c\u0085\n", ["a b", "c"]],
  ["comments begin in the first column", "#a\n #b\n!#c", ["#b", "!#c"]],
  ["a byte order mark", "\uFEFF#a\nb", ["b"]],
  ["a byte order mark further on is a part of the name", "a\n\uFEFFb", ["a", "\uFEFFb"]],
  ["a leading slash, once", "/a\n//b\n!/c\n/", ["a", "b", "!c", "/"]],
  ["paths are made short", "./a/\na//b/../c\n../d\n/../e\n.", ["a", "a/c", "../d", "e", "."]],
  ["exceptions", "!a\n! b/ \n!\n!!c", ["!a", "!b", "!", "!!c"]],
  ["no final line feed", "a\nb", ["a", "b"]],
];

for (const [title, text, patterns] of cases) {
  test(`.dockerignore: ${title}`, () => assert.deepEqual(parseIgnore(text), patterns));
}

test(".dockerignore: a line that Docker's reader does not take", () => {
  assert.deepEqual(parseIgnore("a".repeat(65_535)), ["a".repeat(65_535)]);
  assert.throws(
    () => parseIgnore("é".repeat(32_768)),
    (error) => isFailure(error, "limit") && error.message.includes("token too long"),
  );
});
