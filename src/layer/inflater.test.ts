import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import * as fc from "fast-check";
import { Inflater } from "./inflater.ts";

const skip = Inflater.isAvailable() ? false : "only for the Node releases whose zlib handles are known";
const hard = Buffer.concat(
  Array.from({ length: 40_000 }, (_, i) => createHash("sha256").update(`${i}`).digest()),
);
const data = Buffer.concat([hard, Buffer.alloc(3_000_000, "abc")]);
const formats = { gzip: gzipSync(data, { level: 1 }), zstd: zstdCompressSync(data) } as const;

async function inflate(format: "gzip" | "zstd", bytes: Uint8Array, step = 100_000): Promise<Buffer> {
  const pieces: Buffer[] = [];
  using inflater = new Inflater(format, (piece) => pieces.push(Buffer.from(piece)));
  for (let at = 0; at < bytes.length; at += step) await inflater.write(bytes.subarray(at, at + step));
  await inflater.end();
  return Buffer.concat(pieces);
}

for (const [format, bytes] of Object.entries(formats) as ["gzip" | "zstd", Buffer][]) {
  test(`${format} comes out whole, in chunks of any size, also several in a row`, { skip }, async () => {
    for (const step of [bytes.length, 65_536, 7_777])
      assert.ok((await inflate(format, bytes, step)).equals(data));
    assert.ok((await inflate(format, Buffer.concat([bytes, bytes]))).equals(Buffer.concat([data, data])));
  });

  test(`${format} that is cut off or damaged is corrupt`, { skip }, async () => {
    for (const length of [0, 3, 1000, bytes.length >> 1, bytes.length - 5]) {
      const cut = inflate(format, bytes.subarray(0, length));
      await assert.rejects(cut, {
        kind: "corrupt",
        message: new RegExp(`invalid ${format} data: unexpected end of file`),
      });
    }
    const damaged = Buffer.from(bytes);
    damaged.fill(0xff, bytes.length - 6);
    await assert.rejects(inflate(format, damaged), { kind: "corrupt" });
  });

  test(`a consumer's error ends ${format} with that error`, { skip }, async () => {
    const error = new Error("full");
    using inflater = new Inflater(format, () => {
      throw error;
    });
    const failed = async (): Promise<void> => {
      await inflater.write(bytes);
      await inflater.end();
    };
    await assert.rejects(failed, error);
  });
}

test("any bytes, compressed and cut anyhow, come back", { skip }, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 3000 }),
      fc.integer({ min: 1, max: 500 }),
      async (bytes, step) => {
        assert.deepEqual(await inflate("gzip", gzipSync(bytes), step), Buffer.from(bytes));
        assert.deepEqual(await inflate("zstd", zstdCompressSync(bytes), step), Buffer.from(bytes));
      },
    ),
    { numRuns: 50 },
  );
});
