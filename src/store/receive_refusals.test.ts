import assert from "node:assert/strict";
import { suite, test } from "node:test";
import {
  forEachDriver,
  name,
  options,
  partialOf,
  signal,
  threeLayers,
  visible,
} from "../../test/fixtures/receive_cases.ts";
import { sampleImage, sampleLayer } from "../../test/fixtures/sample_image.ts";
import { scratch, unlessLinux, unlessRoot } from "../../test/suites/scratch.ts";
import { digestOf } from "../oci/index.ts";
import { openStore } from "./open_store.ts";
import { receiveImage } from "./receive.ts";

suite("receiveImage: refusals", () => {
  forEachDriver("B115: layers that do not fit the config", async (store) => {
    const [a, b, c] = await threeLayers();
    const before = await visible(store);
    const tooFew = sampleImage([a, b], {
      config: { rootfs: { type: "layers", diff_ids: [a.diffId, b.diffId, c.diffId] } },
    });
    const swapped = sampleImage([a, b], {
      form: "tar",
      config: { rootfs: { type: "layers", diff_ids: [b.diffId, a.diffId] } },
    });
    for (const image of [tooFew, swapped]) {
      await assert.rejects(receiveImage(store, image, [name], options), {
        kind: "corrupt",
        message: "layers from manifest don't match image configuration",
      });
      assert.deepEqual(
        image.opened.map(({ what }) => what),
        ["config"],
      );
    }
    assert.deepEqual(await visible(store), before);
  });

  test(
    "B048: the 126th layer is one too many, before anything is fetched",
    { skip: unlessLinux },
    async () => {
      using root = scratch("receive");
      const store = await openStore({ root: root.path, driver: "vfs" });
      const layer = await sampleLayer({ x: "x" });
      const image = sampleImage(Array.from({ length: 126 }, () => layer));
      await assert.rejects(receiveImage(store, image, [name], options), {
        kind: "limit",
        message: "max depth exceeded",
      });
      assert.equal(image.opened.length, 1);
    },
  );

  test("B048: 125 layers are not too many", { skip: unlessRoot }, async () => {
    using root = scratch("receive");
    const store = await openStore({ root: root.path, driver: "overlay2" });
    const layers = await Promise.all(Array.from({ length: 125 }, (_, i) => sampleLayer({ x: `${i}` })));
    const image = sampleImage(layers);
    await receiveImage(store, image, [name], options);
    assert.equal((await store.layers.list()).length, 125);
  });

  forEachDriver("a config that is not the image's, too large, too deep or no config", async (store) => {
    const layers = await threeLayers();
    const good = sampleImage(layers);
    const bytes = await good.readConfig({ signal });
    const deep = Buffer.from(`${'{"a":'.repeat(5000)}1${"}".repeat(5000)}`);
    const cases = [
      { image: { ...good, readConfig: async () => Buffer.concat([bytes, bytes]) }, kind: "corrupt" },
      {
        image: { ...good, configDescriptor: { ...good.configDescriptor, size: 1 << 30 } },
        kind: "limit",
      },
      { image: { ...good, imageId: digestOf(deep), readConfig: async () => deep }, kind: "limit" },
      {
        image: { ...good, imageId: digestOf("[]"), readConfig: async () => Buffer.from("[]") },
        kind: "invalid",
      },
    ];
    for (const { image, kind } of cases) {
      await assert.rejects(receiveImage(store, image, [name], options), { kind });
    }
    assert.deepEqual((await visible(store)).images, []);
  });

  forEachDriver(
    "B117: a flipped byte fails that layer and leaves nothing, not even its partial",
    async (store) => {
      const [a, b, c] = await threeLayers();
      const blob = Uint8Array.from(b.blob);
      blob[blob.length >> 1]! ^= 1;
      const before = await visible(store);
      const image = sampleImage([a, { ...b, blob }, c]);
      await assert.rejects(receiveImage(store, image, [name], options), {
        kind: "corrupt",
        message: `filesystem layer verification failed for digest ${b.digest}`,
      });
      assert.deepEqual(await visible(store), before);
      assert.equal(partialOf(store, b), undefined);
    },
  );

  forEachDriver("B117: a blob that is right but unpacks to another diff ID", async (store) => {
    const [a, b, c] = await threeLayers();
    const before = await visible(store);
    await assert.rejects(receiveImage(store, sampleImage([a, { ...b, diffId: c.diffId }]), [name], options), {
      kind: "corrupt",
    });
    assert.deepEqual(await visible(store), before);
  });

  forEachDriver("B106: a tar that is not its diff ID, in Docker's words", async (store) => {
    const [a, b, c] = await threeLayers();
    const before = await visible(store);
    const image = sampleImage([a, { ...b, tar: c.tar }], { form: "tar" });
    await assert.rejects(receiveImage(store, image, [name], options), {
      kind: "corrupt",
      message: `invalid diffID for layer 1: expected "${b.diffId}", got "${c.diffId}"`,
    });
    assert.deepEqual(await visible(store), before);
  });
});
