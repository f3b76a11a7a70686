import assert from "node:assert/strict";
import { test } from "node:test";
import { endless, inChunks } from "../../test/support/bytes_help.ts";
import { isFailure } from "../errors.ts";
import { digestOf } from "../oci/index.ts";
import { collect, digestThrough, fromBytes, verify } from "./index.ts";

const bytes = Buffer.from("some layer");
const isCorrupt = (text: RegExp) => (error: Error) => isFailure(error, "corrupt") && text.test(error.message);

test("digestThrough hashes what passes, with each algorithm", async () => {
  for (const algorithm of ["sha256", "sha512"] as const) {
    const source = digestThrough(inChunks(bytes, 3), { algorithm });
    assert.throws(() => source.digest(), /before the end/);
    assert.deepEqual(Buffer.from(await collect(source, 100)), bytes);
    assert.equal(source.digest(), digestOf(bytes, algorithm));
    assert.equal(source.size, bytes.length);
  }
});

test("digestThrough is not fooled by a consumer that overwrites its chunks", async () => {
  const source = digestThrough(inChunks(bytes, 4));
  for await (const chunk of source) chunk.fill(0);
  assert.equal(source.digest(), digestOf(bytes));
});

test("verify passes bytes that are what was expected", async () => {
  for (const size of [bytes.length, undefined]) {
    const expected = { digest: digestOf(bytes), ...(size === undefined ? {} : { size }) };
    assert.deepEqual(Buffer.from(await collect(verify(inChunks(bytes, 3), expected), 100)), bytes);
  }
});

test("verify refuses one flipped bit anywhere", async () => {
  for (let at = 0; at < bytes.length; at++) {
    const flipped = Buffer.from(bytes);
    flipped[at] = (flipped[at] as number) ^ 1;
    const source = verify(inChunks(flipped, 4), {
      digest: digestOf(bytes),
      size: bytes.length,
      what: "layer",
    });
    await assert.rejects(collect(source, 100), isCorrupt(/^layer verification failed for digest sha256:/));
  }
});

test("verify refuses bytes that end too early", async () => {
  const source = verify(fromBytes(bytes.subarray(1)), { digest: digestOf(bytes), size: bytes.length });
  await assert.rejects(collect(source, 100), isCorrupt(/ended after 9 of 10 bytes$/));
});

test("verify refuses bytes over the size before it passes them on, and closes the source", async () => {
  const source = endless(Buffer.alloc(4));
  let passed = 0;
  const run = async () => {
    for await (const chunk of verify(source, { digest: digestOf(bytes), size: 10 })) passed += chunk.length;
  };
  await assert.rejects(run(), isCorrupt(/longer than the 10 bytes/));
  assert.equal(passed, 8);
  assert.equal(source.closed, true);
});
