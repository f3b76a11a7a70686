import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { existsSync, openSync, readdirSync, readFileSync, readSync, writeFileSync, closeSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { gunzipSync, gzipSync, zstdCompressSync } from "node:zlib";
import { dir, subdirectory } from "../../test/support/layer_help.ts";
import { type PackedFile, tarFile, tarOf } from "../../test/support/tar_help.ts";
import { scratch, unlessRoot } from "../../test/suites/scratch.ts";
import { type ByteSource, collect, fromBytes, type Progress } from "../bytes/index.ts";
import { Failure } from "../errors.ts";
import { digestOf } from "../oci/index.ts";
import { assembleTar } from "../tar/index.ts";
import {
  compareTrees,
  type UnpackedLayer,
  unpackHere,
  type UnpackJob,
  type UnpackOptions,
  UnpackPool,
} from "./index.ts";
import { LayerWorker } from "./layer_worker.ts";

const skip = unlessRoot;
const file = (path: string, body: string | Buffer = "x", fields = {}): PackedFile =>
  tarFile({ path, ...fields }, body);

/** Bytes that do not compress, so that the blob has about their size; the same in each run. */
function noise(length: number): Buffer {
  const parts: Buffer[] = [];
  for (let i = 0; i * 32 < length; i++) parts.push(createHash("sha256").update(`${i}`).digest());
  return Buffer.concat(parts).subarray(0, length);
}

const tar = tarOf([
  dir("d/"),
  file("d/one", "1"),
  file("d/big", noise(3 << 20)),
  file(".wh.gone", ""),
  file("d/.wh.odd", "whiteouts should have no content"),
  file(".wh..wh.plnk/1.2", "shared"),
  tarFile({ path: "linked", type: "hardlink", linkPath: ".wh..wh.plnk/1.2" }),
  file("last", "end"),
]);
const gzip = gzipSync(tar, { level: 1 });
const blobOf = (bytes: Buffer): NonNullable<UnpackJob["blob"]> => ({
  digest: digestOf(bytes),
  size: bytes.length,
});

const limits = { tarBytes: 8 << 20, entries: 100 };
const pool = new UnpackPool({ size: 2, sync: false, limits });
const recordingApart = new UnpackPool({ size: 2, sync: false, limits, recordApart: 0 });
after(() => Promise.all([pool, recordingApart].map((each) => each[Symbol.asyncDispose]())));

const ways: [name: string, unpack: (job: UnpackJob) => Promise<UnpackedLayer>][] = [
  ["in a worker", (job) => pool.unpack(job)],
  ["in two workers", (job) => recordingApart.unpack(job)],
  ["here", (job) => unpackHere(job, { sync: false, limits })],
];

/** A job on a scratch directory. */
class Bench implements Disposable {
  readonly #scratch = scratch("unpack");
  readonly directory = subdirectory(this.#scratch.path, "layer");
  readonly partial = join(this.#scratch.path, "partial");
  readonly tarSplit = join(this.#scratch.path, "tar-split.json.gz");
  /** What `open` was called with. */
  readonly offsets: number[] = [];
  /** Bytes that were taken from the source. */
  fetched = 0;

  job(bytes: Buffer, fields: Partial<UnpackJob> & { readonly chunk?: number } = {}): UnpackJob {
    const { chunk = 10_000, ...rest } = fields;
    return {
      target: { directory: this.directory, whiteouts: "overlay", ownership: "exact" },
      signal: new AbortController().signal,
      open: (offset) => {
        this.offsets.push(offset);
        return Promise.resolve(this.#cut(bytes, offset, chunk));
      },
      ...rest,
    };
  }

  async *#cut(bytes: Buffer, offset: number, chunk: number): AsyncGenerator<Uint8Array> {
    for (let at = offset; at < bytes.length; at += chunk) {
      const piece = bytes.subarray(at, at + chunk);
      this.fetched += piece.length;
      yield piece;
    }
  }

  [Symbol.dispose](): void {
    this.#scratch[Symbol.dispose]();
  }
}

async function reassembled(at: Bench): Promise<Buffer> {
  const lines = gunzipSync(readFileSync(at.tarSplit));
  const open = (name: string): { read: (into: Uint8Array) => number; close: () => void } => {
    const fd = openSync(join(at.directory, name), "r");
    return { read: (into) => readSync(fd, into), close: () => closeSync(fd) };
  };
  return Buffer.from(await collect(assembleTar(fromBytes(lines), open), 1 << 30));
}

for (const [way, unpack] of ways) {
  test(`a layer is unpacked ${way}, whatever its compression`, { skip }, async () => {
    const forms = { none: tar, gzip, zstd: zstdCompressSync(tar) };
    for (const [compression, bytes] of Object.entries(forms)) {
      using at = new Bench();
      const { partial, tarSplit } = at;
      const layer = await unpack(
        at.job(bytes, { blob: blobOf(bytes), diffId: digestOf(tar), partial, tarSplit }),
      );
      const size = 1 + (3 << 20) + "shared".length + "end".length;
      assert.deepEqual(layer, {
        diffId: digestOf(tar),
        blob: blobOf(bytes),
        compression,
        size,
        tarSize: tar.length,
      });
      assert.deepEqual(readdirSync(at.directory).sort(), ["d", "gone", "last", "linked"]);
      assert.ok(readFileSync(partial).equals(bytes), "the partial file has become the blob");
    }
  });

  test(
    `B140 tar-split written ${way} gives the exact tar again, odd entries included`,
    { skip },
    async () => {
      using at = new Bench();
      await unpack(at.job(gzip, { tarSplit: at.tarSplit }));
      assert.ok((await reassembled(at)).equals(tar));
    },
  );

  test(`bytes after the end of the tar are part of the layer, ${way}`, { skip }, async () => {
    using at = new Bench();
    const long = Buffer.concat([tar, Buffer.alloc(5000), Buffer.from("junk")]);
    const { diffId, tarSize } = await unpack(at.job(gzipSync(long), { tarSplit: at.tarSplit }));
    assert.deepEqual([diffId, tarSize], [digestOf(long), long.length]);
    assert.ok((await reassembled(at)).equals(long));
  });

  test(
    `B117 a flipped byte fails ${way} with the blob's digest, wherever it is, and nothing is resumed from it`,
    { skip },
    async () => {
      for (const place of [20, gzip.length >> 1, gzip.length - 3]) {
        using at = new Bench();
        const bytes = Buffer.from(gzip);
        bytes[place] = (bytes[place] as number) ^ 0x40;
        const failed = unpack(at.job(bytes, { blob: blobOf(gzip), partial: at.partial }));
        const message = `filesystem layer verification failed for digest ${blobOf(gzip).digest}`;
        await assert.rejects(failed, { kind: "corrupt", message });
        assert.equal(existsSync(at.partial), false);
      }
    },
  );

  test(`a blob that ends too early fails ${way} and can be resumed`, { skip }, async () => {
    using at = new Bench();
    const cut = gzip.subarray(0, gzip.length - 1000);
    const job = { blob: blobOf(gzip), partial: at.partial };
    await assert.rejects(unpack(at.job(cut, job)), {
      kind: "corrupt",
      hint: /Only \d+ of \d+ bytes arrived/,
    });
    assert.equal(readFileSync(at.partial).length, cut.length);
    using again = new Bench();
    writeFileSync(again.partial, cut);
    await unpack(again.job(gzip, { blob: blobOf(gzip), partial: again.partial }));
    assert.deepEqual([again.offsets, again.fetched], [[cut.length], 1000]);
  });

  test(`a blob longer than announced is refused at once ${way}`, { skip }, async () => {
    using at = new Bench();
    const blob = { digest: digestOf(gzip), size: 50_000 };
    const failed = unpack(at.job(gzip, { blob, partial: at.partial }));
    await assert.rejects(failed, { kind: "corrupt", message: /is longer than the 50000 bytes announced/ });
    assert.ok(at.fetched < gzip.length, "the rest was not fetched");
  });

  test(`B117 a wrong diff ID fails ${way} on this layer, naming both`, { skip }, async () => {
    using at = new Bench();
    const wrong = digestOf("another");
    await assert.rejects(unpack(at.job(gzip, { diffId: wrong })), (error: Failure) => {
      assert.equal(error.kind, "corrupt");
      assert.ok(error.message.includes(wrong) && error.message.includes(digestOf(tar)));
      return true;
    });
  });

  test(`a bad tar in a right blob is told as what it is ${way}, and is not kept`, { skip }, async () => {
    using at = new Bench();
    const bad = gzipSync(tarOf([file("a"), file("a/b"), file("big", noise(2 << 20))]));
    const failed = unpack(at.job(bad, { blob: blobOf(bad), partial: at.partial }));
    await assert.rejects(failed, { kind: "invalid", message: /"\/a" as a directory/ });
    assert.equal(existsSync(at.partial), false);
  });

  test(`bombs stop at the limit ${way}`, { skip }, async () => {
    using at = new Bench();
    const large = gzipSync(tarOf([file("zeros", Buffer.alloc(9 << 20))]));
    await assert.rejects(unpack(at.job(large)), { kind: "limit", message: /more than 8388608 bytes/ });
    using many = new Bench();
    const entries = gzipSync(tarOf(Array.from({ length: 101 }, (_, i) => file(`f${i}`))));
    await assert.rejects(unpack(many.job(entries)), { kind: "limit", message: /more than 100 entries/ });
  });

  test(`B120 an interrupted unpack goes on ${way} from the last byte`, { skip }, async () => {
    using at = new Bench();
    const broken = new Failure("unavailable", "connection reset");
    async function* breaking(): AsyncGenerator<Uint8Array> {
      yield gzip.subarray(0, 1_000_000);
      throw broken;
    }
    const job = { blob: blobOf(gzip), diffId: digestOf(tar), partial: at.partial };
    const failed = unpack(at.job(gzip, { ...job, open: () => Promise.resolve(breaking()) }));
    await assert.rejects(failed, (error) => error === broken);
    assert.ok(readFileSync(at.partial).equals(gzip.subarray(0, 1_000_000)), "all that came is kept");
    const target = { ...at.job(gzip).target, directory: subdirectory(at.directory, "..again") };
    await unpack(at.job(gzip, { ...job, target }));
    assert.deepEqual([at.offsets, at.fetched], [[1_000_000], gzip.length - 1_000_000]);
    assert.ok(readFileSync(at.partial).equals(gzip));
  });

  test(`B120 a blob that is whole already is not opened again ${way}`, { skip }, async () => {
    using at = new Bench();
    writeFileSync(at.partial, gzip);
    await unpack(at.job(gzip, { blob: blobOf(gzip), partial: at.partial }));
    assert.deepEqual(at.offsets, []);
  });

  test(`a partial file of other bytes, or too long, does no lasting harm ${way}`, { skip }, async () => {
    using at = new Bench();
    const job = { blob: blobOf(gzip), partial: at.partial };
    writeFileSync(at.partial, randomBytes(1000));
    await assert.rejects(unpack(at.job(gzip, job)), {
      kind: "corrupt",
      message: /^filesystem layer verification failed/,
    });
    assert.equal(existsSync(at.partial), false);
    writeFileSync(at.partial, Buffer.concat([gzip, gzip]));
    const target = { ...at.job(gzip).target, directory: subdirectory(at.directory, "..again") };
    await unpack(at.job(gzip, { ...job, target }));
    assert.deepEqual(at.offsets, [1000, 0]);
    assert.ok(readFileSync(at.partial).equals(gzip));
  });

  test(`abort ends an unpack ${way} while the source hangs, and closes the source`, { skip }, async () => {
    using at = new Bench();
    const controller = new AbortController();
    const waiting = Promise.withResolvers<void>();
    async function* hanging(): AsyncGenerator<Uint8Array> {
      yield gzip.subarray(0, 500_000);
      waiting.resolve();
      await new Promise(() => undefined);
    }
    const { signal } = controller;
    const failed = unpack(
      at.job(gzip, { signal, partial: at.partial, open: () => Promise.resolve(hanging()) }),
    );
    await waiting.promise;
    controller.abort();
    await assert.rejects(failed, { kind: "cancelled" });
    assert.ok(readFileSync(at.partial).equals(gzip.subarray(0, 500_000)));
    using next = new Bench();
    assert.equal((await unpack(next.job(gzip))).diffId, digestOf(tar), "and the next job is done");
  });

  test(
    `a source that cannot be opened, and a signal given before, are told as they are ${way}`,
    { skip },
    async () => {
      using at = new Bench();
      const gone = new Failure("not-found", "no such blob");
      await assert.rejects(
        unpack(at.job(gzip, { open: () => Promise.reject(gone) })),
        (error) => error === gone,
      );
      await assert.rejects(unpack(at.job(gzip, { signal: AbortSignal.abort() })), { kind: "cancelled" });
      assert.deepEqual(at.offsets, []);
    },
  );

  test(`B122 progress of an unpack ${way} in Docker's words`, { skip }, async () => {
    using at = new Bench();
    const seen: Progress[] = [];
    await unpack(
      at.job(gzip, { id: "0123456789ab", blob: blobOf(gzip), report: (progress) => seen.push(progress) }),
    );
    const words = seen.map(({ status }) => status).filter((status, i, all) => status !== all[i - 1]);
    assert.deepEqual(words.slice(0, 3), ["Downloading", "Verifying Checksum", "Download complete"]);
    assert.ok(seen.every(({ id }) => id === "0123456789ab"));
    assert.deepEqual(
      seen.findLast(({ status }) => status === "Downloading"),
      {
        id: "0123456789ab",
        status: "Downloading",
        current: gzip.length,
        total: gzip.length,
      },
    );
  });
}

test("both ways give the same directory", { skip }, async () => {
  using a = new Bench();
  using b = new Bench();
  await unpackHere(a.job(gzip), { sync: true });
  await pool.unpack(b.job(gzip));
  assert.deepEqual(compareTrees(a.directory, b.directory, { ignore: ["directory times"] }), []);
});

test("a pool of one does its jobs in order, one at a time; waiting can be cancelled", { skip }, async () => {
  await using single = new UnpackPool({ size: 1, sync: false });
  using benches = new DisposableStack();
  const done: number[] = [];
  const controller = new AbortController();
  const jobs = [0, 1, 2, 3].map(async (i) => {
    const at = benches.use(new Bench());
    const signal = i === 2 ? controller.signal : new AbortController().signal;
    await single.unpack(at.job(gzip, { signal }));
    done.push(i);
  });
  controller.abort();
  const results = await Promise.allSettled(jobs);
  assert.deepEqual(done, [0, 1, 3]);
  assert.deepEqual(
    results.map(({ status }) => status),
    ["fulfilled", "fulfilled", "rejected", "fulfilled"],
  );
});

test("jobs of a pool that is closed are cancelled, also waiting ones", { skip }, async () => {
  const closing = new UnpackPool({ size: 1 } satisfies UnpackOptions & { size: number });
  using a = new Bench();
  using b = new Bench();
  const hanging = (): Promise<ByteSource> => new Promise(() => undefined);
  const jobs = [a.job(gzip, { open: hanging }), b.job(gzip)].map((job) => closing.unpack(job));
  const settled = Promise.allSettled(jobs);
  await new Promise((resolve) => setImmediate(resolve));
  await closing[Symbol.asyncDispose]();
  for (const result of await settled) {
    assert.ok(result.status === "rejected" && (result.reason as Failure).kind === "cancelled");
  }
  await assert.rejects(closing.unpack(a.job(gzip)), { kind: "cancelled" });
});

test("a thread that dies is an internal failure, not a hang", { skip }, async () => {
  using at = new Bench();
  const worker = new LayerWorker(new URL("data:text/javascript,process.exit(3)"));
  const { target } = at.job(gzip);
  const failed = worker.run({ target, offset: 0, limits: {}, sync: false }, at.job(gzip));
  await assert.rejects(failed, {
    kind: "internal",
    message: /thread that unpacks the layer ended: exit code 3/,
  });
  assert.equal(worker.isDead, true);
});

test("a pool without workers is refused", () => {
  for (const size of [0, -1, 1.5, Number.NaN])
    assert.throws(() => new UnpackPool({ size }), { kind: "invalid" });
});
