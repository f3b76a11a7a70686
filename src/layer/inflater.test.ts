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

const cases = (Object.keys(formats) as ["gzip", "zstd"]).flatMap((format) => [
  { format, here: false, where: `${format} in the thread pool` },
  { format, here: true, where: `${format} in this thread` },
]);

async function inflate(
  format: "gzip" | "zstd",
  bytes: Uint8Array,
  { step = 100_000, here = false } = {},
): Promise<Buffer> {
  const pieces: Buffer[] = [];
  const consume = (piece: Uint8Array): undefined => void pieces.push(Buffer.from(piece));
  using inflater = new Inflater(format, consume, here);
  for (let at = 0; at < bytes.length; at += step) await inflater.write(bytes.subarray(at, at + step));
  await inflater.end();
  return Buffer.concat(pieces);
}

for (const { format, here, where } of cases) {
  const bytes = formats[format];
  test(`${where} comes out whole, in chunks of any size, also several in a row`, { skip }, async () => {
    for (const step of [bytes.length, 65_536, 7_777])
      assert.ok((await inflate(format, bytes, { step, here })).equals(data));
    assert.ok(
      (await inflate(format, Buffer.concat([bytes, bytes]), { here })).equals(Buffer.concat([data, data])),
    );
  });

  test(`${where} that is cut off or damaged is corrupt`, { skip }, async () => {
    for (const length of [0, 3, 1000, bytes.length >> 1, bytes.length - 5]) {
      const cut = inflate(format, bytes.subarray(0, length), { here });
      await assert.rejects(cut, {
        kind: "corrupt",
        message: new RegExp(`invalid ${format} data: unexpected end of file`),
      });
    }
    const damaged = Buffer.from(bytes);
    damaged.fill(0xff, bytes.length - 6);
    await assert.rejects(inflate(format, damaged, { here }), { kind: "corrupt" });
  });

  test(`a consumer's error ends ${where} with that error`, { skip }, async () => {
    const error = new Error("full");
    const fail = (): never => {
      throw error;
    };
    using inflater = new Inflater(format, fail, here);
    const failed = async (): Promise<void> => {
      await inflater.write(bytes);
      await inflater.end();
    };
    await assert.rejects(failed, error);
  });
}

test("the next piece waits for what the consumer waits for", { skip }, async () => {
  for (const here of [false, true]) {
    let busy = 0;
    using inflater = new Inflater(
      "gzip",
      async () => {
        assert.equal(busy++, 0);
        await new Promise((resolve) => setImmediate(resolve));
        busy--;
      },
      here,
    );
    await inflater.write(formats.gzip);
    await inflater.end();
  }
});

test("any bytes, compressed and cut anyhow, come back", { skip }, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 3000 }),
      fc.integer({ min: 1, max: 500 }),
      async (bytes, step) => {
        assert.deepEqual(await inflate("gzip", gzipSync(bytes), { step }), Buffer.from(bytes));
        assert.deepEqual(
          await inflate("zstd", zstdCompressSync(bytes), { step, here: true }),
          Buffer.from(bytes),
        );
      },
    ),
    { numRuns: 50 },
  );
});
