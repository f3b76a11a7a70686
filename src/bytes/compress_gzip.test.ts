import assert from "node:assert/strict";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import * as fc from "fast-check";
import { endless, failing, inChunks, noise } from "../../test/support/bytes_help.ts";
import { isFailure } from "../errors.ts";
import { collect, compressGzip, decompress } from "./index.ts";

const blockSize = 512 * 1024;
const plain = Buffer.concat([noise(blockSize, 3), Buffer.from("varve ".repeat(150_000)), noise(1000, 4)]);

async function gzip(bytes: Uint8Array, chunkSize: number, level?: number): Promise<Buffer> {
  const options = level === undefined ? {} : { level };
  return Buffer.from(await collect(compressGzip(inChunks(bytes, chunkSize), options), 1 << 26));
}

test("the result does not depend on how the bytes arrive", async () => {
  const results = await Promise.all(
    [7777, blockSize, blockSize + 1, 1 << 24].map((size) => gzip(plain, size)),
  );
  for (const result of results) assert.ok(result.equals(results[0] as Buffer));
});

test("the header tells no name, no time and no system", async () => {
  assert.equal((await gzip(plain, 1 << 20)).subarray(0, 10).toString("hex"), "1f8b08000000000000ff");
});

test("every length around the borders of blocks is read back, as one member", async () => {
  for (const length of [0, 1, blockSize - 1, blockSize, blockSize + 1, 2 * blockSize, plain.length]) {
    const bytes = plain.subarray(0, length);
    const packed = await gzip(bytes, 1 << 20);
    assert.ok(gunzipSync(packed).equals(bytes), `${length} bytes`);
    // gunzipSync reads several members too: a second one would show its magic after the first.
    assert.equal(packed.indexOf(Buffer.from("1f8b0800000000", "hex"), 1), -1);
    assert.equal(packed.readUInt32LE(packed.length - 4), length);
  }
});

test("blocks share a window: what repeats across a border is found", async () => {
  const half = noise(20_000, 5);
  const bytes = Buffer.concat([noise(blockSize - half.length, 6), half, half]);
  assert.ok((await gzip(bytes, 1 << 20)).length < bytes.length - half.length / 2);
});

test("arbitrary bytes are read back at every level", async () => {
  const bytes = fc.uint8Array({ maxLength: 3000 });
  await fc.assert(
    fc.asyncProperty(
      bytes,
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 700 }),
      async (all, level, size) => {
        const packed = await gzip(all, size, level);
        assert.deepEqual(new Uint8Array(await collect(decompress(inChunks(packed, size)), 3000)), all);
      },
    ),
    { numRuns: 50 },
  );
});

test("a source that fails, an abort and early return end it", async () => {
  const error = new Error("cut");
  await assert.rejects(collect(compressGzip(failing(error, plain)), 1 << 26), error);
  const controller = new AbortController();
  const aborted = endless(plain);
  setImmediate(() => controller.abort());
  const running = Array.fromAsync(compressGzip(aborted, { signal: controller.signal }));
  await assert.rejects(running, (reason) => isFailure(reason, "cancelled"));
  await aborted.closing;
  const left = endless(plain);
  let chunks = 0;
  for await (const chunk of compressGzip(left)) if (chunk.length > 0 && ++chunks === 3) break;
  assert.equal(left.closed, true);
});
