import assert from "node:assert/strict";
import { closeSync, lstatSync, openSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import * as fc from "fast-check";
import { scratch, unlessLinux, unlessRoot } from "../../test/suites/scratch.ts";
import * as sys from "./index.ts";

test("chownAt and utimensAt change a symlink itself; chmodAt refuses one", { skip: unlessRoot }, () => {
  using dir = scratch("sys");
  const at = openSync(dir.path, "r");
  writeFileSync(join(dir.path, "f"), "", { mode: 0o644 });
  symlinkSync("f", join(dir.path, "s"));
  sys.chownAt(at, "s", 3_000_000, 4_000_000_000);
  sys.utimensAt(at, "s", { mtime: 1, mtimeNs: 2, atime: 3, atimeNs: 4 });
  const link = sys.statAt(at, "s");
  assert.deepEqual(
    [link.uid, link.gid, link.mtime, link.mtimeNs, link.atime, link.atimeNs],
    [3_000_000, 4_000_000_000, 1, 2, 3, 4],
  );
  assert.equal(sys.statAt(at, "s", true).uid, 0);
  assert.throws(() => sys.chmodAt(at, "s", 0o777), { kind: "unsupported" });
  assert.equal(statSync(join(dir.path, "f")).mode & 0o7777, 0o644);
  sys.chmodAt(at, "f", 0o4755);
  assert.equal(statSync(join(dir.path, "f")).mode & 0o7777, 0o4755);
  closeSync(at);
});

test("owner, permission and times of an open file", { skip: unlessRoot }, () => {
  using dir = scratch("sys");
  const path = join(dir.path, "f");
  const fd = sys.openAt(sys.AT_FDCWD, path, sys.O_WRONLY | sys.O_CREAT, 0o600);
  sys.fchown(fd, 12, 34);
  sys.fchmod(fd, 0o6751);
  sys.futimens(fd, { mtime: 1_700_000_000, mtimeNs: 999_999_999 });
  const stat = sys.fstat(fd);
  assert.deepEqual([stat.uid, stat.gid, stat.mode & 0o7777], [12, 34, 0o6751]);
  assert.deepEqual(
    [stat.mtime, stat.mtimeNs, stat.atime, stat.atimeNs],
    [1_700_000_000, 999_999_999, 1_700_000_000, 999_999_999],
  );
  sys.futimens(fd, { mtime: 5, mtimeNs: 0, atime: 0, atimeNs: sys.UTIME_OMIT });
  assert.deepEqual([sys.fstat(fd).mtime, sys.fstat(fd).atime], [5, 1_700_000_000]);
  sys.close(fd);
});

test("any second from 1902 to 2200 with any nanosecond comes back exactly", { skip: unlessLinux }, () => {
  using dir = scratch("sys");
  const path = join(dir.path, "f");
  writeFileSync(path, "");
  const second = fc.integer({ min: -2_147_483_647, max: 7_258_118_400 });
  const nanosecond = fc.integer({ min: 0, max: 999_999_999 });
  fc.assert(
    fc.property(second, nanosecond, second, nanosecond, (mtime, mtimeNs, atime, atimeNs) => {
      sys.utimensAt(sys.AT_FDCWD, path, { mtime, mtimeNs, atime, atimeNs });
      const stat = sys.statAt(sys.AT_FDCWD, path);
      assert.deepEqual(
        [stat.mtime, stat.mtimeNs, stat.atime, stat.atimeNs],
        [mtime, mtimeNs, atime, atimeNs],
      );
    }),
    { numRuns: 200 },
  );
});

test("statAt says what fs.lstat says", { skip: unlessLinux }, () => {
  for (const path of ["/", "/dev/null", "/proc/self/exe", "/etc/passwd", import.meta.filename]) {
    const mine = sys.statAt(sys.AT_FDCWD, path);
    const theirs = lstatSync(path, { bigint: true });
    const pairs = {
      dev: mine.dev,
      ino: mine.ino,
      mode: mine.mode,
      nlink: mine.nlink,
      uid: mine.uid,
      gid: mine.gid,
      size: mine.size,
      blocks: mine.blocks,
    };
    for (const [key, value] of Object.entries(pairs)) {
      assert.equal(BigInt(value), theirs[key as "dev"], `${key} of ${path}`);
    }
    assert.equal(BigInt(mine.mtime) * 1_000_000_000n + BigInt(mine.mtimeNs), theirs.mtimeNs, path);
    assert.equal(BigInt(mine.ctime) * 1_000_000_000n + BigInt(mine.ctimeNs), theirs.ctimeNs, path);
  }
  assert.deepEqual(
    [sys.statAt(sys.AT_FDCWD, "/dev/null").rdevMajor, sys.statAt(sys.AT_FDCWD, "/dev/null").rdevMinor],
    [1, 3],
  );
});

test("statAtIfExists: undefined for a missing name, a throw for the rest", { skip: unlessLinux }, () => {
  assert.equal(sys.statAtIfExists(sys.AT_FDCWD, "/nowhere/at/all"), undefined);
  assert.equal(sys.statAtIfExists(sys.AT_FDCWD, "/dev/null/below"), undefined);
  assert.equal(sys.statAtIfExists(sys.AT_FDCWD, "/dev/null")?.rdevMinor, 3);
  assert.throws(() => sys.statAtIfExists(sys.AT_FDCWD, `/${"n".repeat(300)}`), { code: "ENAMETOOLONG" });
});

test("umask is set and told, statfs knows proc, geteuid is the process's", { skip: unlessLinux }, () => {
  const before = sys.umask(0o027);
  assert.equal(sys.umask(before), 0o027);
  assert.equal(sys.geteuid(), process.geteuid?.());
  assert.equal(sys.statfs("/proc").type, 0x9fa0);
  const disk = sys.statfs("/");
  assert.ok(disk.size > disk.free && disk.free >= disk.available && disk.available > 0);
});
