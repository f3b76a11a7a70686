import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { endless, failing, inChunks, noise } from "../../test/support/bytes_help.ts";
import { isFailure, type FailureKind } from "../errors.ts";
import { collect, compressZstd, decompress, fromBytes, type Compression } from "./index.ts";

const plain = Buffer.concat([Buffer.from("varve ".repeat(30_000)), noise(3000)]);
const part = plain.subarray(0, 777);
const rest = plain.subarray(777);
const skippable = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);

const isKind = (kind: FailureKind) => (error: unknown) => isFailure(error, kind);

async function unpack(bytes: Uint8Array, size = 1 << 16): Promise<Buffer> {
  return Buffer.from(await collect(decompress(inChunks(bytes, size)), 1 << 26));
}

/** What an installed program makes of `plain`; undefined where it is not installed. */
function packedBy(program: string): Buffer | undefined {
  const { status, stdout } = spawnSync(program, ["-c"], { input: plain });
  return status === 0 ? stdout : undefined;
}

const forms: readonly (readonly [Compression, string, Buffer | undefined])[] = [
  ["gzip", "gzip", gzipSync(plain)],
  ["gzip", "gzip of two members", Buffer.concat([gzipSync(part), gzipSync(rest)])],
  ["zstd", "zstd", zstdCompressSync(plain)],
  [
    "zstd",
    "zstd of two frames and skippable ones",
    Buffer.concat([skippable, zstdCompressSync(part), skippable, zstdCompressSync(rest), skippable]),
  ],
  ["bzip2", "bzip2", packedBy("bzip2")],
  ["xz", "xz", packedBy("xz")],
];

for (const [compression, name, bytes] of forms) {
  const skip = bytes === undefined ? `${compression} is not installed` : false;
  const packed = bytes ?? Buffer.alloc(0);

  test(`${name} is read in chunks of any size`, { skip }, async () => {
    for (const size of [1, 10, packed.length - 1, packed.length]) {
      assert.ok((await unpack(packed, size)).equals(plain), `chunks of ${size}`);
    }
  });

  test(`${name} is told before the first chunk`, { skip }, async () => {
    const told: Compression[] = [];
    const source = decompress(fromBytes(packed), { onCompression: (found) => told.push(found) });
    await source.next();
    assert.deepEqual(told, [compression]);
    await source.return();
  });

  test(`${name} that is cut off is corrupt`, { skip }, async () => {
    const lengths = [7, packed.length >> 1, packed.length - 1];
    for (const length of lengths) {
      await assert.rejects(unpack(packed.subarray(0, length)), isKind("corrupt"), `${length} bytes`);
    }
  });

  test(`${name} with a flipped bit in its last bytes is corrupt`, { skip }, async () => {
    const flipped = Buffer.from(packed);
    const at = flipped.length - (name.includes("skippable") ? skippable.length : 0) - 3;
    flipped[at] = (flipped[at] as number) ^ 0x10;
    // zstdCompressSync writes no checksum: there, a flipped bit may pass, but not unnoticed by the digest.
    if (compression !== "zstd") await assert.rejects(unpack(flipped), isKind("corrupt"));
    else assert.ok(!(await unpack(flipped).catch(() => part)).equals(plain));
  });

  if (compression === "bzip2") continue; // the program takes junk for no error
  test(`${name} and junk is corrupt`, { skip }, async () => {
    // Zeros after xz are its own padding.
    for (const junk of ["junk", "\x1f", ...(compression === "xz" ? [] : ["\0\0\0\0"])]) {
      await assert.rejects(
        collect(decompress(fromBytes(packed, Buffer.from(junk))), 1 << 26),
        isKind("corrupt"),
      );
      await assert.rejects(unpack(Buffer.concat([packed, Buffer.from(junk)])), isKind("corrupt"));
    }
  });
}

test("bytes that are not compressed pass, whatever their chunks", async () => {
  for (const bytes of [plain.subarray(0, 5000), Buffer.from("abc"), Buffer.alloc(0)]) {
    for (const size of [1, 4, 10_000]) assert.ok((await unpack(bytes, size)).equals(bytes));
  }
});

test("a bomb is stopped at the bound", async () => {
  const bomb = gzipSync(Buffer.alloc(1 << 25));
  const source = decompress(inChunks(bomb, 4096), { maxBytes: 1 << 22 });
  let size = 0;
  const run = async () => {
    for await (const chunk of source) size += chunk.length;
  };
  await assert.rejects(run(), isKind("limit"));
  assert.ok(size <= 1 << 22);
});

test("the source's own failure passes through every form", async () => {
  const error = new Error("connection lost");
  for (const [, name, bytes] of [...forms, ["none", "none", plain] as const]) {
    if (bytes === undefined) continue;
    const source = decompress(failing(error, bytes.subarray(0, bytes.length >> 1)));
    await assert.rejects(collect(source, 1 << 26), error, name);
  }
});

test("early return and abort close the source of every form", async () => {
  for (const [, name, bytes] of [...forms, ["none", "none", plain] as const]) {
    if (bytes === undefined) continue;
    const left = endless(bytes);
    for await (const chunk of decompress(left)) if (chunk.length > 0) break;
    await left.closing; // a stream closes it in its own time
    const controller = new AbortController();
    const aborted = endless(bytes);
    const source = decompress(aborted, { signal: controller.signal });
    await source.next();
    controller.abort();
    await assert.rejects(Array.fromAsync(source), isKind("cancelled"), name);
    await aborted.closing;
  }
});

test("a program that is not installed is named, with what to do", async () => {
  const { PATH } = process.env;
  process.env["PATH"] = "/nonexistent";
  try {
    const source = decompress(fromBytes(Buffer.from("fd377a585a000000", "hex")));
    await assert.rejects(
      source.next(),
      (error) => isFailure(error, "unsupported") && /xz is not installed/.test(error.message) && !!error.hint,
    );
  } finally {
    process.env["PATH"] = PATH;
  }
});

test("what compressZstd wrote is read back, and has a checksum", async () => {
  const packed = Buffer.from(await collect(compressZstd(inChunks(plain, 1000), { level: 5 }), 1 << 26));
  assert.ok((await unpack(packed)).equals(plain));
  packed[packed.length - 1] = (packed[packed.length - 1] as number) ^ 1;
  await assert.rejects(unpack(packed), isKind("corrupt"));
});
