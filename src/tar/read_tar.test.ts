import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { arbitraryFiles } from "../../test/support/arbitrary_tar.ts";
import { endless, failing, inChunks } from "../../test/support/bytes_help.ts";
import {
  parseTar,
  paxEntry,
  rawEntry,
  tarFile,
  tarOf,
  type PackedFile,
} from "../../test/support/tar_help.ts";
import { collect } from "../bytes/index.ts";
import { isFailure } from "../errors.ts";
import { packTar, readTar, type ReadEntry } from "./index.ts";

async function readAll(source: AsyncIterable<ReadEntry>): Promise<PackedFile[]> {
  const files: PackedFile[] = [];
  for await (const { entry, body } of source) {
    files.push({ entry, body: Buffer.from(await collect(body, 1 << 26)) });
  }
  return files;
}

test("what packTar packs is what TarWriter writes, and readTar reads it", async () => {
  await fc.assert(
    fc.asyncProperty(arbitraryFiles, fc.integer({ min: 1, max: 3000 }), async (files, size) => {
      const packed = files.map(({ entry, body }, i) => ({
        entry,
        body: i % 2 === 0 ? body : inChunks(body, size),
      }));
      const options = { nanoseconds: true, chunkSize: size };
      const bytes = Buffer.concat(await Array.fromAsync(packTar(packed, options)));
      assert.ok(bytes.equals(tarOf(files, { nanoseconds: true })));
      assert.deepEqual(await readAll(readTar(inChunks(bytes, size))), files);
    }),
    { numRuns: 60 },
  );
});

test("bodies that are not read, or only begun, are skipped", async () => {
  const files = ["a", "b", "c", "d"].map((path) => tarFile({ path }, path.repeat(5000)));
  const seen: string[] = [];
  for await (const { entry, body } of readTar(inChunks(tarOf(files), 700))) {
    if (entry.path === "b") for await (const chunk of body) if (chunk.length > 0) break;
    if (entry.path === "c") assert.equal((await collect(body, 5000)).length, 5000);
    seen.push(entry.path);
  }
  assert.deepEqual(seen, ["a", "b", "c", "d"]);
});

test("a body that is left behind is at its end", async () => {
  const files = ["a", "b"].map((path) => tarFile({ path }, path.repeat(5000)));
  const bodies: AsyncIterable<Uint8Array>[] = [];
  for await (const { body } of readTar(inChunks(tarOf(files), 700))) bodies.push(body);
  for (const body of bodies) assert.deepEqual(await Array.fromAsync(body), []);
});

test("a sparse file is read with its holes", async () => {
  const map = "2\n3\n2\n150000\n1\n".padEnd(512, "\0");
  const sparse = paxEntry([
    ["GNU.sparse.major", "1"],
    ["GNU.sparse.minor", "0"],
    ["GNU.sparse.realsize", "200000"],
  ]);
  const bytes = Buffer.concat([sparse, rawEntry({}, `${map}xyz`), Buffer.alloc(1024)]);
  const [expected] = parseTar(bytes);
  assert.equal(expected?.body.indexOf("z"), 150_000);
  for (const size of [100, 4096]) assert.deepEqual(await readAll(readTar(inChunks(bytes, size))), [expected]);
});

test("entries before a fault are seen, then the fault", async () => {
  const bytes = Buffer.concat([rawEntry({ name: "good" }, "a"), rawEntry({ name: "bad", wrongBy: 1 })]);
  const seen: string[] = [];
  const run = async () => {
    for await (const { entry } of readTar(inChunks(bytes, 1 << 20))) seen.push(entry.path);
  };
  await assert.rejects(run(), (error) => isFailure(error, "corrupt"));
  assert.deepEqual(seen, ["good"]);
});

test("a cut inside a body fails where the body is read", async () => {
  const bytes = rawEntry({}, "a".repeat(1000)).subarray(0, 1000);
  await assert.rejects(
    readAll(readTar(inChunks(bytes, 100))),
    /^Failure: unexpected end of tar after 1000 bytes/,
  );
});

test("early return and failures close the source", async () => {
  const source = endless(tarOf([tarFile({ path: "a" }, "a")]).subarray(0, 1024));
  for await (const { entry } of readTar(source)) if (entry.path === "a") break;
  assert.equal(source.closed, true);
  const bad = endless(Buffer.alloc(600, "x"));
  await assert.rejects(readAll(readTar(bad)), (error) => isFailure(error, "corrupt"));
  assert.equal(bad.closed, true);
  const error = new Error("connection lost");
  await assert.rejects(readAll(readTar(failing(error, rawEntry({}, "a")))), error);
});

test("packTar refuses bodies of another length than the entry says, and closes them", async () => {
  const { entry } = tarFile({ path: "a", size: 10 });
  await assert.rejects(
    Array.fromAsync(packTar([{ entry, body: Buffer.alloc(9) }])),
    /1 bytes of content are missing/,
  );
  const body = endless(Buffer.alloc(3));
  await assert.rejects(Array.fromAsync(packTar([{ entry, body }])), /3 bytes at 9 are over its size/);
  assert.equal(body.closed, true);
});

test("packTar asks for the next entry only when the one before is written", async () => {
  let asked = 0;
  function* entries() {
    for (;;) {
      asked++;
      yield tarFile({ path: `${asked}` }, "x".repeat(3000));
    }
  }
  for await (const chunk of packTar(entries(), { chunkSize: 1000 })) if (chunk.length > 0) break;
  assert.equal(asked, 1);
});
