import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { isFailure } from "../errors.ts";
import { expandHereDocument, expandWord, expandWords } from "./expand_word.ts";

const variables: Readonly<Record<string, string>> = {
  A: "one",
  EMPTY: "",
  TWO: "a b",
  PORTS: " 80  443 ",
  QUOTED: `"x" 'y' \\z`,
  FILE: "dir.d/name.tar.gz",
  STARS: "a*b?c\\d",
  LINES: "ab\ncd",
  WIDE: "ä😀ö",
  _x1: "under",
  é: "accent",
  "1": "first",
  $: "never",
};
const lookup = (name: string): string | undefined =>
  Object.hasOwn(variables, name) && name !== "$" ? variables[name] : undefined;

/** [word, value] */
const values: readonly (readonly [string, string])[] = [
  ["", ""],
  ["plain", "plain"],
  ["a  b", "a  b"],
  // Quotes and escapes.
  ["'$A \"x\" \\'", '$A "x" \\'],
  ['"$A \'x\' \\"\\$A\\\\\\n"', "one 'x' \"$A\\\\n"],
  ["a'b'\"c\"d", "abcd"],
  ["''\"\"", ""],
  ["\\a\\$A\\'\\ ", "a$A' "],
  ["end\\", "end"],
  ["a`b", "a`b"],
  // Names.
  ["$A", "one"],
  ["$A.$A-$A", "one.one-one"],
  ["${A}B$AB", "oneB"],
  ["$_x1", "under"],
  ["$1x$10", "firstx"],
  ["$é", "accent"],
  ["$", "$"],
  ['$ $. $"A"', "$ $. $A"],
  ["$$A", "A"],
  ["$#$?$*$@$!$-", ""],
  ["$NONE|${NONE}|$EMPTY", "||"],
  ["$QUOTED", `"x" 'y' \\z`],
  // Defaults and alternatives.
  ["${A:-d} ${EMPTY:-d} ${NONE:-d}", "one d d"],
  ["${A-d} ${EMPTY-d} ${NONE-d}", "one  d"],
  ["${A:+d} ${EMPTY:+d} ${NONE:+d}|", "d  |"],
  ["${A+d} ${EMPTY+d} ${NONE+d}|", "d d |"],
  ["${A:?no} ${EMPTY?no}", "one "],
  ["${NONE:-${A}}${NONE:-$A}", "oneone"],
  ["${NONE:-${EMPTY:-${A:+deep}}}", "deep"],
  ["${NONE:-'a }' \"b }\" \\}}", "a } b } }"],
  ["${NONE:-a:-b}", "a:-b"],
  ["\"${NONE:-'x'}\"", "x"],
  // Without what matches at the start or the end.
  ["${FILE#*.}", "d/name.tar.gz"],
  ["${FILE##*.}", "gz"],
  ["${FILE%.*}", "dir.d/name.tar"],
  ["${FILE%%.*}", "dir"],
  ["${FILE#dir}", ".d/name.tar.gz"],
  ["${FILE#name}", "dir.d/name.tar.gz"],
  ["${FILE%gz}", "dir.d/name.tar."],
  ["${FILE##*/}", "name.tar.gz"],
  ["${FILE%/*}", "dir.d"],
  ["${FILE#d?r}", ".d/name.tar.gz"],
  ["${FILE%%*}|${FILE##*}|${FILE%*}|${FILE#}", "||dir.d/name.tar.gz|dir.d/name.tar.gz"],
  ["${STARS#a\\*}", "b?c\\d"],
  ["${STARS%\\\\d}", "a*b?c"],
  ["${STARS##*\\?}", "c\\d"],
  ["${LINES#*}|${LINES%%c*}", "ab\ncd|ab\n"],
  ["${WIDE#?}${WIDE%%?ö}", "😀öä"],
  ["${NONE#x}${NONE%%x}${EMPTY#x}", ""],
  ["${FILE#$NONE}", "dir.d/name.tar.gz"],
  ["${A#${A}}", ""],
  // Replaced.
  ["${FILE/./_}", "dir_d/name.tar.gz"],
  ["${FILE//./_}", "dir_d/name_tar_gz"],
  ["${FILE//\\//_}", "dir.d_name.tar.gz"],
  ["${FILE/r*n/-}", "di-ame.tar.gz"],
  ["${FILE//?/x}", "xxxxxxxxxxxxxxxxx"],
  ["${A/n/}|${A//x/y}|${NONE/x/y}", "oe|one|"],
  ["${A/n/${TWO}}", "oa be"],
  ["${A//n/\\}}", "o\\}e"],
  ["${A/*/x}${A//*/y}", "xy"],
  ["${TWO/ /$A}", "aoneb"],
  ["${NONE///x}${EMPTY////y}", "x/y"],
  ["<< x", "<< x"],
];

