import assert from "node:assert/strict";
import { closeSync, openSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { scratch, unlessRoot } from "../../test/suites/scratch.ts";
import * as sys from "./index.ts";

test("attributes of an open file keep any bytes", { skip: unlessRoot }, () => {
  using dir = scratch("sys");
  const fd = sys.openAt(sys.AT_FDCWD, join(dir.path, "f"), sys.O_RDWR | sys.O_CREAT, 0o600);
  assert.deepEqual(sys.listXattr(fd), []);
  assert.equal(sys.getXattr(fd, "trusted.a"), undefined);
  const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
  sys.setXattr(fd, "trusted.a", bytes);
  sys.setXattr(fd, "trusted.\xff", new Uint8Array(0));
  assert.deepEqual(sys.getXattr(fd, "trusted.a"), bytes);
  assert.deepEqual(sys.getXattr(fd, "trusted.\xff"), new Uint8Array(0));
  assert.deepEqual([...sys.listXattr(fd)].sort(), ["trusted.a", "trusted.\xff"]);
  assert.throws(() => sys.setXattr(fd, "trusted.a", bytes, sys.XATTR_CREATE), { code: "EEXIST" });
  sys.removeXattr(fd, "trusted.a");
  assert.deepEqual(sys.listXattr(fd), ["trusted.\xff"]);
  assert.throws(() => sys.removeXattr(fd, "trusted.a"), { code: "ENODATA" });
  sys.close(fd);
});

test(
  "attributes of a name are those of a symlink itself, relative to a directory",
  { skip: unlessRoot },
  () => {
    using dir = scratch("sys");
    const at = openSync(dir.path, "r");
    writeFileSync(join(dir.path, "f\xe9"), "");
    symlinkSync("nowhere", join(dir.path, "s"));
    sys.setXattrAt(at, "s", "trusted.overlay.opaque", Buffer.from("y"));
    assert.deepEqual(sys.listXattrAt(at, "s"), ["trusted.overlay.opaque"]);
    assert.deepEqual(sys.getXattrAt(at, "s", "trusted.overlay.opaque"), new Uint8Array([0x79]));
    const absolute = join(dir.path, "s");
    assert.deepEqual(sys.listXattrAt(sys.AT_FDCWD, absolute), ["trusted.overlay.opaque"]);
    sys.removeXattrAt(at, "s", "trusted.overlay.opaque");
    assert.equal(sys.getXattrAt(at, "s", "trusted.overlay.opaque"), undefined);
    assert.throws(() => sys.getXattrAt(at, "missing", "user.a"), { code: "ENOENT" });
    closeSync(at);
  },
);
