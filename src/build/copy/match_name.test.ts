import assert from "node:assert/strict";
import { test } from "node:test";
import { fromText } from "../../byte_string.ts";
import { hasWildcard, nameMatcher } from "./match_name.ts";

/** Go, path/filepath `match_test.go`, without those that speak of slashes. */
const cases: readonly [pattern: string, name: string, matches: boolean][] = [
  ["abc", "abc", true],
  ["*", "abc", true],
  ["*", "", true],
  ["*c", "abc", true],
  ["a*", "a", true],
  ["a*", "abc", true],
  ["a*b*c*d*e*", "axbxcxdxexxx", true],
  ["a*b?c*x", "abxbbxdbxebxczzx", true],
  ["a*b?c*x", "abxbbxdbxebxczzy", false],
  ["ab[c]", "abc", true],
  ["ab[b-d]", "abc", true],
  ["ab[e-g]", "abc", false],
  ["ab[^c]", "abc", false],
  ["ab[^b-d]", "abc", false],
  ["ab[^e-g]", "abc", true],
  ["a\\*b", "a*b", true],
  ["a\\*b", "ab", false],
  ["a?b", "a☺b", true],
  ["a[^a]b", "a☺b", true],
  ["a???b", "a☺b", false],
  ["[a-ζ]*", "α", true],
  ["*[a-ζ]", "A", false],
  ["[\\]a]", "]", true],
  ["[\\-]", "-", true],
  ["[x\\-]", "x", true],
  ["[x\\-]", "z", false],
  ["[]a]", "]", false],
  ["[-]", "-", false],
  ["[x-]", "x", false],
  ["[-x]", "x", false],
  ["[a-b-c]", "a", false],
  ["[", "a", false],
  ["[^", "a", false],
  ["[^bc", "a", false],
  ["a[", "a", false],
  ["a[", "ab", false],
  ["\\", "a", false],
  ["*x", "xxx", true],
  ["[b-a]", "a", false],
  ["a.c", "abc", false],
];

test("names match as in Go's filepath.Match", () => {
  for (const [pattern, name, expected] of cases)
    assert.equal(nameMatcher(pattern)(fromText(name)), expected, `${pattern} ${name}`);
});

test("a pattern with many stars takes no time that grows with each", () => {
  assert.equal(nameMatcher(`${"a*".repeat(100)}b`)("a".repeat(255)), false);
});

test("a quoted wildcard is none", () => {
  for (const path of ["a*", "dir/?", "[a]", "\\\\*"]) assert.equal(hasWildcard(path), true, path);
  for (const path of ["", "a", "\\*", "a\\[b]", "a]"]) assert.equal(hasWildcard(path), false, path);
});