/** [word, what is said behind the word] */
const refused: readonly (readonly [string, string])[] = [
  ["'a", "unexpected end of statement while looking for matching single-quote"],
  ['"a', "unexpected end of statement while looking for matching double-quote"],
  ['"a\\', "unexpected end of statement while looking for matching double-quote"],
  ["${", "syntax error: missing '}'"],
  ["${A:-x", "syntax error: missing '}'"],
  ["${A:", "syntax error: missing '}'"],
  ["${A#x", "syntax error: missing '}'"],
  ["${}", "syntax error: bad substitution"],
  ["${{A}}", "syntax error: bad substitution"],
  ["${:-x}", "syntax error: bad substitution"],
  ["${A", "missing ':' in substitution"],
  ["${A!}", "missing ':' in substitution"],
  ["${A b}", "missing ':' in substitution"],
  ["${A:!x}", "unsupported modifier (!) in substitution"],
  ["${A:#x}", "unsupported modifier (#) in substitution"],
  ["${NONE:?}", "NONE: is not allowed to be unset"],
  ["${NONE?}", "NONE: is not allowed to be unset"],
  ["${EMPTY:?}", "EMPTY: is not allowed to be empty"],
  ["${EMPTY:?not $A}", "EMPTY: not one"],
  ["${A/x}", "syntax error: missing '/' in ${}"],
  ["${A/x/y", "syntax error: missing '}'"],
  ["${A#\\a}", "invalid pattern (\\a) in substitution: invalid escape '\\a'"],
];

test("a word has its value", () => {
  for (const [word, value] of values) assert.equal(expandWord(word, lookup), value, word);
});

test("what is wrong with a word is said in Docker's words", () => {
  for (const [word, why] of refused) {
    const message = `failed to process ${JSON.stringify(word)}: ${why}`;
    assert.throws(() => expandWord(word, lookup), { kind: "invalid", message }, word);
  }
  const deep = "${A:-".repeat(100_000);
  assert.throws(() => expandWord(deep, lookup), /nested too deeply$/);
});

test("the escape is the Dockerfile's", () => {
  assert.equal(expandWord('a`$A\\$A"`$\\"', lookup, { escape: "`" }), "a$A\\one$\\");
});

test("a word becomes several at blanks that are not quoted, also those of its variables", () => {
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ["", []],
    [" a  b\tc ", ["a", "b", "c"]],
    ["$PORTS", ["80", "443"]],
    ["x${PORTS}y", ["x", "80", "443", "y"]],
    ["\"$PORTS\" 'a b' c\\ d", [" 80  443 ", "a b", "c d"]],
    ["$NONE '' $EMPTY", []],
    ["a${NONE:-b c}d", ["ab", "cd"]],
  ];
  for (const [word, words] of cases) assert.deepEqual(expandWords(word, lookup), words, word);
});

test("in a here-document only variables and escapes mean anything", () => {
  const content = "'$A' \"${TWO}\" it's \\$A\n${NONE:-'x'}`\n";
  assert.equal(expandHereDocument(content, lookup), "'one' \"a b\" it's $A\n'x'`\n");
});

test("names without any value are told, but not where the word gives another", () => {
  const names: string[] = [];
  const onUndefined = (name: string): void => void names.push(name);
  expandWord("$B ${C} ${D:-x} ${E+x} '$F' $A $EMPTY ${G#x} ${H/x/y}", lookup, { onUndefined });
  expandHereDocument("'$I'", lookup, { onUndefined });
  assert.deepEqual(names, ["B", "C", "G", "H", "I"]);
});

test("whatever a word is, it has a value or is refused", () => {
  const part = fc.constantFrom(
    ..."${ } $A $NONE : - + ? # ## % / // * \\ \" ' a < << \n é 😀".split(" "),
    " ",
  );
  fc.assert(
    fc.property(fc.array(part), (parts) => {
      for (const expand of [expandWord, expandWords, expandHereDocument]) {
        try {
          expand(parts.join(""), lookup);
        } catch (error) {
          assert.ok(isFailure(error, "invalid"));
        }
      }
    }),
    { numRuns: 2000 },
  );
});
