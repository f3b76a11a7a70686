import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { makeLayer, newCacheId, directoryOf } from "../../test/suites/driver_helpers.ts";
import { driverSuite } from "../../test/suites/driver_suite.ts";
import { scratch, unlessLinux, unlessRoot } from "../../test/suites/scratch.ts";
import { treeOf } from "../../test/suites/tree_of.ts";
import * as sys from "../sys/index.ts";
import { createVfs } from "./index.ts";

driverSuite("vfs", (root) => createVfs({ root: join(root, "vfs") }), { skip: unlessRoot });

test(
  "B130 Docker's layout: vfs/dir/<id>, 0710, 0710, 0755; GraphDriver data is null",
  { skip: unlessLinux },
  async () => {
    using dir = scratch("vfs");
    const before = sys.umask(0o077);
    try {
      const driver = createVfs({ root: join(dir.path, "vfs") });
      const id = newCacheId();
      await driver.create(id, undefined);
      const modes = ["vfs", "vfs/dir", `vfs/dir/${id}`].map(
        (path) => fs.statSync(join(dir.path, path)).mode & 0o7777,
      );
      assert.deepEqual(modes, [0o710, 0o710, 0o755]);
      assert.equal(await driver.graphData(id), null);
      assert.deepEqual(directoryOf(driver, id).whiteouts, "remove");
    } finally {
      sys.umask(before);
    }
  },
);

/** One of everything that a file system can hold. */
function fillWithEverything(root: string): void {
  const at = (path: string): string => join(root, path);
  fs.mkdirSync(at("d/e"), { recursive: true });
  fs.writeFileSync(at("d/file"), "content");
  fs.linkSync(at("d/file"), at("a-link"));
  fs.linkSync(at("d/file"), at("d/e/link"));
  fs.symlinkSync("/nowhere", at("d/symlink"));
  sys.mknodAt(sys.AT_FDCWD, at("fifo"), sys.S_IFIFO | 0o622);
  sys.mknodAt(sys.AT_FDCWD, at("socket"), sys.S_IFSOCK | 0o666);
  sys.mknodAt(sys.AT_FDCWD, at("d/char"), sys.S_IFCHR | 0o600, 1, 300);
  sys.setXattrAt(sys.AT_FDCWD, at("d/file"), "user.a", Buffer.from([0, 255, 1]));
  sys.setXattrAt(sys.AT_FDCWD, at("d/symlink"), "trusted.b", Buffer.from("y"));
  const capability = Buffer.from("0100000200040000000000000000000000000000", "hex");
  sys.setXattrAt(sys.AT_FDCWD, at("d/file"), "security.capability", capability);
  for (const [index, path] of ["d/file", "d/symlink", "fifo", "d/e", "d"].entries()) {
    sys.chownAt(sys.AT_FDCWD, at(path), 1000 + index, 2000);
  }
  fs.chmodSync(at("d/file"), 0o6711);
  fs.chmodSync(at("d"), 0o3770);
  for (const path of ["d/symlink", "d/file", "fifo", "d/e", "d", "."]) {
    sys.utimensAt(sys.AT_FDCWD, at(path), { mtime: -1, mtimeNs: 987_654_321 });
  }
}

test(
  "B155 a child is a full copy: kinds, owners, set-id bits, capabilities, links, times",
  { skip: unlessRoot },
  async () => {
    using dir = scratch("vfs");
    const driver = createVfs({ root: join(dir.path, "vfs") });
    const base = newCacheId();
    await driver.create(base, undefined);
    fillWithEverything(directoryOf(driver, base).directory);
    // A change of owner drops capabilities, so the fixture must hold one to prove anything.
    const expected = treeOf(directoryOf(driver, base).directory);
    const child = newCacheId();
    await driver.create(child, base);
    assert.deepEqual(treeOf(directoryOf(driver, child).directory), expected);
    assert.equal(expected.get("a-link"), expected.get("d/file"));
  },
);

