import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { endless, inChunks } from "../../test/support/bytes_help.ts";
import { isFailure } from "../errors.ts";
import { collect, concat, count, fromBytes, limit } from "./index.ts";

test("collect gives all bytes, however they were cut", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 200 }),
      fc.integer({ min: 1, max: 50 }),
      async (bytes, size) => {
        assert.deepEqual(new Uint8Array(await collect(inChunks(bytes, size), 200)), bytes);
      },
    ),
  );
});

test("collect and limit stop at the first byte too many, and close the source", async () => {
  const source = endless(Buffer.alloc(10));
  await assert.rejects(
    collect(source, 25, "manifest"),
    (error: Error) => isFailure(error, "limit") && error.message === "manifest is over the limit of 25 bytes",
  );
  assert.equal(source.pulled, 3);
  assert.equal(source.closed, true);
  assert.equal((await Array.fromAsync(limit(fromBytes(Buffer.alloc(25)), 25))).length, 1);
});

test("concat gives one source after the other", async () => {
  const both = concat([
    fromBytes(Buffer.from("ab")),
    fromBytes(),
    fromBytes(Buffer.from("c"), Buffer.from("d")),
  ]);
  assert.equal(Buffer.from(await collect(both, 10)).toString(), "abcd");
});

test("count tells the sum after each chunk", async () => {
  const seen: number[] = [];
  await collect(
    count(inChunks(Buffer.alloc(25), 10), (bytes) => seen.push(bytes)),
    100,
  );
  assert.deepEqual(seen, [10, 20, 25]);
});
