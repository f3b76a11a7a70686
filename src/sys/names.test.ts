import assert from "node:assert/strict";
import { lstatSync, mkdirSync, openSync, closeSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { scratch, unlessLinux, unlessRoot } from "../../test/suites/scratch.ts";
import * as sys from "./index.ts";

test("directories, symlinks, hard links: made, read, renamed, removed", { skip: unlessLinux }, () => {
  using dir = scratch("sys");
  const at = openSync(dir.path, "r");
  sys.mkdirAt(at, "d", 0o700);
  sys.symlinkAt("some\xfftarget", at, "s");
  assert.equal(sys.readlinkAt(at, "s"), "some\xfftarget");
  writeFileSync(join(dir.path, "f"), "x");
  const sub = openSync(join(dir.path, "d"), "r");
  sys.linkAt(at, "f", sub, "g");
  assert.equal(sys.statAt(sub, "g").nlink, 2);
  assert.equal(sys.statAt(sub, "g").ino, sys.statAt(at, "f").ino);
  sys.linkAt(at, "s", at, "s2");
  assert.equal(sys.readlinkAt(at, "s2"), "some\xfftarget", "a symlink is linked itself");
  sys.renameAt(sub, "g", at, "h");
  sys.unlinkAt(at, "d", sys.AT_REMOVEDIR);
  assert.deepEqual(
    sys
      .readDir(at)
      .map((entry) => `${entry.type} ${entry.name}`)
      .sort(),
    ["file f", "file h", "symlink s", "symlink s2"],
  );
  assert.throws(() => sys.readlinkAt(at, "f"), { code: "EINVAL" });
  closeSync(at);
  closeSync(sub);
});

test("renameAt can refuse to replace, and exchange", { skip: unlessLinux }, () => {
  using dir = scratch("sys");
  const at = openSync(dir.path, "r");
  writeFileSync(join(dir.path, "a"), "A");
  writeFileSync(join(dir.path, "b"), "B");
  assert.throws(() => sys.renameAt(at, "a", at, "b", sys.RENAME_NOREPLACE), {
    code: "EEXIST",
    kind: "conflict",
  });
  sys.renameAt(at, "a", at, "b", sys.RENAME_EXCHANGE);
  assert.equal(readFileSync(join(dir.path, "a"), "latin1"), "B");
  assert.equal(readFileSync(join(dir.path, "b"), "latin1"), "A");
  closeSync(at);
});

test("mknodAt makes devices with large numbers, FIFOs and whiteouts", { skip: unlessRoot }, () => {
  using dir = scratch("sys");
  const at = openSync(dir.path, "r");
  sys.mknodAt(at, "whiteout", sys.S_IFCHR, 0, 0);
  sys.mknodAt(at, "block", sys.S_IFBLK | 0o600, 259, 70_000);
  sys.mknodAt(at, "fifo", sys.S_IFIFO | 0o644);
  const whiteout = sys.statAt(at, "whiteout");
  assert.deepEqual([whiteout.mode, whiteout.rdevMajor, whiteout.rdevMinor], [sys.S_IFCHR, 0, 0]);
  const block = sys.statAt(at, "block");
  assert.deepEqual([block.mode, block.rdevMajor, block.rdevMinor], [sys.S_IFBLK | 0o600, 259, 70_000]);
  assert.equal(sys.statAt(at, "fifo").mode, sys.S_IFIFO | 0o644);
  closeSync(at);
});

test(
  "readDir gives every entry of a large directory once, with its type, each time it is asked",
  { skip: unlessLinux },
  () => {
    using dir = scratch("sys");
    const expected = new Set<string>();
    for (let i = 0; i < 3000; i++) {
      const name = `entry-with-a-name-of-some-length-${i}`;
      expected.add(name);
      sys.mknodAt(sys.AT_FDCWD, join(dir.path, name), sys.S_IFIFO | 0o600);
    }
    mkdirSync(join(dir.path, "sub"));
    const at = openSync(dir.path, "r");
    for (const pass of [1, 2]) {
      const entries = sys.readDir(at);
      assert.equal(entries.length, 3001, `pass ${pass}`);
      assert.deepEqual(new Set(entries.filter((e) => e.type === "fifo").map((e) => e.name)), expected);
      assert.deepEqual(
        entries.filter((e) => e.type === "directory").map((e) => e.name),
        ["sub"],
      );
    }
    closeSync(at);
    assert.equal(lstatSync(dir.path).nlink, 3);
  },
);
