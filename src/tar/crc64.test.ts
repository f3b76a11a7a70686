import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { Crc64 } from "./crc64.ts";

/** Bit by bit, as the definition has it. */
function slow(bytes: Uint8Array): string {
  const mask = (1n << 64n) - 1n;
  let crc = mask;
  for (const byte of bytes) {
    crc ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit++) crc = crc & 1n ? (crc >> 1n) ^ 0xd800000000000000n : crc >> 1n;
  }
  const result = Buffer.alloc(8);
  result.writeBigUInt64BE(crc ^ mask);
  return result.toString("base64");
}

for (const [text, expected] of [
  ["", "AAAAAAAAAAA="],
  ["x", "IxAAAAAAAAA="],
  ["y", "IqAAAAAAAAA="],
  ["l\n", "YU7QAAAAAAA="],
] as const) {
  test(`B138: the checksum of ${JSON.stringify(text)} is ${expected}`, () => {
    const crc = new Crc64();
    crc.update(Buffer.from(text));
    assert.equal(crc.take(), expected);
  });
}

test("B138: any bytes, at any place in memory, in any pieces, give what the definition gives", () => {
  const crc = new Crc64(); // one for all: take() starts again
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat(7), fc.nat(80), (bytes, offset, cut) => {
      const placed = new Uint8Array(new ArrayBuffer(bytes.length + offset), offset);
      placed.set(bytes);
      crc.update(placed.subarray(0, cut));
      crc.update(placed.subarray(cut));
      assert.equal(crc.take(), slow(bytes));
    }),
  );
});
