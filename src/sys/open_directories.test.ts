import assert from "node:assert/strict";
import { mkdirSync, readdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { scratch, unlessLinux } from "../../test/suites/scratch.ts";
import * as sys from "./index.ts";

const skip = unlessLinux;
const options = { access: sys.O_PATH, kept: 3 };

test("directories are open as long as they are used much, and closed at the end", { skip }, () => {
  using place = scratch("sys");
  const names = ["a", "b", "c", "d", "e", "f"];
  for (const name of names) mkdirSync(join(place.path, name, "in"), { recursive: true });
  const before = readdirSync("/proc/self/fd").length;
  {
    using directories = new sys.OpenDirectories(place.path, options);
    for (const name of [...names, ...names.toReversed(), "a/in", "a", "a/in", "a"]) {
      const fd = directories.get(name) as number;
      assert.equal(sys.fstat(fd).ino, sys.statAt(directories.root, name).ino);
      assert.ok(readdirSync("/proc/self/fd").length <= before + 4);
    }
    assert.equal(directories.get(""), directories.root);
  }
  assert.equal(readdirSync("/proc/self/fd").length, before);
});

test("what is no directory beneath the root is not there", { skip }, () => {
  using place = scratch("sys");
  mkdirSync(join(place.path, "root/dir"), { recursive: true });
  mkdirSync(join(place.path, "outside"));
  writeFileSync(join(place.path, "root/file"), "");
  symlinkSync("../outside", join(place.path, "root/out"));
  symlinkSync("dir", join(place.path, "root/link"));
  using directories = new sys.OpenDirectories(join(place.path, "root"), options);
  for (const path of ["none", "file", "out", "link", "link/x", "../outside", "n".repeat(300)])
    assert.equal(directories.get(path), undefined, path);
});

test("an open directory stays what it was", { skip }, () => {
  using place = scratch("sys");
  mkdirSync(join(place.path, "dir"));
  using directories = new sys.OpenDirectories(place.path, options);
  const { ino } = sys.fstat(directories.get("dir") as number);
  renameSync(join(place.path, "dir"), join(place.path, "old"));
  mkdirSync(join(place.path, "dir"));
  assert.equal(sys.fstat(directories.get("dir") as number).ino, ino);
});
