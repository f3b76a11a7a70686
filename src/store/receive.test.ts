import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { suite, test } from "node:test";
import {
  forEachDriver,
  name,
  options,
  signal,
  partialOf,
  threeLayers,
  visible,
} from "../../test/fixtures/receive_cases.ts";
import { noise, sampleImage, sampleLayer } from "../../test/fixtures/sample_image.ts";
import { scratch, unlessLinux } from "../../test/suites/scratch.ts";
import type { Progress } from "../bytes/index.ts";
import { chainIds, parseReference, shortId, type Digest } from "../oci/index.ts";
import { checkStore } from "./check.ts";
import { openStore } from "./open_store.ts";
import { receiveImage } from "./receive.ts";

suite("receiveImage: what arrives", () => {
  forEachDriver("layers, maps, blobs, manifest, image and name are there and whole", async (store) => {
    const layers = await threeLayers();
    const image = sampleImage(layers, { repository: "docker.io/library/sample" });
    const received = await receiveImage(store, image, [name], options);
    const fetched = layers.reduce((sum, layer) => sum + layer.blob.length, 0);
    assert.deepEqual(received, {
      imageId: image.imageId,
      layersFetched: 3,
      layersExisting: 0,
      bytesFetched: fetched,
    });
    assert.equal(await store.names.get(name), image.imageId);
    assert.deepEqual(await store.layers.list(), chainIds(layers.map((layer) => layer.diffId)).sort());
    for (const layer of layers) {
      assert.equal(await store.maps.diffIdOf(layer.digest), layer.diffId);
      assert.deepEqual(await store.maps.seenAt(layer.diffId), [
        { digest: layer.digest, repository: "docker.io/library/sample" },
      ]);
      assert.deepEqual(
        readFileSync((await store.blobs.get(layer.digest)) as string),
        Buffer.from(layer.blob),
      );
      assert.equal(partialOf(store, layer), undefined);
    }
    assert.deepEqual(await checkStore(store), []);
    assert.deepEqual((await visible(store)).sessions, []);
  });

  forEachDriver("the same with worker threads of its own", async (store) => {
    const layers = await threeLayers();
    const image = sampleImage(layers);
    await receiveImage(store, image, [name], { signal });
    assert.deepEqual(await checkStore(store, { deep: true }), []);
    assert.equal(await store.names.get(name), image.imageId);
  });

  forEachDriver("an image without layers", async (store) => {
    const image = sampleImage([]);
    const received = await receiveImage(store, image, [name], options);
    assert.equal(received.layersFetched, 0);
    assert.equal(await store.names.get(name), image.imageId);
  });

  forEachDriver("B103: tars without a compressed form, with Docker's lines of load", async (store) => {
    const layers = await threeLayers();
    const lines: Progress[] = [];
    const image = sampleImage(layers, { form: "tar" });
    await receiveImage(store, image, [name], { ...options, report: (line) => lines.push(line) });
    assert.deepEqual(await checkStore(store), []);
    assert.deepEqual(await store.blobs.list(), []);
    const loading = lines.filter(({ status }) => status === "Loading layer");
    assert.deepEqual(
      new Set(loading.map(({ id }) => id)),
      new Set(layers.map((layer) => shortId(layer.diffId))),
    );
  });

  forEachDriver("the same layer twice in one image is two layers and one download", async (store) => {
    const layer = await sampleLayer({ again: noise(3000) });
    const image = sampleImage([layer, layer]);
    const received = await receiveImage(store, image, [name], options);
    assert.equal(received.layersFetched, 2);
    assert.equal((await store.layers.list()).length, 2);
    assert.equal(received.bytesFetched, layer.blob.length);
    assert.deepEqual(await checkStore(store), []);
  });

  forEachDriver("B057: one diff ID on two parents is two entries with two directories", async (store) => {
    const base = await sampleLayer({ base: "b" });
    const file = await sampleLayer({ file: "f" });
    await receiveImage(store, sampleImage([file]), [parseReference("scratch-copy")], options);
    await receiveImage(store, sampleImage([base, file]), [parseReference("base-copy")], options);
    const chains = [chainIds([file.diffId])[0], chainIds([base.diffId, file.diffId])[1]] as Digest[];
    const found = await Promise.all(chains.map((chain) => store.layers.get(chain)));
    assert.deepEqual(
      found.map((layer) => layer?.diffId),
      [file.diffId, file.diffId],
    );
    assert.notEqual(found[0]?.cacheId, found[1]?.cacheId);
    assert.deepEqual((await store.driver.list()).length, 3);
  });

  test("the parent of a committed image is kept", { skip: unlessLinux }, async () => {
    using root = scratch("receive");
    const store = await openStore({ root: root.path, driver: "vfs" });
    const base = await sampleLayer({ base: "b" });
    const below = await receiveImage(store, sampleImage([base]), [name], options);
    const image = sampleImage([base, await sampleLayer({ top: "t" })], { form: "tar" });
    await receiveImage(store, image, [], { ...options, parent: below.imageId });
    assert.equal((await store.images.get(image.imageId))?.parent, below.imageId);
  });

  test("without keepBlobs nothing compressed stays", { skip: unlessLinux }, async () => {
    for (const driver of ["vfs", "overlay2"] as const) {
      using root = scratch("receive");
      const store = await openStore({ root: root.path, driver });
      await receiveImage(store, sampleImage(await threeLayers()), [name], { ...options, keepBlobs: false });
      assert.deepEqual(await store.blobs.list(), []);
    }
  });
});
