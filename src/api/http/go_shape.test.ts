import assert from "node:assert/strict";
import { test } from "node:test";
import {
  dictionary,
  integer,
  list,
  optional,
  pairOf,
  pointer,
  readBody,
  struct,
  text,
  truth,
  words,
} from "./go_shape.ts";

const inner = struct("container.Inner", {
  Name: text,
  Count: integer("int64"),
  Size: optional(integer("uint16")),
});
const outer = struct("runconfig.Outer", {
  Flag: truth,
  Words: words,
  List: list(text),
  Map: optional(dictionary(list(inner))),
  Inner: pointer(inner),
  Maybe: optional(pointer(integer("int"))),
  Pair: pairOf(integer("uint")),
});

test("what is missing or null is zero; what is empty and optional is not there", () => {
  const zero = { Flag: false, Words: null, List: null, Inner: null, Pair: [0, 0] };
  assert.deepEqual(readBody(outer, {}), zero);
  assert.deepEqual(readBody(outer, null), zero);
  assert.deepEqual(readBody(outer, { Flag: null, Words: null, Map: {}, Inner: null, Maybe: null }), zero);
  assert.deepEqual(readBody(outer, { Maybe: 0, Inner: { Size: 0 }, List: [null] }), {
    ...zero,
    Maybe: 0,
    List: [""],
    Inner: { Name: "", Count: 0 },
  });
});

test("names in any case; unknown ones are passed over; a word is a list of one", () => {
  const given = {
    flag: true,
    WORDS: "sh",
    pair: [3],
    map: { a: [{ name: "n", size: 5, other: 1 }], b: null },
    x: {},
  };
  assert.deepEqual(readBody(outer, given), {
    Flag: true,
    Words: ["sh"],
    List: null,
    Inner: null,
    Pair: [3, 0],
    Map: { a: [{ Name: "n", Count: 0, Size: 5 }], b: null },
  });
});

for (const [body, message] of [
  [{ Flag: 1 }, "cannot unmarshal number into Go struct field Outer.Flag of type bool"],
  [{ Words: {} }, "cannot unmarshal object into Go struct field Outer.Words of type string"],
  [{ Words: ["a", 3] }, "cannot unmarshal number into Go struct field Outer.Words of type string"],
  [{ List: "a" }, "cannot unmarshal string into Go struct field Outer.List of type []string"],
  [{ Inner: [] }, "cannot unmarshal array into Go struct field Outer.Inner of type container.Inner"],
  [{ Inner: { Count: "1" } }, "cannot unmarshal string into Go struct field Inner.Inner.Count of type int64"],
  [
    { Inner: { Count: 1.5 } },
    "cannot unmarshal number 1.5 into Go struct field Inner.Inner.Count of type int64",
  ],
  [
    { Inner: { Size: -1 } },
    "cannot unmarshal number -1 into Go struct field Inner.Inner.Size of type uint16",
  ],
  [
    { Map: { a: [{ Name: true }] } },
    "cannot unmarshal bool into Go struct field Inner.Map.Name of type string",
  ],
  [{ Map: [] }, "cannot unmarshal array into Go struct field Outer.Map of type map[string][]container.Inner"],
  [[], "cannot unmarshal array into Go value of type runconfig.Outer"],
] as const) {
  test(`${JSON.stringify(body)} is refused in Go's words`, () => {
    assert.throws(() => readBody(outer, body), { kind: "invalid", message: `json: ${message}` });
  });
}
