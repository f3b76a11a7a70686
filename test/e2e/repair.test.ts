/** A damaged layer is named, and fetched again alone. */
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { hostileImage } from "../fixtures/hostile/hostile_image.ts";
import { hostileRegistry } from "../fixtures/hostile/hostile_registry.ts";
import { World } from "../fixtures/hostile/world.ts";
import { erofsSkip } from "../suites/erofs_skip.ts";
import { randomLayers } from "./faults_support.ts";
import { json, varveOn } from "./support.ts";

const damages: Record<string, (layer: string) => void> = {
  "a byte of the tar": (layer) => flip(join(layer, "layer.tar"), 70_000),
  "the end of the tar": (layer) => fs.truncateSync(join(layer, "layer.tar"), 100_000),
  "the tar": (layer) => fs.rmSync(join(layer, "layer.tar")),
  "a byte of the catalog": (layer) => flip(join(layer, "catalog"), 120),
  "the catalog": (layer) => fs.rmSync(join(layer, "catalog")),
};

function flip(path: string, at: number): void {
  const bytes = fs.readFileSync(path);
  bytes[at]! ^= 1;
  fs.writeFileSync(path, bytes);
}

test(
  "check --repair puts damaged layers right, from cache and registry",
  { skip: erofsSkip("file") },
  async (t) => {
    using world = new World();
    await using registry = await hostileRegistry();
    const image = hostileImage(randomLayers(200_000, 300_000, 1000));
    const name = await registry.publish("sound", image);
    const varve = varveOn(world.root, "erofs");
    await varve("pull", "-q", name);
    await varve("save", "-o", world.path("before"), name);
    const layers = json<string[]>(await varve("inspect", "-f", "{{json .RootFS.Layers}}", name));
    // The middle one: the largest.
    const home = join(world.root, "erofs");
    const size = (id: string): number => fs.statSync(join(home, id, "layer.tar")).size;
    const [middle = ""] = fs.readdirSync(home).sort((a, b) => size(b) - size(a));

    for (const [what, damage] of Object.entries(damages))
      for (const source of ["blob cache", "registry"] as const)
        await t.test(`${what} is damaged; the ${source} has it`, async () => {
          damage(join(home, middle));
          if (source === "registry")
            fs.rmSync(join(world.root, "varve/blobs"), { recursive: true, force: true });
          const found = await varve.run(["system", "check", "--deep"]);
          assert.equal(found.code, 1);
          assert.equal(found.stdout.trimEnd().split("\n").length, 1, found.stdout);
          assert.match(found.stdout, /^layer sha256:[0-9a-f]{64}: .*--repair/);
          const before = registry.requests.length;
          const repaired = await varve("system", "check", "--deep", "--repair");
          assert.match(
            repaired,
            source === "registry" ? /repaired from .*sound/ : /repaired from blob cache$/,
          );
          const blobs = registry.requests.slice(before).filter(({ path }) => path.includes("/blobs/"));
          const expected = source === "registry" ? [`/v2/sound/blobs/${image.digests[1]}`] : [];
          assert.deepEqual(
            blobs.map(({ path }) => path),
            expected,
          );
          assert.equal(await varve("system", "check", "--deep"), "no problems found");
          await varve("save", "-o", world.path("after"), name);
          assert.ok(fs.readFileSync(world.path("after")).equals(fs.readFileSync(world.path("before"))));
          if (source === "registry") await refillCache();
        });

    await t.test("who has no right bytes says so, and the damage stays named", async () => {
      flip(join(home, middle, "layer.tar"), 70_000);
      fs.rmSync(join(world.root, "varve/blobs"), { recursive: true });
      await registry[Symbol.asyncDispose]();
      const { code, stdout } = await varve.run(["system", "check", "--deep", "--repair"]);
      assert.equal(code, 1);
      assert.match(stdout, /^layer sha256:[0-9a-f]{64}: .*; not repaired: /);
      assert.deepEqual(
        fs.readdirSync(join(home, middle)).filter((file) => file.endsWith(".fresh")),
        [],
      );
    });

    /** As a pull leaves it: in a root of its own, from where the blobs are copied. */
    async function refillCache(): Promise<void> {
      const other = varveOn(world.path("other"), "vfs");
      await other("pull", "-q", name);
      fs.cpSync(join(world.path("other"), "varve/blobs"), join(world.root, "varve/blobs"), {
        recursive: true,
      });
      fs.rmSync(world.path("other"), { recursive: true });
    }
    assert.equal(layers.length, 3);
  },
);
