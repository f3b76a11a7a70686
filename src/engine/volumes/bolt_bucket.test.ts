import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { readBucket } from "./bolt_bucket.ts";

const size = 4096;

function page(flags: number, elements: readonly Buffer[], bodies: readonly Buffer[] = []): Buffer {
  const head = Buffer.alloc(16);
  head.writeUInt16LE(flags, 8);
  head.writeUInt16LE(elements.length, 10);
  return Buffer.concat([head, ...elements, ...bodies]);
}

function leafPage(entries: readonly (readonly [string, Buffer])[], flags = 0): Buffer {
  let at = entries.length * 16;
  const elements = entries.map(([key, value], index) => {
    const element = Buffer.alloc(16);
    element.writeUInt32LE(flags, 0);
    element.writeUInt32LE(at - index * 16, 4);
    element.writeUInt32LE(Buffer.byteLength(key), 8);
    element.writeUInt32LE(value.length, 12);
    at += Buffer.byteLength(key) + value.length;
    return element;
  });
  return page(
    2,
    elements,
    entries.flatMap(([key, value]) => [Buffer.from(key), value]),
  );
}

function branchPage(pages: readonly number[]): Buffer {
  const elements = pages.map((id) => {
    const element = Buffer.alloc(16);
    element.writeBigUInt64LE(BigInt(id), 8);
    return element;
  });
  return page(1, elements);
}

function bucket(root: number, inline: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(16);
  head.writeBigUInt64LE(BigInt(root), 0);
  return Buffer.concat([head, inline]);
}

function meta(root: number, txid: number, sound = true): Buffer {
  const body = Buffer.alloc(64);
  body.writeUInt32LE(0xed0cdaed, 0);
  body.writeUInt32LE(2, 4);
  body.writeUInt32LE(size, 8);
  body.writeBigUInt64LE(BigInt(root), 16);
  body.writeBigUInt64LE(BigInt(txid), 48);
  let hash = 0xcbf29ce484222325n;
  for (const byte of body.subarray(0, 56))
    hash = ((hash ^ BigInt(byte)) * 0x100000001b3n) & 0xffffffffffffffffn;
  body.writeBigUInt64LE(sound ? hash : hash ^ 1n, 56);
  return page(4, [], [body]);
}

function database(...pages: Buffer[]): Buffer {
  return Buffer.concat(pages.map((each) => Buffer.concat([each, Buffer.alloc(size - each.length)])));
}

const text = (entries: Map<string, Buffer> | undefined): object | undefined =>
  entries && Object.fromEntries([...entries].map(([key, value]) => [key, value.toString()]));

const one = leafPage([["a", Buffer.from("1")]]);
const two = leafPage([
  ["b", Buffer.from("22")],
  ["c", Buffer.alloc(0)],
]);

describe("a bucket of a bbolt file", () => {
  test("that lies in its parent", () => {
    const file = database(meta(2, 1), meta(2, 0), leafPage([["volumes", bucket(0, two)]], 1));
    assert.deepEqual(text(readBucket(file, "volumes")), { b: "22", c: "" });
    assert.equal(readBucket(file, "others"), undefined);
  });

  test("that has pages of its own", () => {
    const file = database(
      meta(2, 1),
      meta(2, 0),
      leafPage([["volumes", bucket(3)]], 1),
      branchPage([4, 5]),
      one,
      two,
    );
    assert.deepEqual(text(readBucket(file, "volumes")), { a: "1", b: "22", c: "" });
  });

  test("is that of the newest state that was written whole", () => {
    const states = [leafPage([["v", bucket(0, one)]], 1), leafPage([["v", bucket(0, two)]], 1)];
    const read = (first: Buffer, second: Buffer): object | undefined =>
      text(readBucket(database(first, second, ...states), "v"));
    assert.deepEqual(read(meta(2, 6), meta(3, 7)), { b: "22", c: "" });
    assert.deepEqual(read(meta(2, 6), meta(3, 7, false)), { a: "1" });
    assert.throws(() => read(meta(2, 6, false), meta(3, 7, false)), RangeError);
  });

  for (const [what, file] of [
    ["nothing", Buffer.alloc(0)],
    ["zeros", Buffer.alloc(2 * size)],
    ["a page that leads back to itself", database(meta(2, 1), meta(2, 0), branchPage([2]))],
    ["a page behind the end", database(meta(9, 1), meta(9, 0))],
    ["a page of another kind", database(meta(2, 1), meta(2, 0), page(16, [Buffer.alloc(16)]))],
    [
      "an element behind the end",
      database(meta(2, 1), meta(2, 0), page(2, [Buffer.from("00000000ffffff7fffffff7f00000000", "hex")])),
    ],
  ] as const) {
    test(`is not read from ${what}`, () => assert.throws(() => readBucket(file, "volumes"), RangeError));
  }
});
