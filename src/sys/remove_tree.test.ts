import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { scratch, unlessLinux } from "../../test/suites/scratch.ts";
import * as sys from "./index.ts";

const skip = unlessLinux;

test("removeTree removes all kinds, follows no symlink", { skip }, () => {
  using dir = scratch("rm");
  const tree = join(dir.path, "tree");
  mkdirSync(join(tree, "a/b"), { recursive: true });
  mkdirSync(join(dir.path, "outside"));
  writeFileSync(join(dir.path, "outside/keep"), "");
  writeFileSync(join(tree, "a/b/f"), "");
  sys.mknodAt(sys.AT_FDCWD, join(tree, "fifo"), sys.S_IFIFO | 0o600);
  sys.mkdirAt(sys.AT_FDCWD, `${tree}/\xff`, 0o000);
  symlinkSync("../../outside", join(tree, "a/out"));
  // Never to a place of the machine: a broken guard must not do harm as root.
  symlinkSync(join(dir.path, "outside"), join(tree, "absolute"));
  chmodSync(join(tree, "a/b"), 0o500);
  sys.removeTree(tree);
  assert.equal(existsSync(tree), false);
  assert.equal(existsSync(join(dir.path, "outside/keep")), true);
});

test("removeTree takes a file, a symlink and a missing name", { skip }, () => {
  using dir = scratch("rm");
  mkdirSync(join(dir.path, "d"));
  writeFileSync(join(dir.path, "f"), "");
  symlinkSync("d", join(dir.path, "s"));
  for (const name of ["f", "s", "missing"]) sys.removeTree(join(dir.path, name));
  const fd = sys.openAt(sys.AT_FDCWD, dir.path, sys.O_RDONLY);
  assert.deepEqual(sys.readDir(fd), [{ name: "d", type: "directory" }]);
  sys.removeTreeAt(fd, "d");
  assert.deepEqual(sys.readDir(fd), []);
  sys.close(fd);
});

test("removeTreeInSlices lets the event loop turn while it removes", { skip }, async () => {
  using dir = scratch("rm");
  const tree = join(dir.path, "tree");
  for (let d = 0; d < 20; d++) mkdirSync(join(tree, `d${d}`), { recursive: true });
  let done = false;
  let turns = 0;
  const count = (): void => {
    turns++;
    if (!done) setImmediate(count);
  };
  setImmediate(count);
  await sys.removeTreeInSlices(tree, 0);
  done = true;
  assert.equal(existsSync(tree), false);
  assert.ok(turns >= 20, `the loop turned ${turns} times`);
});

test("removeTree masters a depth of 1200 directories", { skip }, () => {
  using dir = scratch("rm");
  let fd = sys.openAt(sys.AT_FDCWD, dir.path, sys.O_RDONLY);
  for (let depth = 0; depth < 1200; depth++) {
    sys.mkdirAt(fd, "d", 0o700);
    sys.close(sys.openAt(fd, "f", sys.O_WRONLY | sys.O_CREAT, 0o600));
    const next = sys.openAt(fd, "d", sys.O_RDONLY | sys.O_DIRECTORY);
    sys.close(fd);
    fd = next;
  }
  sys.close(fd);
  const tree = join(dir.path, "d");
  sys.removeTree(tree);
  assert.equal(existsSync(tree), false);
});
