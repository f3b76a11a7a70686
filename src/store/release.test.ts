import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "node:test";
import { forEachDriver, name, options, threeLayers } from "../../test/fixtures/receive_cases.ts";
import { sampleImage, sampleLayer, type SampleLayer } from "../../test/fixtures/sample_image.ts";
import { chainIds, hexOf, parseReference, type ChainId } from "../oci/index.ts";
import { receiveImage } from "./receive.ts";
import { releaseLayers } from "./release.ts";
import { openSession } from "./sessions.ts";
import type { Store } from "./types.ts";

const chainOf = (layers: readonly SampleLayer[]): ChainId[] => chainIds(layers.map(({ diffId }) => diffId));

async function receive(store: Store, layers: readonly SampleLayer[], text: string) {
  const image = sampleImage(layers);
  await receiveImage(store, image, [parseReference(text)], options);
  return image.imageId;
}

suite("releaseLayers", () => {
  forEachDriver("B092: frees what nobody needs, top first, with its directories", async (store) => {
    const layers = await threeLayers();
    const id = await receive(store, layers, "a:1");
    await store.images.remove(id);
    const chain = chainOf(layers);
    assert.deepEqual(await releaseLayers(store, chain[2]!), chain.toReversed());
    assert.deepEqual(await store.layers.list(), []);
    assert.deepEqual(await store.driver.list(), []);
    assert.deepEqual(await releaseLayers(store, chain[2]!), []);
  });

  forEachDriver("B092: layers of other images stay", async (store) => {
    const [a, b, c] = await threeLayers();
    await receive(store, [a, b], "a:1");
    const id = await receive(store, [a, c], "a:2");
    assert.deepEqual(await releaseLayers(store, chainOf([a, c])[1]!), [], "its image is still there");
    await store.images.remove(id);
    assert.deepEqual(await releaseLayers(store, chainOf([a, c])[1]!), [chainOf([a, c])[1]]);
    assert.deepEqual(await store.layers.list(), chainOf([a, b]).sort());
  });

  forEachDriver("B094: layers of a container stay, also without the image", async (store) => {
    const layers = await threeLayers();
    const id = await receive(store, layers, "a:1");
    const top = chainOf(layers)[2]!;
    const container = randomBytes(32).toString("hex");
    await store.containers.create(container, top);
    await store.images.remove(id);
    assert.deepEqual(await releaseLayers(store, top), []);
    await store.containers.remove(container);
    assert.equal((await releaseLayers(store, top)).length, 3);
  });

  forEachDriver("what a living session relies on stays", async (store) => {
    const layers = await threeLayers();
    const id = await receive(store, layers, "a:1");
    await store.images.remove(id);
    const chain = chainOf(layers);
    const session = await openSession(store);
    await session.claim(chain[1]!);
    assert.deepEqual(await releaseLayers(store, chain[2]!), [chain[2]]);
    await session.finish();
    assert.deepEqual(await releaseLayers(store, chain[1]!), [chain[1], chain[0]]);
  });

  forEachDriver("a layer goes not while an image is there whose layers nobody can tell", async (store) => {
    const layers = await threeLayers();
    const id = await receive(store, layers, "a:1");
    const other = await receive(store, [await sampleLayer({ other: "o" })], "b:1");
    const config = join(store.root, "image", store.driver.name, "imagedb/content/sha256", hexOf(other));
    writeFileSync(config, "damaged");
    await store.images.remove(id);
    assert.deepEqual(await releaseLayers(store, chainOf(layers)[2]!), []);
  });

  forEachDriver("a layer that is being received on is not released under it", async (store) => {
    const [a, b, c] = await threeLayers();
    const below = await receive(store, [a, b], "a:1");
    const image = sampleImage([a, b, c], {
      onChunk: async () => {
        await store.names.remove(parseReference("a:1"));
        await store.images.remove(below);
        assert.deepEqual(await releaseLayers(store, chainOf([a, b])[1]!), []);
      },
    });
    await receiveImage(store, image, [name], options);
    assert.equal((await store.layers.list()).length, 3);
  });
});
