/** Layers that are never unpacked: the driver's own promises, beside those that every driver makes. */
import { join } from "node:path";
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import { test } from "node:test";
import { inRoot, makeImageLayer, makeLayer } from "../../../test/suites/driver_helpers.ts";
import { scratch } from "../../../test/suites/scratch.ts";
import { erofsSkip } from "../../../test/suites/erofs_skip.ts";
import { driverSuite } from "../../../test/suites/driver_suite.ts";
import * as sys from "../../sys/index.ts";
import { createErofs, type CacheId, type Driver } from "../index.ts";

for (const backing of ["file", "loop", "fuse"] as const)
  driverSuite(`erofs (${backing})`, (root) => createErofs({ root: join(root, "erofs"), backing }), {
    skip: erofsSkip(backing),
  });

/** The process that serves the image of `id`, once it is there. */
async function serverOf(id: CacheId): Promise<number> {
  for (;;) {
    const found = fs
      .readdirSync("/proc")
      .find((name) => /^\d+$/.test(name) && commandOf(name).split("\0").slice(-2).includes(id));
    if (found !== undefined) return Number(found);
    await new Promise(setImmediate);
  }
}

function commandOf(process: string): string {
  try {
    return fs.readFileSync(`/proc/${process}/cmdline`, "latin1");
  } catch {
    return "";
  }
}

/** It is no child of anybody who could be told, so the kernel has to be asked. */
async function gone(pid: number): Promise<void> {
  while (commandOf(String(pid)) !== "") await new Promise(setImmediate);
}

test(
  "an image's server ends with its mount, and a killed one is replaced",
  { skip: erofsSkip("fuse") },
  async () => {
    using dir = scratch("served");
    const driver = createErofs({ root: join(dir.path, "erofs"), backing: "fuse" });
    const id = await makeImageLayer(driver, undefined, (root) =>
      fs.writeFileSync(join(root, "f"), "content"),
    );
    const first = await driver.mount(id);
    const file = join(first.path, "f");
    assert.equal(fs.readFileSync(file, "utf8"), "content");
    const server = await serverOf(id);
    process.kill(server, "SIGKILL");
    await gone(server);
    // The one while the kernel tears the connection down, the other after that.
    assert.throws(() => fs.readFileSync(file), { code: /^(ECONNABORTED|ENOTCONN)$/ });
    const second = await driver.mount(id);
    assert.equal(second.path, first.path);
    assert.equal(fs.readFileSync(file, "utf8"), "content");
    const next = await serverOf(id);
    await first[Symbol.asyncDispose]();
    assert.equal(fs.readFileSync(file, "utf8"), "content");
    await second[Symbol.asyncDispose]();
    await gone(next);
    assert.equal(fs.existsSync(second.path), false);
  },
);

test("a root with an odd name", { skip: erofsSkip("file") }, async () => {
  using dir = scratch("odd");
  const driver = createErofs({ root: join(dir.path, "a,b:c\\d e/erofs") });
  const id = await makeImageLayer(driver, undefined, (root) => fs.writeFileSync(join(root, "f"), "content"));
  const top = await makeLayer(driver, id, (root) => fs.appendFileSync(join(root, "f"), "!"));
  await inRoot(driver, top, (root) => assert.equal(fs.readFileSync(join(root, "f"), "utf8"), "content!"), {
    readOnly: true,
  });
  await driver.remove(top);
  await driver.remove(id);
});

/** Bytes of the file that the page cache holds. */
function cached(path: string): number {
  const fd = sys.openAt(sys.AT_FDCWD, path, sys.O_RDONLY);
  try {
    using file = sys.mapFile(fd, fs.fstatSync(fd).size);
    return file.residentPages() * sys.pageSize();
  } finally {
    sys.close(fd);
  }
}

for (const option of ["directio", "dropPages"] as const)
  test(`${option} keeps the pages of tars out of memory`, { skip: erofsSkip("file") }, async () => {
    using dir = scratch("pages");
    const root = join(dir.path, "erofs");
    const content = randomBytes(4 << 20);
    const plain = createErofs({ root });
    const id = await makeImageLayer(plain, undefined, (at) => fs.writeFileSync(join(at, "f"), content));
    const tar = join(root, id, "layer.tar");
    const forget = (): void => {
      const fd = fs.openSync(tar, "r");
      fs.fsyncSync(fd);
      sys.dropPages(fd);
      fs.closeSync(fd);
    };
    const readThrough = async (driver: Driver): Promise<void> => {
      forget();
      await inRoot(driver, id, (at) => assert.ok(fs.readFileSync(join(at, "f")).equals(content)));
    };
    await readThrough(plain);
    assert.ok(cached(tar) >= content.length, `${cached(tar)} bytes`);
    await readThrough(createErofs({ root, storage: { [option]: true } }));
    assert.ok(cached(tar) < content.length / 2, `${cached(tar)} bytes`);
  });
