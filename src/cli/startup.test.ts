import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { test } from "node:test";

const source = join(import.meta.dirname, "..");

/** Files that are read in before the program does anything: by imports of values, outside of functions. */
function loadedAtStart(entry: string): string[] {
  const found = new Set([join(source, entry)]);
  for (const file of found) {
    const text = readFileSync(file, "utf8");
    for (const [, clause = "", target = ""] of text.matchAll(
      /^(?:import|export) (?:([^;"=]*)from )?"(\.[^"]+\.ts)";/gm,
    )) {
      const isType = clause.startsWith("type ") || /^\{\s*(?:type [^,}]+,?\s*)+\}/.test(clause);
      if (!isType) found.add(join(dirname(file), target));
    }
  }
  return [...found].map((file) => relative(source, file));
}

test("the builder's modules run when something is built, not at every start", () => {
  const files = loadedAtStart("bin/cli.ts");
  assert.ok(files.includes("cli/commands/build.ts"));
  assert.ok(files.includes("engine/builds/index.ts"));
  const heavy = files.filter((file) => /^(?:build|dockerfile)\//.test(file));
  assert.deepEqual(heavy, []);
});
