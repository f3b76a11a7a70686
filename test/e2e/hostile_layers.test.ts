/** Hostile layers from a registry, through the library on both drivers and through the bundled program. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { openEngine, type Engine } from "../../src/engine/index.ts";
import { isFailure } from "../../src/errors.ts";
import { readImageFile } from "../../src/image/index.ts";
import { unpackHere } from "../../src/layer/index.ts";
import { hexOf, parseReference, type Digest } from "../../src/oci/index.ts";
import { receiveImage, type Unpacker } from "../../src/store/index.ts";
import { tarFile, tarOf } from "../support/tar_help.ts";
import { overlaySkip } from "../suites/overlay_skip.ts";
import { unlessRoot } from "../suites/scratch.ts";
import { hostileImage } from "../fixtures/hostile/hostile_image.ts";
import { hostileLayers, type HostileCase } from "../fixtures/hostile/hostile_layers.ts";
import { hostileRegistry } from "../fixtures/hostile/hostile_registry.ts";
import { assertOneError, footprint, partials, World } from "../fixtures/hostile/world.ts";
import { varveOn } from "./support.ts";

const { signal } = new AbortController();
const good = { tar: tarOf([tarFile({ path: "etc/os-release" }, "ID=good\n")]) };

/** What the merged image has at each path that the case speaks of. */
async function contents(engine: Engine, name: string, { lands = {} }: HostileCase): Promise<object> {
  const image = await engine.images.resolve(name);
  const found: Record<string, string | undefined> = {};
  for (const path of Object.keys(lands)) {
    try {
      found[path] = Buffer.from(await readImageFile(engine.store, image, path, { signal })).toString();
    } catch (error) {
      if (!isFailure(error, "not-found")) throw error;
      found[path] = undefined;
    }
  }
  return found;
}

type Driver = "overlay2" | "erofs" | "vfs";
type Pull = (reference: string, refused: RegExp | undefined) => Promise<void>;

/** Pulls each image and proves what is to be proven after it. `pull` checks that it was refused, or not. */
async function attackAll(
  t: TestContext,
  driver: Driver,
  world: World,
  attacks: readonly HostileCase[],
  pull: Pull,
): Promise<void> {
  await using registry = await hostileRegistry();
  const engine = await openEngine({ root: world.root, driver });
  await engine.images.pull(await registry.publish("good", hostileImage([good])), { signal });
  for (const [index, attack] of attacks.entries()) {
    await t.test(attack.title, async () => {
      const before = footprint(world.root);
      const image = hostileImage(attack.layers);
      const reference = await registry.publish(`attack${index}`, image);
      // What stands for overlayfs' own marks is refused wherever overlayfs is at work.
      const isRefused =
        attack.refusedBy === undefined || (attack.refusedBy === "overlay2") === (driver !== "vfs");
      const refused = isRefused ? attack.refused : undefined;
      await pull(reference, refused);
      world.assertUntouched();
      const bad = hexOf(image.digests.at(-1) as Digest);
      assert.ok(!partials(world.root).includes(`${bad}.partial`), "what is bad is not kept to be resumed");
      if (refused !== undefined) assert.deepEqual(footprint(world.root), before);
      else assert.deepEqual(await contents(engine, reference, attack), attack.lands ?? {});
    });
  }
  assert.deepEqual(await engine.system.check({ deep: true }), []);
  assert.deepEqual((await engine.system.collectGarbage({})).removed, []);
}

for (const driver of ["overlay2", "erofs", "vfs"] as const) {
  const skip = driver === "vfs" ? unlessRoot : unlessRoot || overlaySkip;
  test(`${driver}: B013 B014 hostile layers stay inside or leave nothing`, { skip }, async (t) => {
    using world = new World();
    const engine = await openEngine({ root: world.root, driver });
    const { store } = engine;
    const pool: Unpacker = { unpack: (job) => unpackHere(job, { sync: false }) };
    await attackAll(
      t,
      driver,
      world,
      Object.values(hostileLayers(world.decoy)).flat(),
      async (name, refused) => {
        const view = await (await engine.remote()).resolve(name, { signal });
        const receiving = receiveImage(store, view, [parseReference(name)], { signal, pool });
        if (refused === undefined) await receiving;
        else await assert.rejects(receiving, { name: "Failure", message: refused });
      },
    );
  });
}

test(
  "B013 B014 the program says of a hostile layer one clear line",
  { skip: unlessRoot || overlaySkip },
  async (t) => {
    using world = new World();
    const varve = varveOn(world.root, "overlay2");
    // Of each family one that is refused and one that is taken.
    const attacks = Object.values(hostileLayers(world.decoy)).flatMap((family) =>
      [family.find((each) => each.refused), family.find((each) => !each.refused)].filter(
        (each) => each !== undefined,
      ),
    );
    await attackAll(t, "overlay2", world, attacks, async (reference, refused) => {
      const outcome = await varve.run(["pull", reference]);
      if (refused !== undefined) assertOneError(outcome, refused);
      else assert.equal(outcome.code, 0, outcome.stderr);
    });
    assert.equal(await varve("system", "check", "--deep"), "no problems found");
    assert.equal(await varve("system", "gc"), "Total reclaimed space: 0B");
  },
);
