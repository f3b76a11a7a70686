import assert from "node:assert/strict";
import * as fs from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { makeLayer, newCacheId } from "../../test/suites/driver_helpers.ts";
import { erofsSkip } from "../../test/suites/erofs_skip.ts";
import { overlaySkip } from "../../test/suites/overlay_skip.ts";
import { scratch, unlessLinux } from "../../test/suites/scratch.ts";
import * as sys from "../sys/index.ts";
import { chooseDriver, createDriver, findErofsSupport, probeOverlay } from "./index.ts";

test("an empty root gets what works: erofs, where it mounts", { skip: erofsSkip("file") }, () => {
  using dir = scratch("choose");
  assert.equal(chooseDriver(join(dir.path, "root")), "erofs");
  assert.deepEqual(findErofsSupport(join(dir.path, "root")), { backing: "file" });
  assert.deepEqual(fs.readdirSync(join(dir.path, "root")), []);
});

test("where files cannot be mounted, loop devices are", { skip: erofsSkip("loop") }, () => {
  using dir = scratch("choose");
  sys.mount("tmpfs", dir.path, "tmpfs", 0);
  try {
    assert.deepEqual(findErofsSupport(join(dir.path, "root")), { backing: "loop" });
    assert.equal(chooseDriver(join(dir.path, "root")), "erofs");
  } finally {
    sys.unmount(dir.path);
  }
});

for (const name of ["overlay2", "erofs", "vfs"] as const) {
  test(`a root that has layers of ${name} keeps it`, { skip: unlessLinux }, async () => {
    using dir = scratch("choose");
    const driver = createDriver(name, { root: join(dir.path, name) });
    assert.equal(driver.name, name);
    await driver.create(newCacheId(), undefined);
    assert.equal(chooseDriver(dir.path), name);
  });
}

test("the directories of the two drivers do not disturb each other", { skip: overlaySkip }, async () => {
  using dir = scratch("choose");
  const drivers = (["overlay2", "vfs"] as const).map((name) =>
    createDriver(name, { root: join(dir.path, name) }),
  );
  for (const driver of drivers) {
    const id = await makeLayer(driver, undefined);
    assert.deepEqual(await driver.list(), [id]);
  }
  assert.deepEqual(fs.readdirSync(dir.path).sort(), ["overlay2", "varve", "vfs"]);
});

test("probeOverlay leaves nothing, and says why not", { skip: overlaySkip }, () => {
  using dir = scratch("choose");
  assert.deepEqual(probeOverlay(join(dir.path, "root")), { ok: true });
  assert.deepEqual(fs.readdirSync(join(dir.path, "root")), []);
  fs.writeFileSync(join(dir.path, "file"), "");
  const failed = probeOverlay(join(dir.path, "file"));
  assert.equal(failed.ok, false);
  assert.match(failed.ok ? "" : failed.reason, /EEXIST|ENOTDIR/);
});
