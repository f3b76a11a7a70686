import assert from "node:assert/strict";
import * as fs from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { scratch, unlessLinux } from "../../test/suites/scratch.ts";
import { type DirectoryNode, type FileNode, ReadView, TreeBranch, type TreeNode } from "./index.ts";

const plain = { mode: 0o644, uid: 1, gid: 2, mtime: -5, mtimeNs: 7 };
const file = (size: number, extents: FileNode["extents"] = []): FileNode => ({
  kind: "file",
  ...plain,
  size,
  extents,
});
const directory = (entries: Readonly<Record<string, TreeNode>>): DirectoryNode => ({
  kind: "directory",
  ...plain,
  mode: 0o755,
  entries: new Map(Object.entries(entries)),
});

/** A sparse file: 10 zeros, `0123` of one tar, 6 zeros, `abcd` of the other, 6 zeros. */
const sparse = file(30, [
  { at: 10, length: 4, source: 0, offset: 2 },
  { at: 20, length: 4, source: 1, offset: 0 },
]);
const content = `${"\0".repeat(10)}0123${"\0".repeat(6)}abcd${"\0".repeat(6)}`;
const xattrs = new Map([["user.a", Buffer.from([0, 255])]]);
const root = directory({
  d: directory({ sparse, same: sparse, empty: file(0) }),
  l: { kind: "symlink", ...plain, mode: 0o777, target: "d/\xff" },
  n: { kind: "char", ...plain, rdevMajor: 5, rdevMinor: 1 },
  p: { kind: "fifo", ...plain, rdevMajor: 9, rdevMinor: 9 },
  x: { ...file(0), xattrs },
  "\xff": file(1, [{ at: 0, length: 1, source: 0, offset: 3 }]),
});

/** The branch over two small tars. */
function withBranch(act: (branch: TreeBranch, tars: readonly [string, string]) => void): void {
  using at = scratch("tree-branch");
  const tars = [join(at.path, "0.tar"), join(at.path, "1.tar")] as const;
  fs.writeFileSync(tars[0], "--0123--");
  fs.writeFileSync(tars[1], "abcd");
  using branch = new TreeBranch(root, tars);
  act(branch, tars);
}

test("every node tells its kind, its attributes and its size", () => {
  withBranch((branch) => {
    const rdev = { rdevMajor: 0, rdevMinor: 0 };
    const stat = (path: string): object => {
      const { ino, nlink, ...rest } = branch.stat(path) ?? assert.fail(path);
      assert.ok(typeof ino === "number" && nlink > 0);
      return rest;
    };
    assert.deepEqual(stat(""), { kind: "directory", ...plain, mode: 0o755, size: 0, ...rdev });
    assert.deepEqual(stat("d/sparse"), { kind: "file", ...plain, size: 30, ...rdev });
    assert.deepEqual(stat("l"), { kind: "symlink", ...plain, mode: 0o777, size: 3, ...rdev });
    assert.deepEqual(stat("n"), { kind: "char", ...plain, size: 0, rdevMajor: 5, rdevMinor: 1 });
    assert.deepEqual(stat("p"), { kind: "fifo", ...plain, size: 0, ...rdev });
    assert.deepEqual(
      [branch.readLink("l"), branch.xattrs("x"), branch.xattrs("d").size],
      ["d/\xff", xattrs, 0],
    );
    assert.deepEqual(branch.list("d"), [
      { name: "sparse", kind: "file" },
      { name: "same", kind: "file" },
      { name: "empty", kind: "file" },
    ]);
  });
});

test("names of one file have one number and count each other; all others have their own", () => {
  withBranch((branch) => {
    const paths = ["", "d", "d/sparse", "d/empty", "l", "n", "p", "x", "\xff"];
    assert.equal(new Set(paths.map((path) => branch.stat(path)?.ino)).size, paths.length);
    assert.equal(branch.stat("d/same")?.ino, branch.stat("d/sparse")?.ino);
    assert.deepEqual([branch.stat("d/same")?.nlink, branch.stat("d/empty")?.nlink], [2, 1]);
  });
});

test("any part of a file is read from its tars, with zeros between", () => {
  withBranch((branch) => {
    for (let from = 0; from <= 31; from++)
      for (let length = 0; length <= 32; length++) {
        const read = Buffer.from(branch.read("d/sparse", from, length)).toString("latin1");
        assert.equal(read, content.slice(from, from + length), `${length} from ${from}`);
      }
    assert.equal(Buffer.from(branch.read("\xff", 0, Infinity)).toString(), "1");
    assert.equal(branch.read("d/empty", 0, Infinity).length, 0);
  });
});

test("no symlink is followed, and what is not there, or of another kind, is told by code", () => {
  withBranch((branch) => {
    for (const path of ["none", "l/x", "x/y", "d/sparse/z", "d/", "."])
      assert.equal(branch.stat(path), undefined);
    assert.throws(() => branch.list("none"), { code: "ENOENT" });
    assert.throws(() => branch.list("x"), { code: "ENOTDIR" });
    assert.throws(() => branch.read("d", 0, 1), { code: "EINVAL" });
    assert.throws(() => branch.read("none", 0, 1), { code: "ENOENT" });
    assert.throws(() => branch.readLink("x"), { code: "EINVAL" });
    assert.throws(() => branch.xattrs("l/x"), { code: "ENOENT" });
  });
});

test("a tar that ends too early is damage, not zeros", () => {
  withBranch((branch, [first]) => {
    fs.truncateSync(first, 4);
    assert.equal(Buffer.from(branch.read("d/sparse", 8, 4)).toString("latin1"), "\0\x0001");
    assert.throws(() => branch.read("d/sparse", 8, 5), {
      kind: "corrupt",
      message: /0\.tar ends before it should/,
    });
  });
});

test("tars are opened when they are first read, once, and closed in the end", { skip: unlessLinux }, () => {
  using at = scratch("tree-branch");
  const tar = join(at.path, "tar");
  const isOpen = (): number =>
    fs.readdirSync("/proc/self/fd").filter((fd) => {
      try {
        return fs.readlinkSync(`/proc/self/fd/${fd}`) === tar;
      } catch {
        return false;
      }
    }).length;
  const branch = new TreeBranch(directory({ f: file(1, [{ at: 0, length: 1, source: 0, offset: 0 }]) }), [
    tar,
  ]);
  assert.equal(branch.stat("f")?.size, 1);
  assert.throws(() => branch.read("f", 0, 1), { code: "ENOENT" });
  fs.writeFileSync(tar, "x");
  for (let time = 0; time < 3; time++) assert.equal(Buffer.from(branch.read("f", 0, 9)).toString(), "x");
  assert.equal(isOpen(), 1);
  branch[Symbol.dispose]();
  assert.equal(isOpen(), 0);
});

test("a view over it alone shows it as it is: a device 0/0 and names of AUFS mean themselves", () => {
  const odd = directory({
    ".wh.x": file(0),
    x: file(0),
    w: { kind: "char", ...plain, rdevMajor: 0, rdevMinor: 0 },
    o: { ...directory({ f: file(0) }), xattrs: new Map([["trusted.overlay.opaque", Buffer.from("y")]]) },
  });
  using branch = new TreeBranch(odd, []);
  for (const dialect of ["aufs", "overlay2"] as const) {
    const view = new ReadView({ dialect, lowers: [branch, new TreeBranch(directory({ y: file(0) }), [])] });
    assert.deepEqual(
      [...view.walk()].map(({ path }) => path),
      [".wh.x", "o", "o/f", "w", "x", "y"],
    );
  }
});
