import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { scratch, unlessLinux } from "../../test/suites/scratch.ts";
import * as sys from "./index.ts";

const skip = unlessLinux;

test("write puts out exactly the part asked for, read takes it in at an offset", { skip }, () => {
  using dir = scratch("sys");
  const path = join(dir.path, "f");
  const fd = sys.openAt(sys.AT_FDCWD, path, sys.O_RDWR | sys.O_CREAT, 0o600);
  sys.write(fd, Buffer.from("0123456789"), 2, 5);
  sys.write(fd, Buffer.from("abc"));
  sys.pwrite(fd, Buffer.from("XY"), 1);
  assert.equal(readFileSync(path, "latin1"), "2XY56abc");
  assert.equal(sys.seek(fd, 2, sys.SEEK_SET), 2);
  const buffer = Buffer.alloc(6, ".");
  assert.equal(sys.read(fd, buffer, 1, 3), 3);
  assert.equal(buffer.toString(), ".Y56..");
  assert.equal(sys.pread(fd, buffer, 6), 2);
  assert.equal(buffer.toString(), "bc56..");
  assert.equal(sys.pread(fd, buffer, 100), 0);
  sys.close(fd);
});

test("a large buffer is written whole through a pipe-sized sink", { skip }, () => {
  using dir = scratch("sys");
  const path = join(dir.path, "f");
  const bytes = Buffer.alloc(3_000_001, "varve");
  const fd = sys.openAt(sys.AT_FDCWD, path, sys.O_WRONLY | sys.O_CREAT, 0o600);
  sys.write(fd, bytes);
  sys.fsync(fd);
  sys.fdatasync(fd);
  sys.syncfs(fd);
  sys.close(fd);
  assert.ok(readFileSync(path).equals(bytes));
});

test("holes are made by truncate, found by seek and -1 after the last data", { skip }, () => {
  using dir = scratch("sys");
  const fd = sys.openAt(sys.AT_FDCWD, join(dir.path, "f"), sys.O_RDWR | sys.O_CREAT, 0o600);
  sys.pwrite(fd, Buffer.alloc(4096, 1), 1 << 20);
  sys.truncate(fd, 4 << 20);
  assert.equal(sys.seek(fd, 0, sys.SEEK_DATA), 1 << 20);
  assert.equal(sys.seek(fd, 1 << 20, sys.SEEK_HOLE), (1 << 20) + 4096);
  assert.equal(sys.seek(fd, (1 << 20) + 4096, sys.SEEK_DATA), -1);
  assert.equal(sys.fstat(fd).size, 4 << 20);
  assert.equal(sys.fstat(fd).blocks, 8);
  sys.close(fd);
});

test("a punched hole gives whole blocks back and leaves the size", { skip }, (t) => {
  using dir = scratch("sys");
  const fd = sys.openAt(sys.AT_FDCWD, join(dir.path, "f"), sys.O_RDWR | sys.O_CREAT, 0o600);
  try {
    sys.pwrite(fd, Buffer.alloc(64 * 1024, 1), 0);
    sys.fsync(fd);
    const before = sys.fstat(fd).blocks;
    try {
      sys.punchHole(fd, 8192 - 100, 16_384 + 200);
    } catch (error) {
      if (sys.isSysError(error, "EOPNOTSUPP")) return t.skip("no holes in this file system");
      throw error;
    }
    assert.equal(sys.fstat(fd).size, 64 * 1024);
    assert.ok(sys.fstat(fd).blocks < before);
    const bytes = Buffer.alloc(64 * 1024);
    sys.pread(fd, bytes, 0);
    assert.equal(bytes.indexOf(0), 8192 - 100);
    assert.equal(bytes.lastIndexOf(0), 24_576 + 99);
    assert.throws(() => sys.punchHole(fd, 0, 0), { code: "EINVAL", syscall: "fallocate" });
  } finally {
    sys.close(fd);
  }
});

test("directIoAlignment is a power of two that O_DIRECT accepts, or undefined", { skip }, () => {
  using dir = scratch("sys");
  const path = join(dir.path, "f");
  writeFileSync(path, Buffer.alloc(16_384));
  const fd = sys.openAt(sys.AT_FDCWD, path, sys.O_RDONLY);
  const proc = sys.openAt(sys.AT_FDCWD, "/proc/self/stat", sys.O_RDONLY);
  try {
    const found = sys.directIoAlignment(fd);
    for (const value of found === undefined ? [] : [found.memory, found.offset]) {
      assert.ok(value >= 1 && value <= 65_536 && (value & (value - 1)) === 0, `${value}`);
    }
    assert.equal(sys.directIoAlignment(proc), undefined);
    assert.throws(() => sys.directIoAlignment(1 << 20), { code: "EBADF" });
  } finally {
    sys.close(fd);
    sys.close(proc);
  }
});

test("copyFileRange copies between the files' positions", { skip }, () => {
  using dir = scratch("sys");
  writeFileSync(join(dir.path, "a"), "0123456789");
  const from = sys.openAt(sys.AT_FDCWD, join(dir.path, "a"), sys.O_RDONLY);
  const to = sys.openAt(sys.AT_FDCWD, join(dir.path, "b"), sys.O_WRONLY | sys.O_CREAT, 0o600);
  sys.seek(from, 4, sys.SEEK_SET);
  assert.equal(sys.copyFileRange(from, to, 3), 3);
  assert.equal(sys.copyFileRange(from, to, 100), 3);
  assert.equal(sys.copyFileRange(from, to, 100), 0);
  assert.equal(readFileSync(join(dir.path, "b"), "latin1"), "456789");
  sys.close(from);
  sys.close(to);
});

test("syncfsInPool works beside the event loop and tells the thread's own errno", { skip }, async () => {
  using dir = scratch("sys");
  const fd = sys.openAt(sys.AT_FDCWD, dir.path, sys.O_RDONLY | sys.O_DIRECTORY);
  await sys.syncfsInPool(fd);
  sys.close(fd);
  await assert.rejects(sys.syncfsInPool(1 << 20), { code: "EBADF", syscall: "syncfs" });
});
