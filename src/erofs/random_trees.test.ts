import * as fc from "fast-check";
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ByteString } from "../byte_string.ts";
import type { DirectoryNode, Extent, FileNode, SpecialNode, SymlinkNode, TreeNode } from "../union/index.ts";
import { buildErofs } from "./index.ts";
import { assertMounts, erofsSkip } from "./testing_kernel.test.ts";
import { directory, plain, read, sizes } from "./testing_trees.test.ts";

const bytes = (min: number, max: number): fc.Arbitrary<ByteString> =>
  fc
    .uint8Array({ minLength: 1, maxLength: max })
    .map((array) => Buffer.from(array).toString("latin1").replaceAll("\0", "\x01"))
    .filter(({ length }) => length >= min);

/** Before and after "." and "..", of every length, of every byte. */
const name = fc
  .oneof(
    fc.constantFrom("!x", "-x", ".-", "...", "..a", ".a", "\x01", "\xff", "\x80\xff", " ", "\n", "a", "b"),
    fc.nat(254).map((length) => "n".repeat(length + 1)),
    bytes(1, 255),
  )
  .map((found) => found.replaceAll("/", "\\"))
  .filter((found) => found !== "." && found !== "..");

const attributes = fc.record({
  mode: fc.nat(0o7777),
  uid: fc.oneof(fc.constantFrom(0, 1000, 65_536, 4_294_967_294), fc.nat()),
  gid: fc.oneof(fc.constantFrom(0, 65_535, 4_294_967_294), fc.nat()),
  mtime: fc.oneof(
    fc.constantFrom(0, -1, 2 ** 31, 2 ** 32),
    fc.integer(),
    fc.integer({ min: -(2 ** 33), max: 2 ** 35 }),
  ),
  mtimeNs: fc.nat(999_999_999),
});

/** "user." is for files and directories alone: of others the kernel does not give it out. */
function xattrs(prefixes: readonly string[]): fc.Arbitrary<{ xattrs?: ReadonlyMap<ByteString, Uint8Array> }> {
  const key = fc.tuple(fc.constantFrom(...prefixes), bytes(1, 60)).map((parts) => parts.join(""));
  const entry = fc.tuple(key, fc.uint8Array({ maxLength: 700 }));
  return fc.oneof(
    { weight: 3, arbitrary: fc.constant({}) },
    fc.array(entry, { minLength: 1, maxLength: 4 }).map((entries) => ({ xattrs: new Map(entries) })),
  );
}
const ownXattrs = xattrs(["user.", "trusted.", "security.x"]);
const otherXattrs = xattrs(["trusted.", "security.x"]);

const wholeFile = fc.tuple(fc.nat(20_000), fc.nat(200)).map(([size, block]): Partial<FileNode> => {
  const extents = size === 0 ? [] : [{ at: 0, length: size, source: 0, offset: block * 512 }];
  return { size, extents };
});

/** Extents in units of one byte, half a block, or a block or eight, in file and tar. */
const sparseFile = fc
  .tuple(
    fc.constantFrom(1, 256, 512, 4096),
    fc.constantFrom(1, 256, 512),
    fc.array(fc.tuple(fc.nat(3), fc.integer({ min: 1, max: 3 }), fc.nat(100), fc.nat(1)), { maxLength: 5 }),
    fc.nat(2000),
  )
  .map(([unit, tarUnit, parts, end]): Partial<FileNode> => {
    const extents: Extent[] = [];
    let at = 0;
    for (const [gap, length, offset, source] of parts) {
      extents.push({ at: at + gap * unit, length: length * unit, source, offset: offset * tarUnit });
      at += (gap + length) * unit;
    }
    return { size: at + (end < 1000 ? 0 : end), extents };
  });

const fileNode = fc
  .tuple(attributes, ownXattrs, fc.oneof(wholeFile, sparseFile))
  .map((parts) => Object.assign({ kind: "file" }, ...parts) as FileNode);

const symlinkNode = fc
  .tuple(
    attributes,
    otherXattrs,
    fc.oneof(
      bytes(1, 600),
      fc.integer({ min: 1, max: 4095 }).map((n) => "t".repeat(n)),
    ),
  )
  .map(([own, more, target]) => ({ kind: "symlink", ...own, ...more, mode: 0o777, target }) as SymlinkNode);

const specialNode = fc
  .tuple(
    attributes,
    otherXattrs,
    fc.constantFrom("char", "block", "fifo", "socket"),
    fc.nat(0xfff),
    fc.nat(0xfffff),
  )
  .map(
    ([own, more, kind, rdevMajor, rdevMinor]) =>
      ({ kind, ...own, ...more, rdevMajor, rdevMinor }) as SpecialNode,
  );

const leaf: fc.Arbitrary<TreeNode> = fc.oneof(fileNode, symlinkNode, specialNode);

const crowd = fc
  .tuple(fc.integer({ min: 10, max: 3000 }), fc.integer({ min: 1, max: 200 }))
  .map(([count, spread]): [ByteString, TreeNode][] =>
    Array.from({ length: count }, (_, index) => [
      `${index}`.padEnd((index * 31) % spread, "\xe9"),
      { kind: "fifo", ...plain, rdevMajor: 0, rdevMinor: 0 },
    ]),
  );

const { node } = fc.letrec<{ node: DirectoryNode }>((tie) => ({
  node: fc
    .tuple(
      attributes,
      ownXattrs,
      fc.array(fc.tuple(name, fc.oneof({ depthSize: "small" }, leaf, tie("node"))), { maxLength: 8 }),
      fc.oneof({ weight: 20, arbitrary: fc.constant([]) }, crowd),
    )
    .map(([own, more, few, many]) => directory([...many, ...few], { ...own, ...more })),
}));

/** Some names more for files that are there: numbers choose file and directory. */
const tree = fc.tuple(node, fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 4 })).map(([root, links]) => {
  const files: TreeNode[] = [];
  const directories: Map<ByteString, TreeNode>[] = [];
  const visit = (from: DirectoryNode): void => {
    directories.push(from.entries as Map<ByteString, TreeNode>);
    for (const child of from.entries.values()) {
      if (child.kind === "directory") visit(child);
      else if (child.kind !== "fifo") files.push(child);
    }
  };
  visit(root);
  for (const [index, [which, where]] of links.entries()) {
    const found = files[which % Math.max(1, files.length)];
    if (found !== undefined) directories[where % directories.length]?.set(`link ${index}`, found);
  }
  return root;
});

test("the kernel shows any tree as it is", { skip: erofsSkip }, () => {
  fc.assert(fc.property(tree, assertMounts), { numRuns: 50 });
});

/** The same tree with the entries of every Map the other way round. */
function reversed(root: DirectoryNode, seen = new Map<TreeNode, TreeNode>()): DirectoryNode {
  const entries = [...root.entries].reverse().map(([key, child]): [ByteString, TreeNode] => {
    const same = child.kind === "directory" ? reversed(child, seen) : (seen.get(child) ?? { ...child });
    seen.set(child, same);
    return [key, same];
  });
  const more = root.xattrs === undefined ? {} : { xattrs: new Map([...root.xattrs].reverse()) };
  return { ...root, ...more, entries: new Map(entries) };
}

test("equal trees make equal images, in whatever order they were put together", () => {
  fc.assert(
    fc.property(tree, (root) => {
      assert.ok(buildErofs(root, sizes, read).equals(buildErofs(reversed(root), sizes, read)));
    }),
    { numRuns: 50 },
  );
});
