import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { suite } from "node:test";
import {
  forEachDriver,
  name,
  options,
  partialOf,
  plantPartial,
  threeLayers,
  visible,
} from "../../test/fixtures/receive_cases.ts";
import { noise, sampleImage } from "../../test/fixtures/sample_image.ts";
import { isFailure } from "../errors.ts";
import { parseReference } from "../oci/index.ts";
import { checkStore } from "./check.ts";
import { receiveImage } from "./receive.ts";
import { contentOf } from "../../test/suites/driver_helpers.ts";

suite("receiveImage: interruption", () => {
  forEachDriver("B118: a failing layer ends the others at once and keeps their partials", async (store) => {
    const layers = await threeLayers();
    const before = await visible(store);
    const bigStarted = Promise.withResolvers<void>();
    const image = sampleImage(layers, {
      onChunk: async ({ digest, bytes }) => {
        if (digest === layers[1].digest && bytes >= 5000) {
          bigStarted.resolve();
          // Hangs for ever: only the abort ends it.
          await new Promise(() => undefined);
        }
        if (digest === layers[2].digest) {
          await bigStarted.promise;
          throw new Error("the network is gone");
        }
      },
    });
    await assert.rejects(receiveImage(store, image, [name], options), { message: "the network is gone" });
    assert.deepEqual(await visible(store), before);
    assert.deepEqual(partialOf(store, layers[1]), Buffer.from(layers[1].blob.subarray(0, 5000)));
  });

  forEachDriver("B120: a cancelled transfer goes on where it stopped", async (store) => {
    const layers = await threeLayers();
    const before = await visible(store);
    const abort = new AbortController();
    const first = sampleImage(layers, {
      onChunk: ({ digest, bytes }) => {
        if (digest === layers[1].digest && bytes >= 12_000) abort.abort();
      },
    });
    const cancelled = receiveImage(store, first, [name], { ...options, signal: abort.signal });
    await assert.rejects(cancelled, (error) => isFailure(error, "cancelled"));
    assert.deepEqual(await visible(store), before);
    const second = sampleImage(layers);
    await receiveImage(store, second, [name], options);
    const [again] = second.opened.filter(({ digest }) => digest === layers[1].digest);
    assert.ok((again?.offset ?? 0) >= 12_000);
    const sent = [...first.opened, ...second.opened].reduce((sum, { what, bytes }) => {
      return what === "blob" ? sum + bytes : sum;
    }, 0);
    const all = layers.reduce((sum, { blob }) => sum + blob.length, 0);
    // At most one chunk was on its way into the file when it was cancelled.
    assert.ok(sent - all <= 1000, `${sent - all} bytes were fetched twice`);
    assert.deepEqual(await checkStore(store), []);
  });

  forEachDriver("a source that ends early keeps what came", async (store) => {
    const [a] = await threeLayers();
    const full = sampleImage([a]);
    const [view] = full.layers;
    const short = {
      ...full,
      layers: [
        {
          ...view!,
          openBlob: async () =>
            (async function* () {
              yield Uint8Array.from(a.blob.subarray(0, 50));
            })(),
        },
      ],
    };
    await assert.rejects(receiveImage(store, short, [name], options), { kind: "unavailable" });
    assert.equal(partialOf(store, a)?.length, 50);
    await receiveImage(store, full, [name], options);
    assert.deepEqual(
      full.opened.filter(({ what }) => what === "blob").map(({ offset }) => offset),
      [50],
    );
  });

  forEachDriver("a partial that holds all the bytes is not fetched", async (store) => {
    const [, b] = await threeLayers();
    plantPartial(store, b, b.blob);
    const image = sampleImage([b]);
    const received = await receiveImage(store, image, [name], options);
    assert.equal(received.bytesFetched, 0);
    assert.deepEqual(await checkStore(store), []);
  });

  forEachDriver("B120: a damaged partial is dropped and all is fetched, once", async (store) => {
    const [, b] = await threeLayers();
    const damaged = Buffer.from(b.blob.subarray(0, 9000));
    damaged[100]! ^= 0xff;
    plantPartial(store, b, damaged);
    const image = sampleImage([b]);
    await receiveImage(store, image, [name], options);
    assert.deepEqual(
      image.opened.filter(({ what }) => what === "blob").map(({ offset }) => offset),
      [9000, 0],
    );
    assert.deepEqual(await checkStore(store), []);
    const content = contentOf(store.driver, (await store.driver.list())[0] as string);
    if (store.driver.name === "erofs") assert.deepEqual(readFileSync(content), b.tar);
    else assert.deepEqual(readdirSync(content), ["big.bin"]);
  });

  forEachDriver("a partial that is longer than the blob is dropped", async (store) => {
    const [a] = await threeLayers();
    plantPartial(store, a, Buffer.concat([a.blob, a.blob]));
    const image = sampleImage([a]);
    const received = await receiveImage(store, image, [name], options);
    assert.equal(received.bytesFetched, a.blob.length);
  });

  forEachDriver("a damaged blob in the cache is dropped and fetched again", async (store) => {
    const [a, b] = await threeLayers();
    await receiveImage(store, sampleImage([b]), [name], options);
    const cached = (await store.blobs.get(b.digest)) as string;
    writeFileSync(cached, noise(statSync(cached).size, 99));
    const image = sampleImage([a, b]);
    const received = await receiveImage(store, image, [parseReference("sample:2")], options);
    assert.equal(received.bytesFetched, a.blob.length + b.blob.length);
    assert.deepEqual(await checkStore(store, { deep: false }), []);
  });

  forEachDriver("B118: when the last step fails the image is taken back", async (store) => {
    const layers = await threeLayers();
    const before = await visible(store);
    const bad = { domain: "docker.io", path: "library/sha256", tag: "1" };
    await assert.rejects(receiveImage(store, sampleImage(layers), [bad], options), { kind: "invalid" });
    assert.deepEqual(await visible(store), before);
    // What was downloaded is whole and stays.
    assert.equal((await store.blobs.list()).filter(({ partial }) => !partial).length, 3);
  });

  forEachDriver("B118: layers that others need stay when a receive on top of them fails", async (store) => {
    const [a, b, c] = await threeLayers();
    await receiveImage(store, sampleImage([a, b]), [name], options);
    const before = await visible(store);
    const failing = sampleImage([a, b, c], {
      onChunk: () => {
        throw new Error("gone");
      },
    });
    await assert.rejects(receiveImage(store, failing, [], options), { message: "gone" });
    assert.deepEqual(await visible(store), before);
  });
});
