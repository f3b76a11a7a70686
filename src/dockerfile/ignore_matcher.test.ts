/** More cases, beside the docker command itself, are in test/e2e/dockerignore.test.ts. */
import * as fc from "fast-check";
import assert from "node:assert/strict";
import { test } from "node:test";
import { fromText } from "../byte_string.ts";
import { isFailure } from "../errors.ts";
import { ignoreMatcher } from "./ignore_matcher.ts";

type Case = readonly [patterns: string, ignored: string, included: string];

/** Words are separated by spaces. */
const cases: readonly Case[] = [
  ["", "", "a a/b"],
  ["a", "a a/b a/b/c", "b/a ab aa"],
  ["a/b", "a/b a/b/c", "a b a/bc x/a/b"],
  ["*", "a a/b", ""],
  ["*.md", "x.md .md x.md/y", "a/x.md mdx"],
  ["*/x", "a/x a/x/y", "x a/b/x"],
  ["a*/x", "a/x ab/x/y", "b/x"],
  ["?", "a é", "ab"],
  ["a?c", "abc aéc", "ac a/c abbc"],
  ["**", "a a/b", ""],
  ["**/x", "x a/x a/b/x/y", "ax a/bx"],
  ["**x", "x a/x", "ax"],
  ["a**", "a ab a/b/c", "b ba"],
  ["a/**", "a/b a/b/c", "a ab"],
  ["a/**/b", "a/b a/x/b a/x/y/b/c", "ab a/xb"],
  ["a**b", "ab a/b ax/b", "axb"],
  ["**/**/x", "x a/b/x", "y"],
  ["**/a/**/b/**/*.c", "a/b/x.c z/a/y/b/w/v.c a/b/b/a.c", "a/x.c a/b/c"],
  ["[a-c]x", "ax bx cx", "dx x -x"],
  ["[^a-c]x", "dx éx", "ax x"],
  ["[é-ü]", "é ü", "e"],
  ["[a\\-z] [\\]]", "a - z ]", "b \\"],
  ["[!a]", "! a", "b"],
  ["[a.+$^|(]", "a . + $ ^ | (", "b )"],
  ["a+b a.b a(b){c}|d ^e f$", "a+b a.b a(b){c}|d ^e f$", "aab axb ab e f"],
  ["\\*.x \\a \\d", "*.x a d", "y.x 1"],
  ["a !a/b", "a a/c", "a/b a/b/c"],
  ["a !a/b a/b/c", "a/c a/b/c a/b/c/d", "a/b a/b/d"],
  ["a !a/b a", "a a/b", "b"],
  ["!a/b a", "a a/b", "b"],
  ["*.md !README*.md README-secret.md", "x.md README-secret.md", "README.md README-1.md"],
  ["* !**/keep", "a a/b", "keep a/b/keep keep/x"],
  ["!!a a", "a", "b"],
  [". / .. ../a !.", "", "a b"],
];

for (const [patterns, ignored, included] of cases) {
  test(`B062 patterns ${JSON.stringify(patterns)}`, () => {
    const matcher = ignoreMatcher(patterns.split(" "));
    const paths = (words: string): string[] => words.split(" ").filter((word) => word !== "");
    assert.deepEqual(
      paths(ignored).filter((path) => !matcher.isIgnored(fromText(path))),
      [],
    );
    assert.deepEqual(
      paths(included).filter((path) => matcher.isIgnored(fromText(path))),
      [],
    );
  });
}

test("a name that is not UTF-8 has a question mark for each bad byte", () => {
  const matcher = ignoreMatcher(["a?c"]);
  assert.equal(matcher.isIgnored("a\xFFc"), true);
});

test("ignored directories that need no look, because no exception reaches below", () => {
  const answers = (patterns: string, ...paths: string[]): boolean[] => {
    const matcher = ignoreMatcher(patterns.split(" "));
    return paths.map((path) => matcher.mayHoldIncluded(path));
  };
  assert.deepEqual(answers("node_modules *.md", "node_modules"), [false]);
  assert.deepEqual(answers("a b !a/x/y", "a", "a/x", "a/z", "b", "a/x/y"), [true, true, false, false, false]);
  assert.deepEqual(answers("!a/x a", "a"), [false]);
  assert.deepEqual(answers("* !*.md", "a"), [false]);
  assert.deepEqual(answers("* !**/*.md", "a", "a/b"), [true, true]);
  assert.deepEqual(answers("* !a*/x", "ab", "b"), [true, false]);
});

for (const pattern of ["[a", "[", "[]", "[]a]", "[^]", "[-a]", "[a-]", "[b-a]", "[a\\", "a\\", "!a["]) {
  test(`a malformed pattern is refused: ${pattern}`, () => {
    assert.throws(
      () => ignoreMatcher(["x", pattern]),
      (error) => isFailure(error, "invalid") && error.message === "syntax error in pattern",
    );
  });
}

test("an exception of nothing is refused", () => {
  assert.throws(
    () => ignoreMatcher(["a", " ! "]),
    (error) => isFailure(error, "invalid") && error.message === 'illegal exclusion pattern: "!"',
  );
});

test("a pattern that is made to take long takes no time", () => {
  const matcher = ignoreMatcher(["**/a".repeat(30), `${"*a".repeat(60)}b`]);
  assert.equal(matcher.isIgnored("a/".repeat(1000) + "b"), true);
  assert.equal(matcher.isIgnored("a".repeat(4000)), false);
  assert.equal(matcher.isIgnored("x/".repeat(2000) + "x"), false);
});

/** Few names, so that much matches. */
const path = fc.array(fc.constantFrom("a", "b", "ab", "a.b"), { minLength: 1, maxLength: 4 });
const word = fc.constantFrom("a", "b", "*", "?", "**", "a*", "**b", "[ab]", "*.b", "a?");
const pattern = fc
  .tuple(fc.constantFrom("", "!"), fc.array(word, { minLength: 1, maxLength: 4 }))
  .map(([mark, words]) => mark + words.join("/"));

test("a walk that leaves out what need not be looked at finds the same files", () => {
  fc.assert(
    fc.property(fc.array(pattern, { maxLength: 6 }), fc.array(path, { maxLength: 30 }), (patterns, paths) => {
      const matcher = ignoreMatcher(patterns);
      for (const names of paths) {
        const all = names.map((_, index) => names.slice(0, index + 1).join("/"));
        const whole = all.pop() as string;
        const isReached = all.every((dir) => !matcher.isIgnored(dir) || matcher.mayHoldIncluded(dir));
        assert.equal(isReached && !matcher.isIgnored(whole), !matcher.isIgnored(whole), whole);
      }
    }),
    { numRuns: 2000 },
  );
});

test("the last pattern that matches a path or a parent decides, whichever way it is matched", () => {
  fc.assert(
    fc.property(fc.array(pattern, { maxLength: 6 }), path, (patterns, names) => {
      // One pattern alone, of each path by itself: what the whole list is made of.
      const hit = (one: string): boolean =>
        names.some((_, index) =>
          ignoreMatcher([one.replace("!", "")]).isIgnored(names.slice(0, index + 1).join("/")),
        );
      const last = patterns.findLast(hit);
      const expected = last !== undefined && !last.startsWith("!");
      assert.equal(ignoreMatcher(patterns).isIgnored(names.join("/")), expected);
    }),
    { numRuns: 1000 },
  );
});
