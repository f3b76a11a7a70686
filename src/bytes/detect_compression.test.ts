import assert from "node:assert/strict";
import { test } from "node:test";
import { detectCompression, detectionLength, type Compression } from "./index.ts";

const cases: readonly (readonly [string, Compression])[] = [
  ["1f8b08000000", "gzip"],
  ["1f8b00000000", "none"], // no deflate: nobody ever defined another method
  ["28b52ffd2405", "zstd"],
  ["502a4d180300", "zstd"], // skippable frames
  ["5f2a4d180300", "zstd"],
  ["602a4d180300", "none"],
  ["425a68393141", "bzip2"],
  ["425a68311772", "bzip2"], // nothing compressed
  ["425a68613141", "none"],
  ["425a682e7478", "none"], // a tar whose first file is BZh.txt
  ["fd377a585a00", "xz"],
  ["fd377a585a01", "none"],
  ["1f8b", "none"],
  ["", "none"],
  ["612f00000000", "none"],
];

for (const [bytes, expected] of cases) {
  test(`bytes ${bytes} are ${expected}`, () => {
    assert.equal(detectCompression(Buffer.from(bytes, "hex")), expected);
    assert.ok(bytes.length <= 2 * detectionLength);
  });
}
