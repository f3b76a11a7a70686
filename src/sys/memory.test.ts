import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
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
