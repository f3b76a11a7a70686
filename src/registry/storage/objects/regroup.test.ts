import assert from "node:assert/strict";
import { test } from "node:test";
import { fromBytes, type ByteSource } from "../../../bytes/index.ts";
import { regroup } from "./regroup.ts";

const { signal } = new AbortController();
const pieces = (...sizes: number[]) => fromBytes(...sizes.map((size) => Buffer.alloc(size, "x")));

async function partsOf(source: ByteSource, options: { size: number; least?: number; first?: Uint8Array }) {
  const parts: number[] = [];
  await regroup(source, { ...options, signal }, async ({ length }) => void parts.push(length));
  return parts;
}

test("parts have the size, and the last one is larger rather than too small", async () => {
  assert.deepEqual(await partsOf(pieces(), { size: 10 }), []);
  assert.deepEqual(await partsOf(pieces(3, 3, 3), { size: 10 }), [9]);
  assert.deepEqual(await partsOf(pieces(35), { size: 10 }), [10, 10, 10, 5]);
  assert.deepEqual(await partsOf(pieces(4, 27), { size: 10, least: 5 }), [10, 10, 11]);
  assert.deepEqual(await partsOf(pieces(4, 31), { size: 10, least: 5 }), [10, 10, 10, 5]);
  assert.deepEqual(await partsOf(pieces(4), { size: 10, first: Buffer.alloc(7) }), [10, 1]);
});

test("when the source fails, what came is written; when writing fails, that is thrown", async () => {
  const parts: number[] = [];
  const failing = async function* (): ByteSource {
    yield* pieces(12);
    throw new Error("gone");
  };
  await assert.rejects(
    regroup(failing(), { size: 10, signal }, async ({ length }) => void parts.push(length)),
    /gone/,
  );
  assert.deepEqual(parts, [10, 2]);
  const full = regroup(pieces(50), { size: 10, signal }, () => Promise.reject(new Error("full")));
  await assert.rejects(full, /full/);
});
