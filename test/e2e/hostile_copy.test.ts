/** `cp` into and out of a container whose image attacks: nothing outside of its root changes or is shown. */
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { tarFile, tarOf, type PackedFile } from "../support/tar_help.ts";
import { overlaySkip } from "../suites/overlay_skip.ts";
import { unlessRoot } from "../suites/scratch.ts";
import { World } from "../fixtures/hostile/world.ts";
import { varveOn } from "./support.ts";

const link = (path: string, linkPath: string): PackedFile => tarFile({ path, type: "symlink", linkPath });

for (const driver of ["overlay2", "erofs", "vfs"] as const) {
  const skip = driver === "overlay2" ? unlessRoot || overlaySkip : unlessRoot;
  test(`${driver}: B013 cp stays inside of the container's root`, { skip }, async (t) => {
    using world = new World();
    const varve = varveOn(world.root, driver);
    const up = `${"../".repeat(40)}${world.decoy.slice(1)}`;
    const image = tarOf([
      link("absolute", world.decoy),
      link("climbing", up),
      link("victim", join(world.decoy, "victim")),
      tarFile({ path: "etc/own" }, "own"),
    ]);
    assert.equal((await varve.run(["import", "-", "hostile:1"], { input: image })).code, 0);
    await varve("create", "--name", "work", "hostile:1", "x");
    const mine = world.path("mine");
    writeFileSync(mine, "mine");
    const kept = ["mine", "out"];

    for (const target of [
      "/absolute/victim",
      "/climbing/victim",
      "/absolute/new",
      "/victim",
      "/../../new",
      `/absolute/../..${world.decoy}/new`,
    ]) {
      await t.test(`into ${target.replace(world.decoy, "DECOY")}`, async () => {
        const outcome = await varve.run(["cp", mine, `work:${target}`]);
        assert.ok([0, 1].includes(outcome.code), outcome.stderr);
        assert.doesNotMatch(outcome.stderr, /internal error/);
        world.assertUntouched("mine");
      });
    }
    const archives: Record<string, PackedFile[]> = {
      "a symlink and a file below it": [link("out", world.decoy), tarFile({ path: "out/victim" }, "evil")],
      "a file below a symlink of the container": [tarFile({ path: "absolute/victim" }, "evil")],
      "..": [tarFile({ path: `${up}/victim` }, "evil")],
      "an absolute name": [tarFile({ path: `${world.decoy}/victim` }, "evil")],
      "a hard link out": [
        tarFile({ path: "h", type: "hardlink", linkPath: `${world.decoy}/victim` }),
        tarFile({ path: "h" }, "evil"),
      ],
      "a hard link through a symlink of the container": [
        tarFile({ path: "h", type: "hardlink", linkPath: "absolute/victim" }),
      ],
    };
    for (const [title, files] of Object.entries(archives)) {
      await t.test(`a tar with ${title}`, async () => {
        const outcome = await varve.run(["cp", "-", "work:/"], { input: tarOf(files) });
        assert.ok([0, 1].includes(outcome.code), outcome.stderr);
        assert.doesNotMatch(outcome.stderr, /internal error/);
        world.assertUntouched("mine");
      });
    }
    await t.test("out of it comes nothing of the host's", async () => {
      const out = world.path("out");
      mkdirSync(out);
      for (const source of [
        "/absolute/sub/victim",
        "/climbing/sub/victim",
        "/absolute/.",
        "/../../etc/own",
      ]) {
        const outcome = await varve.run(["cp", "-L", `work:${source}`, out]);
        assert.doesNotMatch(outcome.stderr, /internal error/);
      }
      for (const name of readdirSync(out, { recursive: true, withFileTypes: true })) {
        if (name.isFile()) assert.notEqual(readFileSync(join(name.parentPath, name.name), "utf8"), "whole");
      }
      world.assertUntouched(...kept);
    });
    await t.test(
      "a directory of symlinks comes out as symlinks, and nothing is written through them",
      async () => {
        const out = world.path("out");
        const outcome = await varve.run(["cp", "work:/.", join(out, "all")]);
        assert.equal(outcome.code, 0, outcome.stderr);
        // Now a container that has a directory where the host has the symlink that the first one left.
        const second = tarOf([
          tarFile({ path: "absolute/victim" }, "evil"),
          tarFile({ path: "victim" }, "evil"),
        ]);
        assert.equal((await varve.run(["import", "-", "hostile:2"], { input: second })).code, 0);
        await varve("create", "--name", "second", "hostile:2", "x");
        const over = await varve.run(["cp", "second:/.", join(out, "all")]);
        assert.doesNotMatch(over.stderr, /internal error/);
        world.assertUntouched(...kept);
        await varve("rm", "second");
      },
    );
    await varve("rm", "work");
    assert.equal(await varve("system", "check"), "no problems found");
  });
}
