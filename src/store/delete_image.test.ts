import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { suite } from "node:test";
import { forEachDriver, name, options, threeLayers, visible } from "../../test/fixtures/receive_cases.ts";
import { sampleImage } from "../../test/fixtures/sample_image.ts";
import { scratch } from "../../test/suites/scratch.ts";
import { chainIds, digestOf, hexOf, parseReference } from "../oci/index.ts";
import { checkStore } from "./check.ts";
import { deleteImage } from "./delete_image.ts";
import { collectGarbage } from "./gc.ts";
import { openStore } from "./open_store.ts";
import { receiveImage } from "./receive.ts";

suite("deleteImage", () => {
  forEachDriver("B092: image, kept manifest and the layers that only it had, top first", async (store) => {
    const [a, b, c] = await threeLayers();
    await receiveImage(store, sampleImage([a]), [parseReference("base")], options);
    const image = sampleImage([a, b, c]);
    await receiveImage(store, image, [], options);
    const chain = chainIds([a, b, c].map(({ diffId }) => diffId));
    assert.deepEqual(await deleteImage(store, image.imageId), [chain[2], chain[1]]);
    assert.equal(await store.images.get(image.imageId), undefined);
    assert.equal(existsSync(join(store.root, "varve/manifests", hexOf(image.imageId))), false);
    assert.deepEqual(await store.layers.list(), [chain[0]]);
    assert.deepEqual(await collectGarbage(store, { grace: 0 }), { removed: [], bytes: 0 });
    assert.deepEqual(await deleteImage(store, digestOf("unknown")), []);
  });

  forEachDriver("killed at any step, what is left goes with the next collection", async (store) => {
    using copies = scratch("delete");
    const [a, b, c] = await threeLayers();
    await receiveImage(store, sampleImage([a]), [name], options);
    const image = sampleImage([a, b, c]);
    await receiveImage(store, image, [], options);
    let steps = 0;
    const copied = <A extends unknown[], R>(call: (...args: A) => Promise<R>) => {
      return async (...args: A): Promise<R> => {
        execFileSync("cp", ["-a", store.root, join(copies.path, `${steps++}`)]);
        return call(...args);
      };
    };
    const { images, layers, driver } = store;
    // Methods of the parts are called on the parts: each copy is made right before one of them changes the disk.
    const watched = {
      ...store,
      images: { ...images, remove: copied((id: Parameters<typeof images.remove>[0]) => images.remove(id)) },
      layers: Object.assign(Object.create(layers) as typeof layers, {
        get: layers.get.bind(layers),
        list: layers.list.bind(layers),
        // One by one: a kill may come between any two of them.
        remove: async (...chains: Parameters<typeof layers.remove>) => {
          for (const chain of chains) await copied(() => layers.remove(chain))();
        },
      }),
      driver: Object.assign(Object.create(driver) as typeof driver, {
        remove: copied((id: string) => driver.remove(id)),
      }),
    };
    await deleteImage(watched, image.imageId);
    assert.equal(steps, 5, "one image, two layers, two directories");
    for (let i = 0; i < steps; i++) {
      const after = await openStore({ root: join(copies.path, `${i}`), driver: store.driver.name });
      await collectGarbage(after);
      const { images, layers, directories, sessions } = await visible(after);
      const left = i === 0 ? 2 : 1;
      assert.deepEqual([images.length, sessions], [left, []], `step ${i}`);
      assert.deepEqual([layers.length, directories.length], i === 0 ? [3, 3] : [1, 1], `step ${i}`);
      assert.deepEqual(await checkStore(after, { deep: true }), [], `step ${i}`);
    }
  });
});
