import assert from "node:assert/strict";
import { test } from "node:test";
import {
  big,
  bytes,
  flag,
  integer,
  integers,
  many,
  map,
  message,
  one,
  optional,
  text,
  texts,
} from "./message.ts";

const inner = message({ name: text(1), count: integer(2) });
const outer = message({
  text: text(1),
  flag: flag(2),
  integer: integer(3),
  big: big(4),
  texts: texts(5),
  integers: integers(6),
  one: one(7, inner),
  many: many(8, inner),
  map: map(9),
  optional: optional(10),
  bytes: bytes(11),
});

const nothing = {
  text: "",
  flag: false,
  integer: 0,
  big: 0n,
  texts: [],
  integers: [],
  one: undefined,
  many: [],
  map: {},
  optional: undefined,
  bytes: new Uint8Array(),
};

test("what was written is read, defaults and empty things in lists included", () => {
  const full = {
    text: "hé",
    flag: true,
    integer: -3,
    big: 1n << 62n,
    texts: ["a", "", "b"],
    integers: [1, -2, 300],
    one: { name: "", count: 0 },
    many: [
      { name: "x", count: 0 },
      { name: "", count: 0 },
    ],
    map: { a: "1", b: "" },
    optional: 0,
  };
  const read = outer.decode(outer.encode({ ...full, bytes: Buffer.from("raw") }));
  assert.equal(Buffer.from(read.bytes).toString(), "raw");
  assert.deepEqual({ ...read, bytes: new Uint8Array() }, { ...full, bytes: new Uint8Array() });
});

test("what was not sent has proto3's defaults, and a message that was not sent is not there", () => {
  assert.equal(outer.encode({}).length, 0);
  assert.deepEqual(outer.decode(new Uint8Array()), nothing);
});

test("packed numbers, and fields of another type", () => {
  assert.deepEqual(outer.decode(Buffer.from("3203018e02", "hex")).integers, [1, 270]);
  assert.deepEqual(outer.decode(Buffer.from("0805", "hex")), nothing);
  assert.throws(() => outer.decode(Buffer.from("0a05", "hex")), { kind: "corrupt" });
});
