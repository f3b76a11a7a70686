/** Parts of layers that lie in other layers, however images are shown, and containers that nobody of us holds. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { noise } from "../../../../test/fixtures/sample_image.ts";
import { dir } from "../../../../test/support/layer_help.ts";
import { tarFile, tarOf } from "../../../../test/support/tar_help.ts";
import { contentOf, inRoot, live, newCacheId } from "../../../../test/suites/driver_helpers.ts";
import { erofsSkip } from "../../../../test/suites/erofs_skip.ts";
import { pushLayer } from "../../../../test/suites/layer_stacks.ts";
import { scratch, unlessRoot } from "../../../../test/suites/scratch.ts";
import { treeOf } from "../../../../test/suites/tree_of.ts";
import { fromText } from "../../../byte_string.ts";
import * as sys from "../../../sys/index.ts";
import { type CacheId, createErofs, type Driver, type Optimized } from "../../index.ts";

const big = noise(200_123, 3);

/** A layer, another one with the same file, and one on top of that. */
async function given(driver: Driver): Promise<[donor: CacheId, user: CacheId, top: CacheId]> {
  const donor = await pushLayer(driver, undefined, tarOf([tarFile({ path: "old" }, big)]));
  const user = await pushLayer(driver, undefined, tarOf([dir("d"), tarFile({ path: "d/new" }, big)]));
  const top = await pushLayer(driver, user, tarOf([tarFile({ path: "more" }, "more")]));
  // Made within one tick of the clock: this one came first.
  fs.utimesSync(join(dirname(contentOf(driver, donor)), "catalog"), 1, 1);
  return [donor, user, top];
}

async function optimize(driver: Driver, layers: readonly CacheId[]): Promise<Optimized> {
  const { optimize: run } = driver;
  assert.ok(run);
  return run.call(driver, { layers, minSize: 65_536, dryRun: false, ...live });
}

const outcomes = ({ layers }: Optimized): string[] => layers.map(({ outcome }) => outcome);

for (const backing of ["file", "loop", "fuse"] as const)
  test(
    `erofs (${backing}): a shared file reads the same, the donor gone`,
    { skip: erofsSkip(backing) },
    async () => {
      using at = scratch("optimize");
      const driver = createErofs({ root: join(at.path, "erofs"), backing });
      const layers = await given(driver);
      const [donor, user, top] = layers;
      const look = () => inRoot(driver, top, (root) => treeOf(root), { readOnly: true });
      const before = await look();
      const busy = await inRoot(driver, top, () => optimize(driver, layers), { readOnly: true });
      assert.deepEqual(outcomes(busy), ["in use"]);
      const blocks = fs.statSync(contentOf(driver, user)).blocks;
      assert.deepEqual(outcomes(await optimize(driver, layers)), ["done"]);
      assert.ok(fs.statSync(contentOf(driver, user)).blocks < blocks / 4);
      assert.deepEqual(await look(), before);
      await driver.remove(donor);
      assert.deepEqual(await look(), before);
      await driver.remove(top);
      await driver.remove(user);
      assert.deepEqual(await driver.list(), []);
    },
  );

test(
  "a container that runs on, its holder killed, keeps its layers as they are",
  { skip: erofsSkip("file") },
  async () => {
    using at = scratch("optimize");
    const home = join(at.path, "erofs");
    const driver = createErofs({ root: home });
    const layers = await given(driver);
    const container = newCacheId();
    await driver.create(container, layers[2], { writable: true });
    const program = `
    import { createErofs } from ${JSON.stringify(join(import.meta.dirname, "../../index.ts"))};
    const driver = createErofs({ root: ${JSON.stringify(home)} });
    console.log((await driver.mount(${JSON.stringify(container)})).path);
    process.kill(process.pid, "SIGKILL");`;
    const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
      encoding: "utf8",
    });
    const path = stdout.trim();
    assert.notEqual(path, "", stderr);
    try {
      assert.deepEqual(outcomes(await optimize(driver, layers)), ["in use"]);
      // As in another mount namespace: no mount of ours is to be seen, but the kernel has the tar open.
      const root = fs.openSync(join(path, "d"), "r");
      sys.unmount(fromText(path), { detach: true });
      fs.rmdirSync(path);
      assert.deepEqual(outcomes(await optimize(driver, layers)), ["in use"]);
      assert.ok(fs.readFileSync(`/proc/self/fd/${root}/new`).equals(big));
      fs.closeSync(root);
    } finally {
      if (fs.existsSync(path)) sys.unmount(fromText(path), { detach: true });
    }
    assert.deepEqual(outcomes(await optimize(driver, layers)), ["done"]);
    await inRoot(driver, container, (root) => assert.ok(fs.readFileSync(join(root, "d/new")).equals(big)));
  },
);

test(
  "a donor that was damaged, or is another file by now, gives nothing",
  { skip: erofsSkip("file") },
  async () => {
    using at = scratch("optimize");
    const driver = createErofs({ root: join(at.path, "erofs") });
    const layers = await given(driver);
    const [donor, user] = layers;
    const tar = contentOf(driver, donor);
    const bytes = fs.readFileSync(tar);
    bytes[100_000]! ^= 1;
    fs.writeFileSync(tar, bytes);
    assert.deepEqual(outcomes(await optimize(driver, layers)), []);
    bytes[100_000]! ^= 1;
    fs.writeFileSync(tar, bytes);
    assert.deepEqual(outcomes(await optimize(driver, layers)), ["done"]);
    fs.renameSync(contentOf(driver, donor), `${tar}.old`);
    fs.copyFileSync(`${tar}.old`, tar);
    fs.rmSync(`${tar}.old`);
    assert.deepEqual(outcomes(await optimize(driver, layers)), []);
    await inRoot(driver, user, (root) => assert.ok(fs.readFileSync(join(root, "d/new")).equals(big)), {
      readOnly: true,
    });
  },
);

test(
  "a layer has parts of 64 others at most: EROFS takes so many tars",
  { skip: erofsSkip("file") },
  async () => {
    using at = scratch("optimize");
    const driver = createErofs({ root: join(at.path, "erofs") });
    const files = Array.from({ length: 66 }, (_, index) =>
      tarFile({ path: `${index}` }, noise(70_000, index + 1)),
    );
    const layers: CacheId[] = [];
    for (const file of files) layers.push(await pushLayer(driver, undefined, tarOf([file])));
    const user = await pushLayer(driver, undefined, tarOf(files));
    const look = () => inRoot(driver, user, (root) => treeOf(root), { readOnly: true });
    const before = await look();
    const { layers: done } = await optimize(driver, [...layers, user]);
    assert.deepEqual(
      done.map(({ files, outcome }) => [files, outcome]),
      [[64, "done"]],
    );
    assert.deepEqual(await look(), before);
  },
);

test(
  "a file system without holes in files is told at once, and nothing has changed",
  { skip: unlessRoot },
  async () => {
    using at = scratch("optimize");
    fs.mkdirSync(join(at.path, "ram"));
    sys.mount("ramfs", fromText(join(at.path, "ram")), "ramfs", 0, "");
    try {
      const driver = createErofs({ root: join(at.path, "ram/erofs") });
      const layers = await given(driver);
      const before = fs.readdirSync(join(at.path, "ram/erofs"), { recursive: true }).sort();
      await assert.rejects(optimize(driver, layers), { kind: "unsupported" });
      assert.deepEqual(fs.readdirSync(join(at.path, "ram/erofs"), { recursive: true }).sort(), before);
    } finally {
      sys.unmount(fromText(join(at.path, "ram")), { detach: true });
    }
  },
);
