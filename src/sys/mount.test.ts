import assert from "node:assert/strict";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { scratch, unlessLinux } from "../../test/suites/scratch.ts";
import * as sys from "./index.ts";

const skip: string | false = ((): string | false => {
  if (unlessLinux !== false) return unlessLinux;
  using dir = scratch("mount");
  try {
    sys.mount("tmpfs", dir.path, "tmpfs", 0);
    sys.unmount(dir.path);
    return false;
  } catch (error) {
    return `cannot mount: ${(error as Error).message}`;
  }
})();

test("mount, mountInfo and unmount agree", { skip }, () => {
  using dir = scratch("mount");
  const path = join(dir.path, "a b\\c");
  mkdirSync(path);
  sys.mount("some source", path, "tmpfs", sys.MS_NOSUID | sys.MS_NOEXEC, "size=1m,mode=0711");
  writeFileSync(join(path, "f"), "");
  const found = sys.mountInfo().find((entry) => entry.mountPoint === path);
  assert.equal(found?.type, "tmpfs");
  assert.equal(found.source, "some source");
  assert.match(found.options, /^rw,nosuid,noexec/);
  assert.match(found.superOptions, /size=1024k,mode=711/);
  sys.unmount(path);
  assert.equal(
    sys.mountInfo().some((entry) => entry.mountPoint === path),
    false,
  );
  assert.equal(existsSync(join(path, "f")), false);
  assert.throws(() => sys.unmount(path), { code: "EINVAL" });
});

test("a busy mount: EBUSY, then detached", { skip }, () => {
  using dir = scratch("mount");
  sys.mount("tmpfs", dir.path, "tmpfs", 0);
  const fd = sys.openAt(sys.AT_FDCWD, join(dir.path, "f"), sys.O_RDWR | sys.O_CREAT, 0o600);
  assert.throws(() => sys.unmount(dir.path), { code: "EBUSY" });
  sys.unmount(dir.path, { detach: true });
  assert.equal(existsSync(join(dir.path, "f")), false);
  sys.close(fd);
});

test("removeTree does not enter a mount point", { skip }, () => {
  using dir = scratch("mount");
  const [inside, other] = [join(dir.path, "tree/sub"), join(dir.path, "other")];
  mkdirSync(inside, { recursive: true });
  mkdirSync(other);
  writeFileSync(join(other, "precious"), "");
  sys.mount(other, inside, "", sys.MS_BIND);
  try {
    assert.throws(() => sys.removeTree(join(dir.path, "tree")), { code: "EXDEV" });
    assert.ok(existsSync(join(other, "precious")));
  } finally {
    sys.unmount(inside);
  }
});

test("parseMountInfo reads optional fields and escapes", () => {
  const line =
    "36 35 98:0 /mnt1 /mnt\\0402 rw,noatime master:1 shared:7 - ext3 /dev/r\\134oot rw,errors=continue\n";
  assert.deepEqual(sys.parseMountInfo(line), [
    {
      id: 36,
      parentId: 35,
      device: "98:0",
      root: "/mnt1",
      mountPoint: "/mnt 2",
      options: "rw,noatime",
      propagation: ["master:1", "shared:7"],
      type: "ext3",
      source: "/dev/r\\oot",
      superOptions: "rw,errors=continue",
    },
  ]);
});
