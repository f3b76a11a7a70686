import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

test("the toolkit and oci load no Node module at start-up: crypto alone costs 10 ms", () => {
  const source = join(import.meta.dirname, "../..");
  const files = ["oci/*.ts", "cli/kit/*.ts"]
    .flatMap((pattern) => globSync(pattern, { cwd: source }))
    .filter((file) => !file.endsWith(".test.ts"));
  assert.ok(files.length > 30, `${files.length} files`);
  const loading = files.filter((file) => /\bfrom "node:/.test(readFileSync(join(source, file), "utf8")));
  assert.deepEqual(loading, []);
});
