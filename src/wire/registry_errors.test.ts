import assert from "node:assert/strict";
import { test } from "node:test";
import { formatRegistryErrors, parseRegistryErrors, registryErrorItem } from "./registry_errors.ts";

test("an error body survives writing and reading", () => {
  const items = [registryErrorItem("MANIFEST_UNKNOWN", { Tag: "x" }), registryErrorItem("DENIED")];
  assert.deepEqual(parseRegistryErrors(formatRegistryErrors(items)), items);
  assert.equal(
    formatRegistryErrors([registryErrorItem("DENIED")]),
    '{"errors":[{"code":"DENIED","message":"requested access to the resource is denied"}]}\n',
  );
});

const cases: readonly [string, unknown][] = [
  [
    '{"details":"incorrect username or password"}',
    [{ code: "UNKNOWN", message: "incorrect username or password" }],
  ],
  ['{"message":"no"}', [{ code: "UNKNOWN", message: "no" }]],
  ['{"errors":[{"code":7}, null, "x"]}', [{ code: "UNKNOWN", message: "" }]],
  ["<html>", []],
  ["[]", []],
  ["null", []],
  ["", []],
];
for (const [text, expected] of cases) {
  test(`reading ${text || "nothing"}`, () => assert.deepEqual(parseRegistryErrors(text), expected));
}
