import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { scratch, unlessRoot } from "../../test/suites/scratch.ts";
import * as sys from "./index.ts";

/** Tries `make` once, for the reason to skip where it does not work. */
function unlessMade(make: () => number): string | false {
  if (unlessRoot !== false) return unlessRoot;
  try {
    sys.close(make());
    return false;
  } catch (error) {
    return `cannot mount: ${(error as Error).message}`;
  }
}

/** A tmpfs in no tree that holds one file. */
function tmpfsWith(name: string, text: string): number {
  const mount = sys.newMount("tmpfs", [
    ["size", "64k"],
    ["mode", "0755"],
  ]);
  const fd = sys.openAt(mount, name, sys.O_WRONLY | sys.O_CREAT, 0o644);
  sys.write(fd, Buffer.from(text));
  sys.close(fd);
  return mount;
}

function overlayOfTwo(): number {
  const [upper, lower] = [tmpfsWith("a", "first"), tmpfsWith("b", "second")];
  try {
    const parameters: sys.MountParameter[] = [
      ["source", "two layers"],
      ["lowerdir+", { fd: upper }],
      ["lowerdir+", { fd: lower }],
    ];
    return sys.newMount("overlay", parameters, { readOnly: true, noSuid: true, noDev: true });
  } finally {
    sys.close(upper);
    sys.close(lower);
  }
}

const skip = unlessMade(() => sys.newMount("tmpfs", []));
const skipOverlay = unlessMade(overlayOfTwo);

const openFiles = (): number => readdirSync("/proc/self/fd").length;

test(
  "an overlay of detached mounts is given by descriptors, moved to a directory and read",
  {
    skip: skipOverlay,
  },
  () => {
    using dir = scratch("new-mount");
    const before = openFiles();
    const fd = overlayOfTwo();
    try {
      sys.moveMount(fd, dir.path);
    } finally {
      sys.close(fd);
    }
    try {
      assert.deepEqual(readdirSync(dir.path), ["a", "b"]);
      assert.equal(readFileSync(join(dir.path, "b"), "utf8"), "second");
      const found = sys.mountInfo().find((entry) => entry.mountPoint === dir.path);
      assert.equal(found?.type, "overlay");
      assert.equal(found.source, "two layers");
      assert.match(found.options, /^ro,nosuid,nodev,relatime/);
    } finally {
      sys.unmount(dir.path);
    }
    assert.deepEqual(readdirSync(dir.path), []);
    assert.equal(openFiles(), before);
  },
);

test(
  "a flag is an option without a value, and a mount in no tree is read by its descriptor",
  { skip },
  () => {
    const fd = sys.newMount("tmpfs", [["ro", true]]);
    try {
      const create = sys.O_WRONLY | sys.O_CREAT;
      assert.throws(() => sys.openAt(fd, "f", create, 0o600), { code: "EROFS" });
      assert.equal(sys.fstat(fd).mode & sys.S_IFMT, sys.S_IFDIR);
    } finally {
      sys.close(fd);
    }
  },
);

test("a failure tells what the kernel said and leaves no descriptor", { skip }, () => {
  const before = openFiles();
  const mount = (type: string, ...parameters: sys.MountParameter[]) => {
    return () => sys.newMount(type, parameters);
  };
  assert.throws(mount("tmpfs", ["nonsense", "x"]), {
    name: "SysError",
    code: "EINVAL",
    message: "fsconfig nonsense=x: invalid argument (EINVAL): tmpfs: Unknown parameter 'nonsense'",
  });
  assert.throws(mount("tmpfs", ["mode", "999"]), { message: /Bad value for 'mode'$/ });
  assert.throws(mount("tmpfs", ["nonsense", { fd: 0 }]), {
    message: /^fsconfig nonsense of a descriptor: .*Unknown parameter 'nonsense'$/,
  });
  assert.throws(mount("tmpfs", ["source", "x".repeat(256)]), { code: "EINVAL" });
  assert.throws(mount("no such type"), {
    code: "ENODEV",
    message: "fsopen no such type: no such device (ENODEV)",
  });
  assert.equal(openFiles(), before);
});

test("a clone of a directory becomes a read-only mount of it", { skip }, () => {
  using dir = scratch("new-mount");
  const [from, to] = [join(dir.path, "from"), join(dir.path, "to")];
  mkdirSync(from);
  mkdirSync(to);
  symlinkSync(to, join(dir.path, "link"));
  writeFileSync(join(from, "f"), "text");
  const fd = sys.openTree(from, { clone: true });
  try {
    sys.addMountAttributes(fd, { readOnly: true, noExec: true, noAtime: true });
    assert.throws(() => sys.moveMount(fd, join(dir.path, "link")), { code: "EINVAL" });
    sys.moveMount(fd, to);
  } finally {
    sys.close(fd);
  }
  try {
    assert.equal(readFileSync(join(to, "f"), "utf8"), "text");
    assert.throws(() => writeFileSync(join(to, "f"), ""), { code: "EROFS" });
    const found = sys.mountInfo().find((entry) => entry.mountPoint === to);
    assert.match(found?.options ?? "", /^ro,.*noexec,noatime/);
  } finally {
    sys.unmount(to);
  }
  assert.throws(() => sys.openTree(join(dir.path, "none")), { code: "ENOENT" });
});
