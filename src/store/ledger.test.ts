import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { suite } from "node:test";
import { forEachDriver, options, threeLayers } from "../../test/fixtures/receive_cases.ts";
import { noise, sampleImage, sampleLayer, type SampleLayer } from "../../test/fixtures/sample_image.ts";
import { scratch } from "../../test/suites/scratch.ts";
import { chainIds, parseReference, type ImageId } from "../oci/index.ts";
import { collectGarbage } from "./gc.ts";
import { freedBy, ledger } from "./ledger.ts";
import { openStore } from "./open_store.ts";
import { receiveImage } from "./receive.ts";
import { releaseLayers } from "./release.ts";
import type { Store } from "./types.ts";
import { directoryOf } from "../../test/suites/driver_helpers.ts";

function du(root: string): number {
  return Number(execFileSync("du", ["-sx", "--block-size=1", root], { encoding: "utf8" }).split("\t")[0]);
}

async function receive(store: Store, layers: readonly SampleLayer[], ...names: string[]): Promise<ImageId> {
  const image = sampleImage(layers, { config: { created_by: names.join() } });
  await receiveImage(store, image, names.map(parseReference), options);
  return image.imageId;
}

/** Two images on a common base, one container on the first, a partial, some garbage and a stranger's folder. */
async function household(store: Store) {
  const layers = await threeLayers();
  const [a, b, c] = layers;
  const one = await receive(store, [a, b], "one:1", "one:latest");
  const two = await receive(store, [a, c], "two:1");
  const container = "c".repeat(64);
  await store.containers.create(container, chainIds([a.diffId, b.diffId])[1]);
  const partial = store.blobs.partialPath((await sampleLayer({ x: "partial" })).digest);
  writeFileSync(partial, noise(9000));
  await store.driver.create("d".repeat(64), undefined, { writable: true });
  writeFileSync(join(directoryOf(store.driver, "d".repeat(64)).directory, "junk"), noise(100));
  mkdirSync(join(store.root, "volumes/data"), { recursive: true });
  writeFileSync(join(store.root, "volumes/data/file"), noise(30_000));
  return {
    layers,
    one,
    two,
    container,
    chain: chainIds([a.diffId, b.diffId]),
    other: chainIds([a.diffId, c.diffId]),
  };
}

async function remove(store: Store, id: ImageId, top: string): Promise<void> {
  for (const name of await store.names.namesOf(id)) await store.names.remove(name);
  await store.images.remove(id);
  await releaseLayers(store, top as ImageId);
}

suite("ledger", () => {
  forEachDriver("B061: its parts add up to what the folders hold", async (store) => {
    await household(store);
    const { disk, layers, blobs } = await ledger(store, { measure: true });
    assert.equal(disk?.total, du(store.root));
    assert.equal(
      disk?.layers,
      layers.reduce((sum, layer) => sum + (layer.disk ?? 0), 0),
    );
    assert.ok(
      disk!.cache >= blobs.filter(({ partial }) => !partial).reduce((sum, { size }) => sum + size, 0),
    );
    assert.ok(disk!.partials >= 9000 && disk!.partials < 20_000);
    assert.ok(disk!.other >= 30_000);
    assert.ok(disk!.unowned > 0);
    assert.ok(disk!.containers > 0 && disk!.images > 0 && disk!.books > 0);
  });

  forEachDriver("B061: also when the root is reached by a symbolic link", async (store, driver) => {
    await household(store);
    using links = scratch("links");
    const link = join(links.path, "root");
    symlinkSync(store.root, link);
    const { disk } = await ledger(await openStore({ root: link, driver }), { measure: true });
    assert.equal(disk?.total, du(store.root));
    assert.deepEqual(disk, (await ledger(store, { measure: true })).disk);
  });

  forEachDriver("who uses what, and Docker's sizes: shared, unique", async (store) => {
    const { one, two, container, chain, other } = await household(store);
    const drawn = await ledger(store);
    assert.equal(drawn.disk, undefined);
    const image = (id: ImageId) => drawn.images.find((each) => each.id === id)!;
    const size = (at: string) => drawn.layers.find(({ chainId }) => chainId === at)!.size;
    assert.deepEqual(image(one).names, ["one:1", "one:latest"]);
    assert.deepEqual(image(one).containers, [container]);
    assert.equal(image(one).size, size(chain[0]!) + size(chain[1]!));
    assert.equal(image(one).shared, size(chain[0]!));
    assert.equal(image(one).unique, size(chain[1]!));
    assert.equal(image(two).unique, size(other[1]!));
    assert.equal(drawn.layersSize, size(chain[0]!) + size(chain[1]!) + size(other[1]!));
    const base = drawn.layers.find(({ chainId }) => chainId === chain[0])!;
    assert.deepEqual(base.images.toSorted(), [one, two].sort());
    assert.deepEqual(base.containers, [container]);
  });

  forEachDriver("what a deletion frees is what it then frees, to the byte", async (store) => {
    const { two, other } = await household(store);
    // The first removal makes directories for locks, which stay.
    await collectGarbage(store, { grace: 0 });
    const drawn = await ledger(store, { measure: true });
    const promised = freedBy(drawn, { images: [two] });
    assert.deepEqual(promised.layers, [other[1]]);
    const before = du(store.root);
    await remove(store, two, other[1]!);
    await collectGarbage(store, { grace: 0 });
    assert.equal(before - du(store.root), promised.disk);
  });

  forEachDriver("layers of a container are freed only together with it", async (store) => {
    const { one, two, container, chain, other } = await household(store);
    const drawn = await ledger(store);
    assert.deepEqual(freedBy(drawn, { images: [one] }).layers, []);
    assert.deepEqual(freedBy(drawn, { images: [one], containers: [container] }).layers, [chain[1]]);
    const all = freedBy(drawn, { images: [one, two], containers: [container] });
    assert.deepEqual(new Set(all.layers), new Set([...chain, ...other]));
    assert.equal(all.layers.at(-1), chain[0]);
    assert.equal(all.size, drawn.layersSize);
  });

  forEachDriver("an empty store has a ledger", async (store) => {
    mkdirSync(dirname(join(store.root, "x/y")), { recursive: true });
    const drawn = await ledger(store, { measure: true });
    assert.deepEqual([drawn.images, drawn.layers, drawn.containers, drawn.blobs], [[], [], [], []]);
    assert.equal(drawn.disk?.total, du(store.root));
  });
});
