/** Hostile archives and tars for `load` and `import`, through the bundled program. */
import assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { tarFile, tarOf } from "../support/tar_help.ts";
import { unlessLinux } from "../suites/scratch.ts";
import { hostileArchives } from "../fixtures/hostile/hostile_archives.ts";
import type { HostileLayer } from "../fixtures/hostile/hostile_image.ts";
import { hostileLayers } from "../fixtures/hostile/hostile_layers.ts";
import { assertOneError, footprint, World } from "../fixtures/hostile/world.ts";
import { varveOn } from "./support.ts";

test("B104 B106 hostile archives are refused and leave nothing", { skip: unlessLinux }, async (t) => {
  using world = new World();
  const varve = varveOn(world.root);
  const good = tarOf([tarFile({ path: "etc/os-release" }, "ID=good\n")]);
  assert.equal((await varve.run(["import", "-", "good:1"], { input: good })).code, 0);
  const before = footprint(world.root);
  for (const [index, { title, bytes, refused }] of hostileArchives(world.decoy).entries()) {
    await t.test(title, async () => {
      const path = world.path("archive");
      // From a file and from a pipe, in turns: they are read in different ways.
      writeFileSync(path, bytes);
      const args = index % 2 === 0 ? ["load", "-i", path] : ["load"];
      assertOneError(await varve.run(args, index % 2 === 0 ? {} : { input: bytes }), refused);
      rmSync(path);
      assert.deepEqual(footprint(world.root), before);
      world.assertUntouched();
    });
  }
  assert.equal(await varve("system", "check", "--deep"), "no problems found");
  assert.equal(await varve("system", "gc"), "Total reclaimed space: 0B");
});

test("B013 B014 `import` refuses hostile layers as `pull` does", { skip: unlessLinux }, async (t) => {
  using world = new World();
  const varve = varveOn(world.root);
  const good = tarOf([tarFile({ path: "etc/os-release" }, "ID=good\n")]);
  assert.equal((await varve.run(["import", "-", "good:1"], { input: good })).code, 0);
  const before = footprint(world.root);
  for (const [family, attacks] of Object.entries(hostileLayers(world.decoy))) {
    // One of each family; the others differ in the layer alone, and those of one layer come here.
    const attack = attacks.find(
      ({ refused, refusedBy, layers }) => refused && !refusedBy && layers.length === 1,
    );
    if (attack === undefined) continue;
    await t.test(`${family}: ${attack.title}`, async () => {
      const [{ tar, blob = tar }] = attack.layers as [HostileLayer];
      assertOneError(await varve.run(["import", "-", "evil:1"], { input: blob }), attack.refused as RegExp);
      assert.deepEqual(footprint(world.root), before);
      world.assertUntouched();
    });
  }
});

test("what `import` and `load` cannot read is one clear error", { skip: unlessLinux }, async (t) => {
  using world = new World();
  const varve = varveOn(world.root);
  const good = tarOf([tarFile({ path: "etc/os-release" }, "ID=good\n")]);
  assert.equal((await varve.run(["import", "-", "good:1"], { input: good })).code, 0);
  const before = footprint(world.root);
  const directory = world.path("directory");
  mkdirSync(directory);
  const cases: [title: string, args: string[], input: string, message: RegExp][] = [
    ["import of garbage", ["import", "-"], "?".repeat(2000), /invalid tar header at byte 0/],
    ["import of a missing file", ["import", world.path("gone")], "", /gone.*no such file|no such file.*gone/],
    ["import of a directory", ["import", directory], "", /EISDIR|is a directory/],
    ["import under a bad name", ["import", "-", "Bad:1"], "", /invalid reference format/],
    [
      "load of a missing file",
      ["load", "-i", world.path("gone")],
      "",
      /gone.*no such file|no such file.*gone/,
    ],
    ["load of a directory", ["load", "-i", directory], "", /EISDIR|is a directory/],
    ["save of what is not there", ["save", "-o", world.path("out"), "gone:1"], "", /No such image: gone:1$/],
    [
      "save into nowhere",
      ["save", "-o", world.path("gone/out"), "good:1"],
      "",
      /gone.*no such file|no such file.*gone|does not exist/,
    ],
  ];
  for (const [title, args, input, message] of cases) {
    await t.test(title, async () => {
      assertOneError(await varve.run(args, { input }), message);
      assert.deepEqual(footprint(world.root), before);
      world.assertUntouched("directory");
    });
  }
});
