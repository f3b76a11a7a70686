import assert from "node:assert/strict";
import { suite } from "node:test";
import { forEachDriver, name, options, threeLayers } from "../../test/fixtures/receive_cases.ts";
import { sampleImage } from "../../test/fixtures/sample_image.ts";
import { chainIds, parseReference, shortId, type Digest } from "../oci/index.ts";
import { checkStore } from "./check.ts";
import { receiveImage } from "./receive.ts";

suite("receiveImage: what is here already", () => {
  forEachDriver("B114: a known image is only named: config and layers are not opened", async (store) => {
    const layers = await threeLayers();
    await receiveImage(store, sampleImage(layers), [name], options);
    const again = sampleImage(layers);
    const other = parseReference("127.0.0.1:5000/other:2");
    const received = await receiveImage(store, again, [other], options);
    assert.deepEqual(again.opened, []);
    assert.equal(received.bytesFetched, 0);
    assert.equal(received.layersExisting, 3);
    assert.equal(await store.names.get(other), again.imageId);
  });

  forEachDriver("B116, B056: layers known by chain ID are not opened and say so", async (store) => {
    const [a, b, c] = await threeLayers();
    await receiveImage(store, sampleImage([a, b]), [name], options);
    const second = sampleImage([a, b, c]);
    const lines: string[] = [];
    const received = await receiveImage(store, second, [parseReference("sample:2")], {
      ...options,
      report: ({ id, status }) => lines.push(`${id} ${status}`),
    });
    assert.deepEqual(
      second.opened.filter(({ what }) => what === "blob").map(({ digest }) => digest),
      [c.digest],
    );
    assert.equal(received.bytesFetched, c.blob.length);
    assert.equal(received.layersExisting, 2);
    assert.deepEqual(lines.slice(0, 3), [
      `${shortId(a.digest)} Already exists`,
      `${shortId(b.digest)} Already exists`,
      `${shortId(c.digest)} Pulling fs layer`,
    ]);
  });

  forEachDriver("B116: an equal diff ID on another parent is not that layer", async (store) => {
    const [a, b, c] = await threeLayers();
    await receiveImage(store, sampleImage([a, b]), [name], options);
    const second = sampleImage([c, b]);
    await receiveImage(store, second, [parseReference("sample:2")], options);
    assert.equal((await store.layers.list()).length, 4);
    // The blob is in the cache by now, so it is unpacked again but not fetched again.
    assert.deepEqual(
      second.opened.filter(({ what }) => what === "blob").map(({ digest }) => digest),
      [c.digest],
    );
  });

  forEachDriver("an image whose layer is missing is completed", async (store) => {
    const layers = await threeLayers();
    await receiveImage(store, sampleImage(layers), [name], options);
    const top = chainIds(layers.map((layer) => layer.diffId))[2] as Digest;
    const cacheId = (await store.layers.get(top))?.cacheId as string;
    await store.layers.remove(top);
    await store.driver.remove(cacheId);
    const received = await receiveImage(store, sampleImage(layers), [name], options);
    assert.equal(received.layersFetched, 1);
    assert.deepEqual(await checkStore(store), []);
  });
});
