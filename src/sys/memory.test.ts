import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { scratch, unlessLinux } from "../../test/suites/scratch.ts";
import * as sys from "./index.ts";

test("a mapped file shows later writes, and which of its pages are cached", { skip: unlessLinux }, () => {
  using dir = scratch("map");
  const path = join(dir.path, "f");
  writeFileSync(path, Buffer.alloc(4096 * 5, "a"));
  const fd = sys.openAt(sys.AT_FDCWD, path, sys.O_RDWR);
  {
    using map = sys.mapFile(fd, 4096 * 5);
    assert.equal(map.residentPages(), 5);
    assert.equal(map.bytes[4097], 0x61);
    sys.pwrite(fd, Buffer.from("b"), 4097);
    assert.equal(map.bytes[4097], 0x62);
  }
  sys.close(fd);
  assert.throws(() => sys.mapFile(999_999, 4096), { code: "EBADF" });
});

test("fadvise drops and fetches parts of a file", { skip: unlessLinux }, async () => {
  using dir = scratch("map");
  const page = sys.pageSize();
  const fd = sys.openAt(sys.AT_FDCWD, join(dir.path, "f"), sys.O_RDWR | sys.O_CREAT, 0o600);
  try {
    sys.pwrite(fd, Buffer.alloc(page * 8, "a"), 0);
    sys.fsync(fd);
    using map = sys.mapFile(fd, page * 8);
    assert.equal(map.residentPages(), 8);
    sys.fadvise(fd, sys.POSIX_FADV_DONTNEED, page * 4);
    // tmpfs keeps its pages, and so may a kernel that is busy with them.
    const kept = map.residentPages();
    assert.ok(kept === 4 || kept === 8, `${kept}`);
    sys.fadvise(fd, sys.POSIX_FADV_WILLNEED, page * 4, page * 4);
    for (let i = 0; i < 100 && map.residentPages() < 8; i++) await setTimeout(10);
    assert.equal(map.residentPages(), 8);
  } finally {
    sys.close(fd);
  }
  assert.throws(() => sys.fadvise(1 << 20, sys.POSIX_FADV_WILLNEED), { code: "EBADF" });
});
