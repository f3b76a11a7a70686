/** Sizes about the bounds of blocks, where the form of an inode changes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ByteString } from "../byte_string.ts";
import * as sys from "../sys/index.ts";
import type { TreeNode } from "../union/index.ts";
import { buildErofs } from "./index.ts";
import { assertMounts, erofsSkip, mountImage } from "./testing_kernel.test.ts";
import { directory, plain, sizes, stretch, symlink } from "./testing_trees.test.ts";

const fifo: TreeNode = { kind: "fifo", ...plain, rdevMajor: 0, rdevMinor: 0 };

test("symlinks of every length", { skip: erofsSkip }, () => {
  const entries: [string, TreeNode][] = [];
  for (let length = 1; length <= 4095; length++) {
    const xattrs = new Map([["trusted.t", Buffer.alloc(length % 97)]]);
    entries.push([`${length}`, symlink("x".repeat(length), length % 3 === 0 ? xattrs : undefined)]);
  }
  assertMounts(directory(entries));
});

test("directories of every size about one and two blocks", { skip: erofsSkip }, () => {
  const entries: [ByteString, TreeNode][] = [];
  for (let count = 0; count < 80; count++) {
    for (const length of [2, 13, 61, 244, 255]) {
      const names = Array.from({ length: count }, (_, index) => `${index}`.padEnd(length, "y"));
      entries.push([`${count}x${length}`, directory(names.map((name) => [name, fifo]))]);
    }
  }
  // One entry after the other makes every possible size of a last block.
  for (let length = 1; length <= 255; length++) {
    for (const more of [[], ["a".repeat(200)]]) {
      const names = ["b".repeat(length), ...more];
      entries.push([`one of ${length} and ${more.length}`, directory(names.map((name) => [name, fifo]))]);
    }
  }
  assertMounts(directory(entries));
});

test("xattrs of every size beside an inline tail, up to the most that fits", { skip: erofsSkip }, () => {
  const entries: [ByteString, TreeNode][] = [];
  const value = (size: number): Map<ByteString, Uint8Array> =>
    new Map([["trusted.long", Buffer.alloc(size, 7)]]);
  for (let size = 0; size < 600; size++) {
    entries.push([`d${size}`, directory([["f", fifo]], { xattrs: value(size) })]);
    entries.push([`f${size}`, stretch(512, 600, { xattrs: value(size) })]);
  }
  const many = Array.from({ length: 3 }, (_, index) => [`user.${index}`, Buffer.alloc(0xffff, 1)] as const);
  entries.push(["all", stretch(512, 9, { xattrs: new Map([...many, ["user.x", Buffer.alloc(0xfdc0)]]) })]);
  assertMounts(directory(entries, { xattrs: value(3000) }));
});

test("100,000 entries in one directory", { skip: erofsSkip }, () => {
  const name = (index: number): string => `${((index * 7919) % 100_003).toString(36)}-${index}`;
  const names = Array.from({ length: 100_000 }, (_, index) => name(index));
  assertMounts(directory([["d", directory(names.map((each) => [each, { ...fifo }]))]]));
});

test("more than 65,535 names of one file, and as many directories in one", { skip: erofsSkip }, () => {
  const many = Array.from({ length: 66_000 }, (_, index) => `${index}`);
  const entries: [ByteString, TreeNode][] = many.map((name) => [name, directory([])]);
  const root = directory([
    ["f", directory(many.map((name) => [name, fifo]))],
    ["d", directory(entries)],
  ]);
  using mounted = mountImage(buildErofs(root, []), []);
  assert.equal(sys.statAt(sys.AT_FDCWD, `${mounted.path}/f/65999`).nlink, 66_000);
  assert.equal(sys.statAt(sys.AT_FDCWD, `${mounted.path}/d`).nlink, 66_002);
});

test("deep paths: the writer has no stack to overflow", { skip: erofsSkip }, () => {
  let node = directory([["end", stretch(512, 77)]]);
  for (let depth = 0; depth < 400; depth++) node = directory([["d", node]]);
  assertMounts(node);
  for (let depth = 0; depth < 50_000; depth++) node = directory([["d", node]]);
  assert.ok(buildErofs(node, sizes).length > 50_000 * 64);
});
