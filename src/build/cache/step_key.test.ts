import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { stepKey } from "./step_key.ts";

suite("stepKey", () => {
  test("is the same for the same parts in any order, and for absent ones", () => {
    const key = stepKey({ kind: "run", below: "", inputs: { env: ["A=1"], user: "" } });
    assert.match(key, /^sha256:[0-9a-f]{64}$/);
    assert.equal(stepKey({ inputs: { user: "", env: ["A=1"], x: undefined }, below: "", kind: "run" }), key);
  });

  test("differs where any part does", () => {
    const parts = [
      { a: "1" },
      { a: 1 },
      { a: ["1"] },
      { a: null },
      {},
      { a: "1", b: "" },
      { b: "1" },
      { a: { a: "1" } },
      ["a", "1"],
      { a: '1","b":"' },
    ];
    assert.equal(new Set(parts.map(stepKey)).size, parts.length);
  });
});
