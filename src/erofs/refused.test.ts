import assert from "node:assert/strict";
import { test } from "node:test";
import type { FailureKind } from "../errors.ts";
import type { DirectoryNode, Extent, TreeNode } from "../union/index.ts";
import { buildErofs } from "./index.ts";
import { directory, file, plain, read, sizes, stretch, symlink } from "./testing_trees.test.ts";

const TiB = 2 ** 40;

function at(at: number, length: number, offset: number, source = 0): Extent {
  return { at, length, source, offset };
}

function named(name: string): DirectoryNode {
  return directory([["d", directory([[name, stretch(0, 0)]])]]);
}

function one(node: TreeNode): DirectoryNode {
  return directory([["f", node]]);
}

function attributed(key: string, size: number, count = 1): DirectoryNode {
  const keys = Array.from({ length: count }, (_, index) => (count === 1 ? key : `${key}${index}`));
  return one(stretch(0, 0, { xattrs: new Map(keys.map((each) => [each, Buffer.alloc(size)])) }));
}

function device(rdevMajor: number, rdevMinor: number): DirectoryNode {
  return one({ kind: "char", ...plain, rdevMajor, rdevMinor });
}

const twice = directory([]);
/** Holes at every second block: no larger chunk fits, and a larger one copies everything. */
const comb = Array.from({ length: 400 }, (_, index) => at(index * 2 ** 33 + 512, 512, 512));

const cases: readonly (readonly [
  kind: FailureKind,
  message: string,
  root: DirectoryNode,
  sources?: readonly number[],
])[] = [
  ["invalid", 'no file can have the name "a/b" in directory "/d"', named("a/b")],
  ["invalid", 'no file can have the name "." in directory "/d"', named(".")],
  ["invalid", 'no file can have the name ".." in directory "/d"', named("..")],
  ["invalid", 'no file can have the name "" in directory "/d"', named("")],
  ["invalid", 'no file can have the name "a\\u0000" in directory "/d"', named("a\0")],
  ["limit", 'no file can have the name of 256 bytes in directory "/d"', named("n".repeat(256))],
  [
    "invalid",
    'directory "/a" has a second name, "/b"',
    directory([
      ["a", twice],
      ["b", twice],
    ]),
  ],
  ["invalid", 'file "/f" cannot have mode 4096', one(stretch(0, 0, { mode: 0o10000 }))],
  ["invalid", 'file "/f" cannot have uid 4294967295', one(stretch(0, 0, { uid: 0xffff_ffff }))],
  ["invalid", 'file "/f" cannot have gid -1', one(stretch(0, 0, { gid: -1 }))],
  ["invalid", 'file "/f" cannot have mtime 0.5', one(stretch(0, 0, { mtime: 0.5 }))],
  ["invalid", 'file "/f" cannot have mtime of 1000000000 ns', one(stretch(0, 0, { mtimeNs: 1e9 }))],
  ["invalid", 'file "/f" cannot have size -1', one(file(-1, []))],
  ["invalid", 'directory "/" cannot have uid NaN', directory([], { uid: NaN })],
  ["invalid", 'symlink "/f" cannot have target of 0 bytes', one(symlink(""))],
  ["invalid", 'symlink "/f" cannot have target of 4096 bytes', one(symlink("x".repeat(4096)))],
  ["invalid", 'symlink "/f" cannot have target of 3 bytes', one(symlink("a\0b"))],
  ["invalid", 'char "/f" cannot have major device number 4096', device(4096, 0)],
  ["invalid", 'char "/f" cannot have minor device number 1048576', device(0, 2 ** 20)],
  ["invalid", 'xattr "user." of "/f" has no possible name', attributed("user.", 1)],
  ["invalid", 'xattr "user.\\u0000" of "/f" has no possible name', attributed("user.\0", 1)],
  [
    "limit",
    `xattr "user.${"x".repeat(251)}" of "/f" has a name of 256 bytes, but Linux takes 255`,
    attributed(`user.${"x".repeat(251)}`, 1),
  ],
  ["limit", 'xattr "user.x" of "/f" has 65536 bytes, but EROFS holds 65535', attributed("user.x", 65_536)],
  ["limit", 'xattrs of "/f" take 262572 bytes, but EROFS holds 262148', attributed("user.x", 20_190, 13)],
  [
    "invalid",
    '5 bytes at 4 of file "/f" are out of order: what came before ends at 5',
    one(file(99, [at(0, 5, 0), at(4, 5, 0)])),
  ],
  [
    "invalid",
    '0 bytes at 4 of file "/f" are out of order: what came before ends at 0',
    one(file(9, [at(4, 0, 0)])),
  ],
  ["invalid", '5 bytes at 4 of file "/f" lie beyond its size, 8', one(file(8, [at(4, 5, 0)]))],
  ["invalid", '8 bytes at 0 of file "/f" are in tar 2 of 2', one(file(8, [at(0, 8, 0, 2)]))],
  [
    "invalid",
    '1000 bytes at 0 of file "/f" are at 65536 of tar 1, which has only 65636 bytes',
    one(file(1000, [at(0, 1000, 65_536, 1)])),
  ],
  [
    "limit",
    "EROFS holds 4294967295 blocks of 512 bytes, but the tars need 4294967299",
    directory([]),
    [TiB, TiB],
  ],
  ["limit", "EROFS cannot hold 20000 tars", directory([]), Array.from({ length: 20_000 }, () => 512)],
  [
    "limit",
    'contents that are not aligned in their tars take more than 67108864 bytes, at "/f"',
    one(file(2 ** 26 + 1, [at(0, 2 ** 26 + 1, 1)])),
    [TiB],
  ],
  [
    "limit",
    'contents that are not aligned in their tars take more than 67108864 bytes, at "/f"',
    one(file(400 * 2 ** 33, comb)),
  ],
  [
    "limit",
    'maps of sparse files take more than 134217728 bytes, at "/23"',
    directory(Array.from({ length: 99 }, (_, index) => [`${index}`, file(2 ** 29, [at(512, 512, 0)])])),
  ],
];

for (const [kind, message, root, sources = sizes] of cases) {
  test(`refused: ${message.slice(0, 120)}`, () => {
    assert.throws(() => buildErofs(root, sources, read), { kind, message });
  });
}

test("contents that must be copied need somebody who reads them, and all of them", () => {
  const root = one(file(100, [at(0, 100, 1)]));
  assert.throws(() => buildErofs(root, sizes), {
    kind: "unsupported",
    message: 'contents of "/f" cannot be used where they lie in their tar, and there is nobody to copy them',
  });
  assert.throws(() => buildErofs(root, sizes, () => Buffer.alloc(99)), {
    kind: "corrupt",
    message: '"/f" cannot be copied: got 99 of 100 bytes at 1 of tar 0',
  });
});

test("what is for the caller is zero", () => {
  assert.ok(
    buildErofs(directory([]), [])
      .subarray(0, 1024)
      .every((byte) => byte === 0),
  );
});

test("xattrs of namespaces that EROFS does not know are left out", () => {
  const root = (xattrs?: ReadonlyMap<string, Uint8Array>): DirectoryNode =>
    one(stretch(0, 0, xattrs === undefined ? {} : { xattrs }));
  const value = Buffer.from("v");
  const unknown = new Map([
    ["system.nfs4_acl", value],
    ["btrfs.compression", value],
  ]);
  assert.deepEqual(buildErofs(root(unknown), []), buildErofs(root(), []));
});
