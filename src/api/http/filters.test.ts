import assert from "node:assert/strict";
import { test } from "node:test";
import { Filters } from "./filters.ts";

test("both forms; what is null or not there is no filter", () => {
  for (const text of ['{"label":["a","b"],"x":null}', '{"label":{"a":true,"b":false}}'])
    assert.deepEqual(Filters.parse(text, ["label", "x"]).get("label"), ["a", "b"]);
  for (const text of [null, "", "null", "{}"])
    assert.equal(Filters.parse(text, ["label"]).has("label"), false);
});

const refused = [
  "{",
  "[]",
  "7",
  '"x"',
  '{"label":"x"}',
  '{"label":7}',
  '{"label":[7]}',
  '{"label":{"a":"b"}}',
  "{}x",
];
for (const text of refused) {
  test(`${text} is refused, not taken for no filter`, () => {
    assert.throws(() => Filters.parse(text, ["label"]), { kind: "invalid", message: "invalid filter" });
  });
}

test("names that the route does not take", () => {
  assert.throws(() => Filters.parse('{"x":["y"]}', ["label"]), { message: "invalid filter 'x'" });
});
