import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { isFailure } from "../errors.ts";
import { bigField, bytesField, decodeMessage, encodeMessage, numberField, stringField } from "./protobuf.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

test("encodes the examples of the specification", () => {
  // protobuf.dev, "Encoding": a = 150 and b = "testing".
  assert.equal(hex(encodeMessage({ 1: 150 })), "089601");
  assert.equal(hex(encodeMessage({ 2: "testing" })), "120774657374696e67");
  assert.equal(hex(encodeMessage({ 3: encodeMessage({ 1: 150 }) })), "1a03089601");
  assert.equal(hex(encodeMessage({ 1: -2 })), "08feffffffffffffffff01");
});

test("leaves out what is the default in proto3", () => {
  assert.equal(encodeMessage({ 1: 0, 2: "", 3: false, 4: undefined, 5: new Uint8Array(), 6: 0n }).length, 0);
  assert.equal(numberField(decodeMessage(new Uint8Array()), 1), 0);
  assert.equal(stringField(decodeMessage(new Uint8Array()), 1), "");
});

test("what was encoded is decoded", () => {
  const property = fc.property(
    fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
    fc.string({ unit: "grapheme" }),
    fc.array(fc.uint8Array({ minLength: 1 })),
    (number, text, repeated) => {
      const fields = decodeMessage(encodeMessage({ 1: number, 16: text, 2047: repeated }));
      assert.equal(bigField(fields, 1), number);
      assert.equal(stringField(fields, 16), text);
      assert.deepEqual(
        (fields.get(2047) ?? []).map((value) => hex(value as Uint8Array)),
        repeated.map(hex),
      );
    },
  );
  fc.assert(property, { numRuns: 200 });
});

test("skips fixed-width fields and takes the last of a repeated scalar", () => {
  const fields = decodeMessage(Buffer.from("0d0102030411010203040506070818051806", "hex"));
  assert.equal(numberField(fields, 3), 6);
  assert.equal(fields.size, 1);
});

test("refuses bytes that end within a field", () => {
  for (const bytes of ["08", "0a05", "0a0561", "1102", "08ffffffffffffffffffff01", "0b"])
    assert.throws(
      () => decodeMessage(Buffer.from(bytes, "hex")),
      (error) => isFailure(error, "corrupt"),
      bytes,
    );
});

test("bytes of the wrong kind read as nothing", () => {
  assert.equal(bytesField(decodeMessage(encodeMessage({ 1: 7 })), 1).length, 0);
  assert.equal(numberField(decodeMessage(encodeMessage({ 1: "seven" })), 1), 0);
});

test("a message that is there is written, though it is empty", () => {
  assert.equal(
    hex(encodeMessage({ 1: { present: new Uint8Array() }, 2: [{ present: Buffer.of(8, 1) }] })),
    "0a0012020801",
  );
});
