import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { forEachDriver, name, options, threeLayers } from "../../test/fixtures/receive_cases.ts";
import { noise, sampleImage, sampleLayer, type SampleLayer } from "../../test/fixtures/sample_image.ts";
import { scratch, unlessRoot } from "../../test/suites/scratch.ts";
import type { Progress } from "../bytes/index.ts";
import { parseReference, shortId } from "../oci/index.ts";
import { checkStore } from "./check.ts";
import { openStore } from "./open_store.ts";
import { receiveImage } from "./receive.ts";

suite("receiveImage: side by side", () => {
  forEachDriver("B121: layers are fetched in parallel, never more than asked", async (store) => {
    const layers = await Promise.all([1, 2, 3, 4, 5].map((i) => sampleLayer({ [`f${i}`]: noise(4000, i) })));
    let [running, most] = [0, 0];
    const gate = Promise.withResolvers<void>();
    const image = sampleImage(layers, {
      chunk: 1 << 20,
      onChunk: async () => {
        most = Math.max(most, ++running);
        if (running === 3) gate.resolve();
        await gate.promise;
        running--;
      },
    });
    await receiveImage(store, image, [name], options);
    assert.equal(most, 3);
  });

  forEachDriver("B056: two receives of one image at once fetch each layer once", async (store, driver) => {
    const other = await openStore({ root: store.root, driver });
    const layers = await threeLayers();
    const [one, two] = [sampleImage(layers), sampleImage(layers)];
    const results = await Promise.all([
      receiveImage(store, one, [name], options),
      receiveImage(other, two, [parseReference("sample:2")], options),
    ]);
    const blobs = [...one.opened, ...two.opened].filter(({ what }) => what === "blob");
    assert.deepEqual(blobs.map(({ digest }) => digest).sort(), layers.map(({ digest }) => digest).sort());
    assert.equal(
      results.reduce((sum, { bytesFetched }) => sum + bytesFetched, 0),
      layers.reduce((sum, { blob }) => sum + blob.length, 0),
    );
    assert.equal((await store.names.all()).size, 2);
    assert.equal((await store.driver.list()).length, 3);
    assert.deepEqual(await checkStore(store), []);
  });

  forEachDriver(
    "two images of the same blobs in opposite orders do not block each other",
    async (store, driver) => {
      const other = await openStore({ root: store.root, driver });
      const [a, b] = await threeLayers();
      const [one, two] = [sampleImage([a, b]), sampleImage([b, a])];
      await Promise.all([
        receiveImage(store, one, [name], options),
        receiveImage(other, two, [parseReference("sample:2")], options),
      ]);
      const blobs = [...one.opened, ...two.opened].filter(({ what }) => what === "blob");
      assert.equal(blobs.length, 2);
      assert.equal((await store.layers.list()).length, 4);
      assert.deepEqual(await checkStore(store), []);
    },
  );

  forEachDriver("when the one that fetches fails, the one that waits takes over", async (store, driver) => {
    const other = await openStore({ root: store.root, driver });
    const layers = await threeLayers();
    const secondWaits = Promise.withResolvers<void>();
    const failing = sampleImage(layers, {
      onChunk: async ({ digest, bytes }) => {
        if (digest !== layers[1].digest || bytes < 8000) return;
        await secondWaits.promise;
        throw new Error("gone");
      },
    });
    const good = sampleImage(layers);
    const first = receiveImage(store, failing, [name], options);
    const second = receiveImage(
      other,
      { ...good, readConfig: (opts) => (secondWaits.resolve(), good.readConfig(opts)) },
      [name],
      options,
    );
    await assert.rejects(first, { message: "gone" });
    await second;
    assert.equal(await store.names.get(name), good.imageId);
    assert.deepEqual(await checkStore(store), []);
    const [big] = good.opened.filter(({ digest }) => digest === layers[1].digest);
    assert.equal(big?.offset, 8000);
  });
});

suite("receiveImage: progress", () => {
  test("B122: Docker's words for each layer, in their order", { skip: unlessRoot }, async () => {
    using root = scratch("receive");
    const store = await openStore({ root: root.path, driver: "overlay2" });
    const layers = await threeLayers();
    const lines: Progress[] = [];
    const report = (line: Progress) => lines.push(line);
    await receiveImage(store, sampleImage(layers), [name], { ...options, concurrency: 2, report });
    const of = (layer: SampleLayer) => lines.filter(({ id }) => id === shortId(layer.digest));
    const words = (layer: SampleLayer) =>
      of(layer)
        .map(({ status }) => status)
        .filter((status, i, all) => status !== all[i - 1]);
    const usual = ["Downloading", "Verifying Checksum", "Download complete", "Extracting", "Pull complete"];
    assert.deepEqual(words(layers[0]), ["Pulling fs layer", ...usual]);
    assert.deepEqual(words(layers[2]), ["Pulling fs layer", "Waiting", ...usual]);
    const downloading = of(layers[1]).filter(({ status }) => status === "Downloading");
    assert.deepEqual(downloading.at(-1), {
      id: shortId(layers[1].digest),
      status: "Downloading",
      current: layers[1].blob.length,
      total: layers[1].blob.length,
    });
  });
});
