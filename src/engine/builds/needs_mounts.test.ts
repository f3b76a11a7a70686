/** Which builds run commands, as far as it can be known before anything is opened. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { scratch, unlessLinux } from "../../../test/suites/scratch.ts";
import { buildNeedsMounts } from "./needs_mounts.ts";

const skip = unlessLinux;

const cases: readonly (readonly [string, string, boolean, string?])[] = [
  ["copies only", "FROM scratch\nCOPY a /\n", false],
  ["a command", "FROM base\nRUN true\n", true],
  ["a command in a stage that is not needed", "FROM base AS one\nRUN true\nFROM scratch\nCOPY a /\n", false],
  [
    "a command in a stage that files are taken of",
    "FROM base AS one\nRUN true\nFROM scratch\nCOPY --from=ONE a /\n",
    true,
  ],
  ["the same by its number", "FROM base\nRUN true\nFROM scratch\nCOPY --from=0 a /\n", true],
  ["a command in a stage that is built upon", "FROM base AS one\nRUN true\nFROM one\nCOPY a /\n", true],
  ["a command above the target", "FROM base AS one\nCOPY a /\nFROM one\nRUN true\n", false, "one"],
  ["a name that is not known yet", "ARG X=one\nFROM base AS one\nRUN true\nFROM $X\n", true],
  ["no stage of that name", "FROM base\nRUN true\n", false, "nosuch"],
  ["what cannot be parsed", "BOGUS\n", false],
];
for (const [title, text, expected, target] of cases)
  test(`${title}: ${expected ? "mounts" : "no mount"}`, { skip }, async () => {
    using directory = scratch("needs-mounts");
    const at = { context: directory.path, ...(target !== undefined && { target }) };
    writeFileSync(join(directory.path, "Dockerfile"), text);
    assert.equal(await buildNeedsMounts(at), expected);
  });

test("what can be read once only is not read", { skip }, async () => {
  using directory = scratch("needs-mounts-once");
  for (const context of ["-", "https://host.example/a.git", "git@host.example:a", "github.com/a/b"])
    assert.equal(await buildNeedsMounts({ context }), true);
  assert.equal(await buildNeedsMounts({ context: directory.path, file: "-" }), true);
  assert.equal(await buildNeedsMounts({ context: directory.path }), false);
  assert.equal(await buildNeedsMounts({ context: join(directory.path, "nosuch") }), false);
  const file = join(directory.path, "df");
  writeFileSync(file, "FROM x\nRUN y\n");
  mkdirSync(join(directory.path, "sub"));
  assert.equal(await buildNeedsMounts({ context: join(directory.path, "sub"), file }), true);
});