test("a copy keeps holes and large data", { skip: unlessLinux }, async () => {
  using dir = scratch("vfs");
  const driver = createVfs({ root: join(dir.path, "vfs") });
  const base = newCacheId();
  await driver.create(base, undefined);
  const path = join(directoryOf(driver, base).directory, "sparse");
  const fd = fs.openSync(path, "w");
  fs.writeSync(fd, Buffer.alloc(3_000_000, "v"), 0, 3_000_000, 50_000_000);
  fs.ftruncateSync(fd, 200_000_000);
  fs.closeSync(fd);
  const child = newCacheId();
  await driver.create(child, base);
  const copy = fs.statSync(join(directoryOf(driver, child).directory, "sparse"));
  assert.equal(copy.size, 200_000_000);
  assert.ok(copy.blocks * 512 < 4_000_000, `${copy.blocks} blocks`);
  const bytes = Buffer.alloc(20);
  const from = fs.openSync(join(directoryOf(driver, child).directory, "sparse"), "r");
  fs.readSync(from, bytes, 0, 20, 49_999_990);
  fs.closeSync(from);
  assert.equal(bytes.toString("latin1"), `${"\0".repeat(10)}${"v".repeat(10)}`);
});

test("a failed copy leaves nothing behind", { skip: unlessRoot }, async () => {
  using dir = scratch("vfs");
  const driver = createVfs({ root: join(dir.path, "vfs") });
  const base = await makeLayer(driver, undefined);
  const deep = "d/".repeat(1500);
  fs.mkdirSync(join(directoryOf(driver, base).directory, deep), { recursive: true });
  const limited = spawnSync(
    "sh",
    [
      "-c",
      `ulimit -n 300; exec "$0" "$@"`,
      process.execPath,
      "--input-type=module",
      "-e",
      copyScript(dir.path, base),
    ],
    { encoding: "utf8" },
  );
  assert.match(limited.stdout, /EMFILE/, limited.stderr);
  assert.deepEqual(await driver.list(), [base]);
});

const copyScript = (root: string, base: string): string => `
  const { createVfs } = await import(${JSON.stringify(new URL("./index.ts", import.meta.url).href)});
  const driver = createVfs({ root: ${JSON.stringify(join(root, "vfs"))} });
  await driver.create("f".repeat(64), "${base}").catch((error) => console.log(error.code));`;

test("an ordinary user makes, copies, changes and removes layers, best effort", { skip: unlessRoot }, () => {
  using dir = scratch("vfs");
  fs.chmodSync(dir.path, 0o777);
  const script = `
    process.setgid(65534); process.setuid(65534);
    const fs = await import("node:fs");
    const { createVfs } = await import(${JSON.stringify(new URL("./index.ts", import.meta.url).href)});
    const driver = createVfs({ root: ${JSON.stringify(join(dir.path, "vfs"))} });
    const [base, child] = ["a".repeat(64), "b".repeat(64)];
    await driver.create(base, undefined);
    const root = driver.target(base).directory;
    fs.mkdirSync(root + "/closed");
    fs.writeFileSync(root + "/closed/secret", "s", { mode: 0o000 });
    fs.chmodSync(root + "/closed", 0o000);
    await driver.create(child, base);
    const copy = driver.target(child).directory;
    const mode = fs.statSync(copy + "/closed").mode & 0o777;
    fs.chmodSync(copy + "/closed", 0o700);
    const secret = fs.statSync(copy + "/closed/secret");
    const mounted = await driver.mount(child, { readOnly: true });
    const same = mounted.path === copy;
    await mounted[Symbol.asyncDispose]();
    fs.chmodSync(copy + "/closed", 0o000);
    await driver.remove(child); await driver.remove(base);
    console.log(JSON.stringify([driver.target(base).ownership, mode, secret.mode & 0o777, secret.size, same, await driver.list()]));`;
  const child = spawnSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
  assert.equal(child.stdout, '["best-effort",0,0,1,true,[]]\n', child.stderr);
});
