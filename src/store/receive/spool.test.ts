import assert from "node:assert/strict";
import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import * as fc from "fast-check";
import { noise } from "../../../test/fixtures/sample_image.ts";
import { scratch, unlessLinux } from "../../../test/suites/scratch.ts";
import { collect, fromBytes, type ByteSource } from "../../bytes/index.ts";
import { Spool } from "./spool.ts";

const never = new AbortController().signal;
const all = async (source: ByteSource) => Buffer.from(await collect(source, 1 << 30));

test("the reader gets the earlier bytes and then the new ones, the file has them all", async () => {
  using root = scratch("spool");
  const path = join(root.path, "partial");
  const bytes = noise(300_000);
  await fc.assert(
    fc.asyncProperty(
      fc.nat(300_000),
      fc.array(fc.integer({ min: 1, max: 90_000 }), { maxLength: 8 }),
      async (kept, lengths) => {
        writeFileSync(path, bytes.subarray(0, kept));
        await using spool = new Spool(path);
        assert.equal(spool.size, kept);
        const reading = all(spool.read(never));
        async function* rest(): AsyncGenerator<Uint8Array> {
          let at = kept;
          for (const length of lengths) {
            yield Uint8Array.from(bytes.subarray(at, at + length));
            at += length;
          }
          yield Uint8Array.from(bytes.subarray(at));
        }
        await spool.fill(rest());
        assert.ok((await reading).equals(bytes));
        assert.ok(readFileSync(path).equals(bytes));
      },
    ),
    { numRuns: 30 },
  );
});

test("B120: the writer does not wait for a reader that is slow or not there", async () => {
  using root = scratch("spool");
  await using spool = new Spool(join(root.path, "partial"));
  const bytes = noise(9 << 20);
  const chunks = Array.from({ length: 9 }, (_, i) => bytes.subarray(i << 20, (i + 1) << 20));
  await spool.fill(fromBytes(...chunks));
  assert.equal(spool.size, bytes.length);
  assert.ok((await all(spool.read(never))).equals(bytes));
});

test("what came before the source failed is in the file; the reader gets it and then the failure", async () => {
  using root = scratch("spool");
  const path = join(root.path, "partial");
  await using spool = new Spool(path);
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield Buffer.from("some");
    yield Buffer.from("thing");
    throw new Error("gone");
  }
  const got: string[] = [];
  const reading = (async () => {
    for await (const chunk of spool.read(never)) got.push(Buffer.from(chunk).toString());
  })();
  const ended = assert.rejects(reading, { message: "gone" });
  await assert.rejects(spool.fill(broken()), { message: "gone" });
  await ended;
  assert.equal(got.join(""), "something");
  assert.equal(readFileSync(path, "utf8"), "something");
});

test("a reader elsewhere is told how far the file is, and how it ended", async () => {
  using root = scratch("spool");
  const path = join(root.path, "partial");
  writeFileSync(path, "before");
  const used: number[] = [];
  await using spool = new Spool(path, (bytes) => used.push(bytes));
  const failing = spool.sizes(never);
  assert.equal((await failing.next()).value, 6);
  const sizes: number[] = [];
  const following = (async () => {
    for await (const size of spool.sizes(never)) sizes.push(size);
  })();
  await spool.fill(fromBytes(Buffer.from("now"), Buffer.from("and then")));
  await following;
  assert.equal(sizes.at(-1), 17);
  assert.deepEqual(
    sizes,
    sizes.toSorted((a, b) => a - b),
  );
  assert.equal(readFileSync(path, "utf8"), "beforenowand then");
  spool.used(17);
  assert.deepEqual(used, [17]);
});

test("an abort ends a reader that waits", async () => {
  using root = scratch("spool");
  await using spool = new Spool(join(root.path, "partial"));
  const abort = new AbortController();
  const reading = assert.rejects(all(spool.read(abort.signal)), { kind: "cancelled" });
  abort.abort();
  await reading;
});

test("a file that cannot be written is a failure of both sides", { skip: unlessLinux }, async () => {
  await using spool = new Spool("/dev/full");
  const reading = assert.rejects(all(spool.read(never)), { code: "ENOSPC" });
  await assert.rejects(spool.fill(fromBytes(Buffer.from("x"))), { code: "ENOSPC" });
  await reading;
});

test("a file that somebody cuts is noticed, not read as if it had ended", async () => {
  using root = scratch("spool");
  const path = join(root.path, "partial");
  writeFileSync(path, "0123456789");
  await using spool = new Spool(path);
  truncateSync(path, 0);
  await assert.rejects(all(spool.read(never)), { message: /was cut at 0 bytes/ });
});

test("restart begins again from nothing", async () => {
  using root = scratch("spool");
  const path = join(root.path, "partial");
  writeFileSync(path, "damaged");
  await using spool = new Spool(path);
  await spool.fill(fromBytes(Buffer.from("!")));
  spool.restart();
  assert.equal(spool.size, 0);
  const reading = all(spool.read(never));
  await spool.fill(fromBytes(Buffer.from("fresh")));
  assert.equal((await reading).toString(), "fresh");
  assert.equal(readFileSync(path, "utf8"), "fresh");
});
