import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { appendFileSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { subdirectory } from "../../test/support/layer_help.ts";
import { tarFile, tarOf } from "../../test/support/tar_help.ts";
import { scratch, unlessLinux, unlessRoot } from "../../test/suites/scratch.ts";
import { Failure } from "../errors.ts";
import { digestOf } from "../oci/index.ts";
import { FollowedFile } from "./followed_file.ts";
import { type GrowingFile, type UnpackJob, UnpackPool } from "./index.ts";

const skip = unlessRoot;
const pool = new UnpackPool({ size: 1, sync: false });
after(() => pool[Symbol.asyncDispose]());

const noise = Buffer.concat(
  Array.from({ length: 60_000 }, (_, i) => createHash("sha256").update(`${i}`).digest()),
);
const tar = tarOf([tarFile({ path: "big" }, noise), tarFile({ path: "small" }, "end")]);

/** Appends `bytes` piece by piece to a file that has the first `kept` of them, and ends as told. */
class Growing implements GrowingFile {
  readonly path: string;
  readonly #bytes: Buffer;
  readonly #pieces: readonly number[];
  readonly #end: () => void;
  readonly used: (bytes: number) => void;
  total = 0;

  constructor(path: string, bytes: Buffer, pieces: readonly number[], end: () => void = () => undefined) {
    this.path = path;
    this.#bytes = bytes;
    this.#pieces = pieces;
    this.#end = end;
    this.used = (count) => (this.total += count);
    writeFileSync(path, "");
  }

  async *sizes(): AsyncGenerator<number> {
    let at = 0;
    for (const length of this.#pieces) {
      appendFileSync(this.path, this.#bytes.subarray(at, at + length));
      at = Math.min(at + length, this.#bytes.length);
      yield at;
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.#end();
  }
}

function jobOf(directory: string, bytes: Buffer, file: GrowingFile): UnpackJob {
  return {
    target: { directory, whiteouts: "overlay", ownership: "exact" },
    blob: { digest: digestOf(bytes), size: bytes.length },
    diffId: digestOf(tar),
    file,
    open: () => Promise.reject(new Error("the file was to be read")),
    signal: new AbortController().signal,
  };
}

test("a worker reads a growing file itself, in any steps and compression", { skip }, async () => {
  const forms = { none: tar, gzip: gzipSync(tar, { level: 1 }), zstd: zstdCompressSync(tar) };
  for (const [compression, bytes] of Object.entries(forms)) {
    // First bytes one by one: what is detected must not be overwritten by what comes after.
    for (const pieces of [[bytes.length], [1, 1, 3, 700_000, bytes.length]]) {
      using at = scratch("followed");
      const directory = subdirectory(at.path, "layer");
      const file = new Growing(join(at.path, "blob"), bytes, pieces);
      const layer = await pool.unpack(jobOf(directory, bytes, file));
      assert.equal(layer.compression, compression);
      assert.equal(file.total, bytes.length);
      assert.ok(readFileSync(join(directory, "big")).equals(noise));
    }
  }
});

test("what ends the growth ends the job; the next one is not touched by it", { skip }, async () => {
  using at = scratch("followed");
  const bytes = gzipSync(tar, { level: 1 });
  const broken = new Growing(join(at.path, "a"), bytes, [100_000], () => {
    throw new Failure("unavailable", "gone");
  });
  await assert.rejects(pool.unpack(jobOf(subdirectory(at.path, "la"), bytes, broken)), { message: "gone" });
  const cut = new Growing(join(at.path, "b"), bytes, [100_000]);
  await assert.rejects(pool.unpack(jobOf(subdirectory(at.path, "lb"), bytes, cut)), { kind: "corrupt" });
  const missing = {
    ...new Growing(join(at.path, "c"), bytes, []),
    path: join(at.path, "nowhere"),
    sizes: none,
  };
  await assert.rejects(pool.unpack(jobOf(subdirectory(at.path, "lc"), bytes, missing)), /ENOENT/);
  const whole = new Growing(join(at.path, "d"), bytes, [bytes.length]);
  assert.equal((await pool.unpack(jobOf(subdirectory(at.path, "ld"), bytes, whole))).tarSize, tar.length);
});

async function* none(): AsyncGenerator<number> {}

test("a file that is shorter than was said is noticed", { skip: unlessLinux }, async () => {
  using at = scratch("followed");
  const path = join(at.path, "f");
  writeFileSync(path, "0123456789");
  using file = new FollowedFile(path, () => undefined);
  file.grown(10);
  file.end();
  truncateSync(path, 0);
  const reading = file[Symbol.asyncIterator]();
  await assert.rejects(reading.next(), { kind: "corrupt", message: `${path} was cut at 0 bytes` });
});
