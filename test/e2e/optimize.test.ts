/** `varve store optimize`: room comes back, and what is saved stays to the byte. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { World } from "../fixtures/hostile/world.ts";
import { noise } from "../fixtures/sample_image.ts";
import { erofsSkip } from "../suites/erofs_skip.ts";
import { unlessRoot } from "../suites/scratch.ts";
import { tarFile, tarOf } from "../support/tar_help.ts";
import { json, varveOn } from "./support.ts";

function du(root: string): number {
  return Number(execFileSync("du", ["-sx", "--block-size=1", root], { encoding: "utf8" }).split("\t")[0]);
}

test("two images with files in common", { skip: unlessRoot || erofsSkip("file") }, async () => {
  using world = new World();
  const varve = varveOn(world.root, "erofs");
  const [lib, data] = [noise(1_000_000, 4), noise(500_000, 5)];
  const tars = {
    one: tarOf([tarFile({ path: "lib.so" }, lib), tarFile({ path: "data" }, data)]),
    two: tarOf([
      tarFile({ path: "own" }, noise(90_000)),
      tarFile({ path: "l" }, lib),
      tarFile({ path: "d" }, data),
    ]),
  };
  for (const [name, tar] of Object.entries(tars)) {
    fs.writeFileSync(world.path(`${name}.tar`), tar);
    await varve("import", world.path(`${name}.tar`), `${name}:1`);
  }
  const saved = async (name: string): Promise<Buffer> => {
    await varve("save", "-o", world.path("saved"), name);
    return fs.readFileSync(world.path("saved"));
  };
  const before = [await saved("one:1"), await saved("two:1")] as const;

  assert.match(
    await varve("store", "optimize", "--dry-run"),
    /would free 2 files, 1\.4\d+MB\nReclaimable space:/,
  );
  const used = du(world.root);
  const report = json<{ bytes: number; layers: { outcome: string }[] }>(
    await varve("--json", "store", "optimize", "--min-size", "600k"),
  );
  assert.deepEqual([report.bytes > 990_000, report.layers.map(({ outcome }) => outcome)], [true, ["done"]]);
  assert.match(await varve("system", "optimize"), /freed 1 file, .*\nTotal reclaimed space: /);
  assert.ok(used - du(world.root) > 1_400_000);

  assert.ok((await saved("one:1")).equals(before[0]));
  assert.ok((await saved("two:1")).equals(before[1]));
  assert.match(await varve("system", "check", "--deep"), /no problems found/);
  const frees = json<{ perImage: { repoTags: string[]; frees: number }[] }>(
    await varve("--json", "system", "df"),
  );
  const one = frees.perImage.find(({ repoTags }) => repoTags.some((tag) => tag.endsWith("one:1")));
  assert.ok(one!.frees < 100_000, "the other one still needs its files");
  await varve("rmi", "one:1");
  assert.ok((await saved("two:1")).equals(before[1]));
  await varve("rmi", "two:1");
  assert.deepEqual(fs.readdirSync(join(world.root, "erofs")), []);
});

test("other drivers have nothing to optimize", async () => {
  using world = new World();
  const refused = await varveOn(world.root, "vfs").run(["store", "optimize"]);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /nothing to optimize under the driver vfs/);
});
