/**
 * Every behaviour that varve claims is named in the title of a test that proves it. What is missing stands here with
 * the reason; a behaviour that gets its test must be struck off.
 */
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

const root = join(import.meta.dirname, "..");

const id = (number: number): string => `B${String(number).padStart(3, "0")}`;
const range = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, i) => id(from + i));

/** Sections 1 to 10: what the store, the builder, the transfers, the containers, the registry and the engine promise. */
const claimed = range(1, 183);

const missing: Readonly<Record<string, string>> = {};

/** Behaviours in titles: string literals that begin a test, or a row of a table of tests. */
function named(): Set<string> {
  const found = new Set<string>();
  for (const file of globSync("{src,test}/**/*.ts", { cwd: root })) {
    if (!file.endsWith(".test.ts") && !file.endsWith("_suite.ts")) continue;
    if (file === "test/behaviours.test.ts") continue;
    const text = readFileSync(join(root, file), "utf8");
    for (const [, title] of text.matchAll(/["'`]([^"'`\n]*\bB\d{3}\b[^"'`\n]*)/g)) {
      for (const [behaviour] of (title as string).matchAll(/\bB\d{3}\b/g)) found.add(behaviour);
    }
  }
  return found;
}

test("every behaviour is named in a test, or its absence has a reason", () => {
  const tested = named();
  const silent = claimed.filter((behaviour) => !tested.has(behaviour) && missing[behaviour] === undefined);
  const both = Object.keys(missing).filter((behaviour) => tested.has(behaviour));
  assert.deepEqual({ silent, both }, { silent: [], both: [] });
});
