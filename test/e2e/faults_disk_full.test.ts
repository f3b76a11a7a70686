/** A full disk: one clear error that names the place, a store as before, and success once there is room. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { openEngine } from "../../src/engine/index.ts";
import { probeOverlay } from "../../src/driver/index.ts";
import { SmallDisk } from "../suites/small_disk.ts";
import { faultyDays, unlessRoot } from "../suites/scratch.ts";
import { hostileImage } from "../fixtures/hostile/hostile_image.ts";
import { hostileRegistry } from "../fixtures/hostile/hostile_registry.ts";
import { assertOneError, footprint, partials, World } from "../fixtures/hostile/world.ts";
import { listed, randomLayers } from "./faults_support.ts";
import { varveOn, type Outcome } from "./support.ts";

const MiB = 1 << 20;
/** Bytes of the disk to begin with. */
const small = 8 * MiB;

/** The reason to skip, or false: the driver overlay2 needs more of its disk than old kernels' tmpfs has. */
const overlayOnTmpfs = ((): string | false => {
  if (unlessRoot !== false) return unlessRoot;
  using world = new World();
  try {
    using disk = new SmallDisk(world.root, MiB);
    const probe = probeOverlay(disk.path);
    return probe.ok ? false : probe.reason;
  } catch (error) {
    return `cannot mount a tmpfs: ${(error as Error).message.split("\n")[0]}`;
  }
})();

for (const driver of faultyDays) {
  test(`${driver}: a full disk`, { skip: overlayOnTmpfs }, async (t) => {
    using world = new World();
    using disk = new SmallDisk(world.root, small);
    await using registry = await hostileRegistry();
    const varve = varveOn(world.root, driver);
    const base = await registry.publish("base", hostileImage(randomLayers(10_000)));
    await varve("pull", "-q", base);
    const visible = async (): Promise<string[]> => listed(await openEngine({ root: world.root, driver }));

    /** Fails for want of room, and changes nothing; with room it works. */
    const failThenWork = async (run: () => Promise<Outcome>): Promise<void> => {
      const [before, images, used] = [footprint(world.root), await visible(), disk.used];
      const outcome = await run();
      assertOneError(outcome, /no space left on device/);
      assert.ok(outcome.stderr.includes(world.root), `names the place: ${outcome.stderr}`);
      t.diagnostic(outcome.stderr.split("\n")[0] ?? "");
      assert.deepEqual(footprint(world.root), before);
      assert.deepEqual(await visible(), images);
      assert.deepEqual(partials(world.root), [], "a full disk keeps no partial downloads");
      assert.ok(disk.used - used < MiB / 4, `${disk.used - used} bytes stay taken`);
      disk.resize(100 * MiB);
      const again = await run();
      assert.equal(again.code, 0, again.stderr);
      await varve(
        "rmi",
        ...(await visible()).filter((line) => !images.includes(line)).map((line) => line.slice(0, 71)),
      );
      // The cache would not let the disk shrink again.
      execFileSync("rm", ["-rf", join(world.root, "varve/blobs")]);
      disk.resize(small);
    };

    await t.test("pull of one large layer", async () => {
      const name = await registry.publish("large", hostileImage(randomLayers(12 * MiB)));
      await failThenWork(() => varve.run(["pull", name]));
    });
    await t.test("pull of several layers, of which each alone would fit", async () => {
      const name = await registry.publish("several", hostileImage(randomLayers(2 * MiB, 2 * MiB, 2 * MiB)));
      await failThenWork(() => varve.run(["pull", name]));
    });
    await t.test("import", async () => {
      const [layer] = randomLayers(12 * MiB);
      await failThenWork(() => varve.run(["import", "-", "imported:1"], { input: layer?.tar as Uint8Array }));
    });
    assert.equal(await varve("system", "check", "--deep"), "no problems found");
    // Archives come by the same way on both; a container of vfs is a copy, and has no room for itself.
    if (driver === "vfs") return;
    await t.test("load from a file and from a pipe", async () => {
      const other = varveOn(world.path("other"), driver);
      const name = await registry.publish("saved", hostileImage(randomLayers(12 * MiB)));
      await other("pull", "-q", name);
      await other("save", "-o", world.path("archive"), name);
      await failThenWork(() => varve.run(["load", "-i", world.path("archive")]));
      const archive = execFileSync("gzip", ["-1c", world.path("archive")], { maxBuffer: 100 * MiB });
      await failThenWork(() => varve.run(["load"], { input: archive }));
    });
    await t.test("commit", async () => {
      disk.resize(100 * MiB);
      writeFileSync(world.path("file"), randomBytes(5 * MiB));
      await varve("create", "--name", "work", base, "x");
      await varve("cp", world.path("file"), "work:/added");
      disk.resize(small);
      await failThenWork(() => varve.run(["commit", "work", "committed:1"]));
      await varve("rm", "work");
    });
    assert.equal(await varve("system", "check", "--deep"), "no problems found");
  });
}
