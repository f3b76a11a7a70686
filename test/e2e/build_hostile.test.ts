/** Hostile archives and contexts for `build`: nothing outside is read or written, whatever they say. */
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { openEngine, type Engine } from "../../src/engine/index.ts";
import { isFailure } from "../../src/errors.ts";
import { tarFile, tarOf } from "../support/tar_help.ts";
import { unlessLinux } from "../suites/scratch.ts";
import type { HostileLayer } from "../fixtures/hostile/hostile_image.ts";
import { hostileLayers } from "../fixtures/hostile/hostile_layers.ts";
import { World } from "../fixtures/hostile/world.ts";
import { varveOn } from "./support.ts";

const { signal } = new AbortController();

/** Builds and writes the files out. Returns whether it was taken; else it was refused with a `Failure`. */
async function attempt(engine: Engine, world: World, context: string): Promise<boolean> {
  const dest = world.path("out");
  try {
    await engine.builds.build({ context, signal, outputs: [{ type: "local", dest }] });
    return true;
  } catch (error) {
    assert.ok(isFailure(error), String(error));
    return false;
  } finally {
    fs.rmSync(dest, { recursive: true, force: true });
    fs.rmSync(context, { recursive: true, force: true });
  }
}

test("ADD of hostile archives, and hostile archives as contexts", { skip: unlessLinux }, async (t) => {
  using world = new World();
  const engine = await openEngine({ root: world.root, driver: "vfs" });
  let taken = 0;
  for (const [family, attacks] of Object.entries(hostileLayers(world.decoy))) {
    await t.test(family, async () => {
      for (const { layers } of attacks) {
        if (layers.length !== 1) continue;
        const [{ tar, blob = tar }] = layers as [HostileLayer];
        const context = world.path("context");
        fs.mkdirSync(context);
        fs.writeFileSync(join(context, "attack.tar"), blob);
        fs.writeFileSync(join(context, "Dockerfile"), "FROM scratch\nADD attack.tar /x/\nADD attack.tar /\n");
        if (await attempt(engine, world, context)) taken++;
        world.assertUntouched();
        const dockerfile = tarOf([tarFile({ path: "Dockerfile" }, "FROM scratch\nCOPY . /x/\n")]);
        // Without its end, so that the archive goes on.
        fs.writeFileSync(context, Buffer.concat([dockerfile.subarray(0, 1024), tar]));
        if (await attempt(engine, world, context)) taken++;
        world.assertUntouched();
      }
    });
  }
  assert.ok(taken > 0, "some of them land inside");
  assert.deepEqual(await engine.system.check({ deep: true }), []);
});

test("symlinks of a context lead nowhere outside", { skip: unlessLinux }, async (t) => {
  using world = new World();
  const engine = await openEngine({ root: world.root, driver: "vfs" });
  const varve = varveOn(world.root);
  const context = world.path("context");
  fs.mkdirSync(join(context, "sub"), { recursive: true });
  fs.symlinkSync(join(world.decoy, "victim"), join(context, "absolute"));
  fs.symlinkSync("../decoy/victim", join(context, "relative"));
  fs.symlinkSync(world.decoy, join(context, "directory"));
  fs.symlinkSync("../../decoy", join(context, "sub/up"));
  fs.symlinkSync("loop", join(context, "loop"));
  const sources = ["absolute", "relative", "directory/victim", "directory/*", "sub/up/victim", "loop"];
  for (const source of [...sources, "../decoy/victim", "/../../decoy/victim", "sub/../../decoy/victim"]) {
    for (const instruction of ["COPY", "COPY --link", "ADD"]) {
      await t.test(`${instruction} ${source}`, async () => {
        fs.writeFileSync(join(context, "Dockerfile"), `FROM scratch\n${instruction} ${source} /x/\n`);
        await assert.rejects(engine.builds.build({ context, signal }), (error) => {
          assert.match(String(error), /(?:COPY|ADD) failed: (?:file not found|no source files)/);
          return isFailure(error);
        });
      });
    }
  }
  await t.test("the Dockerfile itself, and .dockerignore", async () => {
    fs.rmSync(join(context, "Dockerfile"));
    fs.symlinkSync("../decoy/victim", join(context, "Dockerfile"));
    assert.equal((await varve.run(["build", context])).code, 1);
    fs.writeFileSync(join(context, "Other"), "FROM scratch\nCOPY sub /x\n");
    const { code, stderr } = await varve.run(
      ["build", "-q", "-o", world.path("out"), "-f", "Other", context],
      {
        cwd: context,
      },
    );
    assert.equal(code, 0, stderr);
    assert.equal(fs.readlinkSync(world.path("out/x/up")), "../../decoy", "a link is copied as a link");
  });
  world.assertUntouched("context", "out");
});

test("Dockerfiles that are too much", { skip: unlessLinux }, async (t) => {
  using world = new World();
  const varve = varveOn(world.root, "vfs");
  const build = (dockerfile: string): ReturnType<typeof varve.run> =>
    varve.run(["build", "-q", "-"], { input: dockerfile });
  const lines = (count: number, line: (i: number) => string): string =>
    `FROM scratch\n${Array.from({ length: count }, (_, i) => line(i)).join("\n")}\n`;
  await t.test("ten thousand lines are not", async () => {
    const { code, stderr } = await build(lines(10_000, (i) => `ENV V${i % 50}=${i}`));
    assert.equal(code, 0, stderr);
  });
  const refused: Readonly<Record<string, readonly [string, RegExp]>> = {
    "200 layers": [lines(200, (i) => `COPY <<E /f${i}\n${i}\nE`), /^varve: max depth exceeded$/m],
    "a config of megabytes": [
      lines(1, () => `ENV X=${"a".repeat(3_000_000)}`),
      /^varve: .* at most \d+ are accepted$/m,
    ],
    "a name of 300 bytes": [lines(1, () => `COPY <<E /${"a".repeat(300)}\nE`), /file name too long$/m],
    "a path of 100,000 bytes": [
      lines(1, () => `WORKDIR /${"abcdefghi/".repeat(10_000)}`),
      /file name too long$/m,
    ],
  };
  for (const [title, [dockerfile, message]] of Object.entries(refused)) {
    await t.test(title, async () => {
      const { code, stderr } = await build(dockerfile);
      assert.equal(code, 1, stderr);
      assert.match(stderr, message);
      assert.ok(stderr.length < 20_000 || title.includes("200"), "an error is no flood");
    });
  }
  assert.equal(await varve("images", "-q", "-a").then((ids) => ids.split("\n").length), 1);
});
