import assert from "node:assert/strict";
import { test } from "node:test";
import { parseCbor, type CborValue } from "./parse_cbor.ts";

// RFC 8949, appendix A.
const good: readonly [hex: string, value: CborValue][] = [
  ["00", 0],
  ["17", 23],
  ["1818", 24],
  ["1903e8", 1000],
  ["1a000f4240", 1_000_000],
  ["1b000000e8d4a51000", 1_000_000_000_000],
  ["20", -1],
  ["3903e7", -1000],
  ["f4", false],
  ["f5", true],
  ["f6", null],
  ["c11a514b67b0", { tag: 1, value: 1_363_896_240 }],
  ["4401020304", Buffer.of(1, 2, 3, 4)],
  ["6449455446", "IETF"],
  ["62c3bc", "\u00fc"],
  ["8301820203820405", [1, [2, 3], [4, 5]]],
  [
    "a201020304",
    new Map([
      [1, 2],
      [3, 4],
    ]),
  ],
  ["a16161820203", new Map([["a", [2, 3]]])],
];
for (const [hex, value] of good) {
  test(`${hex} is read`, () => {
    assert.deepEqual(parseCbor(Buffer.from(hex, "hex")), value);
  });
}

const bad: readonly [hex: string, what: string][] = [
  ["", "nothing"],
  ["0000", "two items"],
  ["1bffffffffffffffff", "a number beyond 2^53"],
  ["f93c00", "a floating-point number"],
  ["f7", "undefined"],
  ["f818", "a simple value that nobody knows"],
  ["1c", "a reserved length"],
  ["5f42010243030405ff", "an indefinite length"],
  ["9fff", "an indefinite array"],
  ["4401", "a string that is cut off"],
  ["9a7fffffff", "an array of two thousand million items in five bytes"],
  ["ba7fffffff", "a map as large"],
  ["5b001fffffffffffff", "a string of petabytes"],
  ["a201020103", "the same key twice"],
  ["a1f500", "a key that is neither number nor text"],
  ["81".repeat(40) + "00", "arrays in arrays"],
];
for (const [hex, what] of bad) {
  test(`refused: ${what}`, () => {
    assert.throws(() => parseCbor(Buffer.from(hex, "hex")), { name: "Failure", kind: "unauthorized" });
  });
}
