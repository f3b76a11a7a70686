import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { isFailure } from "../errors.ts";
import { collect, compressGzip, compressZstd, decompress, fromBytes } from "./index.ts";

const plain = Buffer.from("varve ".repeat(100_000));

/** The bytes in chunks of `size`. */
async function* inChunks(bytes: Uint8Array, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.slice(at, at + size);
}

function unpack(bytes: Uint8Array, size = 1 << 16): Promise<Uint8Array> {
  return collect(decompress(inChunks(bytes, size)), 1 << 26);
}

const forms: Record<string, Buffer> = {
  none: plain,
  gzip: gzipSync(plain),
  "gzip of several members": Buffer.concat([gzipSync(plain.subarray(0, 777)), gzipSync(plain.subarray(777))]),
  zstd: zstdCompressSync(plain),
  "zstd of several frames": Buffer.concat([
    zstdCompressSync(plain.subarray(0, 777)),
    Buffer.from([0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]),
    zstdCompressSync(plain.subarray(777)),
  ]),
};

for (const [name, bytes] of Object.entries(forms)) {
  test(`decompress reads ${name} in chunks of any size`, async () => {
    for (const size of [1, 10, 1 << 16, 1 << 22]) {
      const input = name === "none" && size === 1 ? bytes.subarray(0, 1000) : bytes;
      const expected = name === "none" && size === 1 ? plain.subarray(0, 1000) : plain;
      assert.equal(Buffer.compare(await unpack(input, size), expected), 0, `chunks of ${size}`);
    }
  });
  if (name === "none") continue;
  test(`decompress refuses ${name} that is cut off`, async () => {
    for (const length of [7, bytes.length >> 1, bytes.length - 1]) {
      await assert.rejects(
        unpack(bytes.subarray(0, length)),
        (error) => isFailure(error, "corrupt"),
        `${length}`,
      );
    }
  });
}

test("what was compressed is read back", async () => {
  for (const compress of [compressGzip, compressZstd]) {
    const result = await collect(decompress(compress(fromBytes(plain))), 1 << 26);
    assert.equal(Buffer.compare(result, plain), 0);
  }
});
