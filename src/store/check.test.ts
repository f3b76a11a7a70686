import assert from "node:assert/strict";
import { appendFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "node:test";
import { forEachDriver, name, options, threeLayers } from "../../test/fixtures/receive_cases.ts";
import { sampleImage } from "../../test/fixtures/sample_image.ts";
import { chainIds, hexOf } from "../oci/index.ts";
import { checkStore } from "./check.ts";
import { receiveImage } from "./receive.ts";
import type { Store } from "./types.ts";
import { contentOf, damage, directoryOf } from "../../test/suites/driver_helpers.ts";

async function filled(store: Store) {
  const layers = await threeLayers();
  const image = sampleImage(layers);
  await receiveImage(store, image, [name], options);
  const chain = chainIds(layers.map(({ diffId }) => diffId));
  await store.containers.create("c".repeat(64), chain[2]);
  return { image, chain, layers };
}

const subjects = async (store: Store, deep = false) =>
  (await checkStore(store, { deep })).map(({ subject }) => subject);

suite("checkStore", () => {
  forEachDriver("a whole store has no problems, read to the last byte", async (store) => {
    await filled(store);
    assert.deepEqual(await checkStore(store, { deep: true }), []);
  });

  forEachDriver("a changed file of a layer is found by reading", async (store) => {
    const { chain } = await filled(store);
    const layer = (await store.layers.get(chain[1]!))!;
    damage(store.driver, layer.cacheId, "big.bin");
    assert.deepEqual(await subjects(store), []);
    assert.deepEqual(await subjects(store, true), [`layer ${chain[1]}`]);
  });

  forEachDriver("a missing directory, a missing layer, and all that stands on it", async (store, driver) => {
    const { chain, image } = await filled(store);
    const [base, middle] = [await store.layers.get(chain[0]!), await store.layers.get(chain[1]!)];
    const content = contentOf(store.driver, base!.cacheId);
    const home = driver === "vfs" ? "/vfs/dir" : `/${driver}`;
    rmSync(content, { recursive: true });
    rmSync(join(store.root, "image", driver, "layerdb/sha256", hexOf(chain[1]!)), { recursive: true });
    const found = await checkStore(store);
    assert.deepEqual(
      found
        .map(({ subject, message }) => `${subject}: ${message}`)
        .map((line) => line.replaceAll(store.root, "")),
      [
        `layer ${chain[0]}: its ${driver === "erofs" ? `tar ${content}` : `directory ${home}/${base!.cacheId}`} is missing`.replace(
          store.root,
          "",
        ),
        `layer ${chain[2]}: the layer below it, ${chain[1]}, is missing`,
        `image ${image.imageId}: its layer ${chain[1]} is missing`,
        `directory ${home}/${middle!.cacheId}: nothing refers to it`,
      ],
    );
  });

  forEachDriver("a damaged config, and the name that leads to it", async (store, driver) => {
    const { image } = await filled(store);
    writeFileSync(join(store.root, "image", driver, "imagedb/content/sha256", hexOf(image.imageId)), "{}");
    assert.deepEqual(await subjects(store), [`image ${image.imageId}`, "name sample:1"]);
  });

  forEachDriver("a container whose directory is gone", async (store) => {
    await filled(store);
    const container = (await store.containers.get("c".repeat(64)))!;
    rmSync(directoryOf(store.driver, container.mountId).directory, { recursive: true });
    assert.deepEqual(await subjects(store), [`container ${"c".repeat(64)}`]);
  });

  forEachDriver("a damaged blob of the cache is found by reading", async (store) => {
    const { layers } = await filled(store);
    const blobs = join(store.root, "varve/blobs/sha256");
    assert.equal(readdirSync(blobs).length, 3);
    appendFileSync(join(blobs, hexOf(layers[0].digest)), "x");
    assert.deepEqual(await subjects(store), []);
    assert.deepEqual(await subjects(store, true), [`blob ${layers[0].digest}`]);
  });
});
