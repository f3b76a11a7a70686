/** Several processes on one root at the same time. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { test } from "node:test";
import { overlaySkip } from "../suites/overlay_skip.ts";
import { faultyDays, unlessLinux, unlessRoot } from "../suites/scratch.ts";
import { hostileImage, type HostileImage, type HostileLayer } from "../fixtures/hostile/hostile_image.ts";
import { hostileRegistry, type HostileRegistry } from "../fixtures/hostile/hostile_registry.ts";
import { World } from "../fixtures/hostile/world.ts";
import { tarFile, tarOf } from "../support/tar_help.ts";
import { randomLayers } from "./faults_support.ts";
import { varveOn } from "./support.ts";

const MiB = 1 << 20;

/** A registry that lets no blob go before so many manifests were fetched: all pulls are under way then. */
async function gatedRegistry(manifests: number): Promise<HostileRegistry> {
  const open = Promise.withResolvers<void>();
  let fetched = 0;
  return hostileRegistry({
    faults: ({ method, path }) => {
      if (method === "GET" && path.includes("/manifests/sha256:") && ++fetched === manifests) open.resolve();
      return undefined;
    },
    pace: () => open.promise,
  });
}

/** How often each layer was asked for, by its place in the image. */
function fetches(registry: HostileRegistry, image: HostileImage): number[] {
  return image.digests.map(
    (digest) => registry.requests.filter(({ path }) => path.endsWith(`/blobs/${digest}`)).length,
  );
}

for (const driver of faultyDays) {
  const skip = driver === "overlay2" ? unlessRoot || overlaySkip : unlessLinux;
  test(`${driver}: three processes that pull one image fetch each layer once`, { skip }, async () => {
    using world = new World();
    await using registry = await gatedRegistry(3);
    const varve = varveOn(world.root, driver);
    const image = hostileImage(randomLayers(MiB, 100_000, MiB));
    const reference = await registry.publish("shared", image);
    const outcomes = await Promise.all([1, 2, 3].map(() => varve.run(["pull", reference])));
    for (const { code, stderr } of outcomes) assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
    assert.deepEqual(fetches(registry, image), [1, 1, 1]);
    assert.equal((await varve("images", "-aq")).split("\n").length, 1);
    assert.equal(await varve("system", "check", "--deep"), "no problems found");
    assert.equal(await varve("system", "gc"), "Total reclaimed space: 0B");
  });

  test(`${driver}: two processes that pull images on one base fetch the base once`, { skip }, async () => {
    using world = new World();
    await using registry = await gatedRegistry(2);
    const varve = varveOn(world.root, driver);
    const [base, ...tops] = randomLayers(MiB, 100_000, 100_000) as [HostileLayer, HostileLayer, HostileLayer];
    const images = tops.map((top) => hostileImage([base, top]));
    const names = await Promise.all(images.map((image, i) => registry.publish(`on-base/${i}`, image)));
    const outcomes = await Promise.all(names.map((name) => varve.run(["pull", name])));
    for (const { code, stderr } of outcomes) assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
    const [first = [], second = []] = images.map((image) => fetches(registry, image));
    assert.deepEqual([first[1], second[1]], [1, 1]);
    assert.equal(first[0], 1, "both counts are of the same blob, in either repository");
    assert.equal(await varve("system", "check", "--deep"), "no problems found");
  });
}

test(
  "pull, load, import, commit, rmi and gc side by side leave a whole root",
  { skip: unlessRoot || overlaySkip },
  async () => {
    using world = new World();
    await using registry = await hostileRegistry();
    const varve = varveOn(world.root, "overlay2");
    const publish = (name: string): Promise<string> =>
      registry.publish(name, hostileImage(randomLayers(300_000, 1000)));
    const [base, saved, gone] = (await Promise.all(["base", "saved", "gone"].map(publish))) as [
      string,
      string,
      string,
    ];
    for (const name of [base, saved, gone]) await varve("pull", "-q", name);
    await varve("save", "-o", world.path("archive"), saved);
    await varve("rmi", saved);
    await varve("create", "--name", "work", base, "x");
    writeFileSync(world.path("file"), randomBytes(100_000));
    await varve("cp", world.path("file"), "work:/added");
    const pulled = await Promise.all(["one", "two"].map(publish));
    const tar = tarOf([tarFile({ path: "imported" }, "x")]);
    const commands: string[][] = [
      ...pulled.map((name) => ["pull", name]),
      ["load", "-i", world.path("archive")],
      ["import", "-", "imported:1"],
      ["commit", "work", "committed:1"],
      ["rmi", gone],
      ["system", "gc"],
      ["system", "gc"],
    ];
    const outcomes = await Promise.all(commands.map((args) => varve.run(args, { input: tar })));
    for (const [i, { code, stderr }] of outcomes.entries())
      assert.equal(code, 0, `${commands[i]?.join(" ")}: ${stderr}`);
    const names = (await varve("images", "--format", "{{.Repository}}:{{.Tag}}")).split("\n");
    assert.deepEqual(names.sort(), [...pulled, saved, base, "imported:1", "committed:1"].sort());
    assert.equal(await varve("system", "check", "--deep"), "no problems found");
  },
);
