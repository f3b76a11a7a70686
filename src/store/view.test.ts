import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { forEachDriver, name, options, signal, threeLayers } from "../../test/fixtures/receive_cases.ts";
import { sampleImage } from "../../test/fixtures/sample_image.ts";
import { scratch, unlessLinux } from "../../test/suites/scratch.ts";
import { collect, type ByteSource } from "../bytes/index.ts";
import { chainIds, digestOf, hexOf, mediaTypes } from "../oci/index.ts";
import { openStore } from "./open_store.ts";
import { receiveImage } from "./receive.ts";
import { viewImage } from "./view.ts";
import { damage, directoryOf } from "../../test/suites/driver_helpers.ts";

const bytesOf = async (source: Promise<ByteSource>) => Buffer.from(await collect(await source, 1 << 30));

suite("viewImage", () => {
  forEachDriver("B129: what was pulled is viewed with its own manifest and its own blobs", async (store) => {
    const layers = await threeLayers();
    const image = sampleImage(layers, { repository: "docker.io/library/sample" });
    await receiveImage(store, image, [name], options);
    const view = await viewImage(store, image.imageId);
    assert.equal(view.imageId, image.imageId);
    assert.deepEqual(view.configDescriptor, image.configDescriptor);
    assert.equal(digestOf(await view.readConfig({ signal })), image.imageId);
    assert.deepEqual(view.manifest, {
      bytes: Buffer.from(image.manifest!.bytes),
      descriptor: image.manifest!.descriptor,
    });
    for (const [i, layer] of layers.entries()) {
      const seen = view.layers[i]!;
      assert.equal(seen.diffId, layer.diffId);
      assert.deepEqual(seen.blob, image.layers[i]?.blob);
      assert.deepEqual(seen.seenAt, [{ digest: layer.digest, repository: "docker.io/library/sample" }]);
      assert.deepEqual(await bytesOf(seen.openBlob({ signal })), Buffer.from(layer.blob));
      assert.deepEqual(
        await bytesOf(seen.openBlob({ signal, offset: 7 })),
        Buffer.from(layer.blob.subarray(7)),
      );
      assert.deepEqual(await bytesOf(seen.openTar({ signal })), Buffer.from(layer.tar));
      assert.equal(await seen.tarSize?.(), layer.tar.length);
    }
  });

  forEachDriver("a layer without a blob is compressed once and kept", async (store, driver) => {
    const layers = await threeLayers();
    const image = sampleImage(layers, { form: "tar" });
    await receiveImage(store, image, [name], options);
    const layer = (await viewImage(store, image.imageId)).layers[1]!;
    assert.equal(layer.blob, undefined);
    await assert.rejects(layer.openBlob({ signal }), { kind: "not-found" });
    const lines: string[] = [];
    const blob = await layer.compress!({ signal, report: ({ status }) => lines.push(status) });
    assert.equal(blob.mediaType, mediaTypes.dockerLayerGzip);
    assert.ok(lines.includes("Compressing"));
    const bytes = await bytesOf(layer.openBlob({ signal }));
    assert.equal(digestOf(bytes), blob.digest);
    assert.equal(bytes.length, blob.size);
    assert.deepEqual(gunzipSync(bytes), Buffer.from(layers[1].tar));
    // A new process finds it; compressing again takes what is there.
    const other = await openStore({ root: store.root, driver });
    const again = (await viewImage(other, image.imageId)).layers[1]!;
    assert.deepEqual(again.blob, blob);
    assert.deepEqual(await again.compress!({ signal }), blob);
  });

  forEachDriver("two that compress one layer at once get one blob", async (store, driver) => {
    const layers = await threeLayers();
    const image = sampleImage(layers, { form: "tar" });
    await receiveImage(store, image, [name], options);
    const other = await openStore({ root: store.root, driver });
    const blobs = await Promise.all(
      [store, other].map(async (each) => {
        return (await viewImage(each, image.imageId)).layers[0]!.compress!({ signal });
      }),
    );
    assert.deepEqual(blobs[0], blobs[1]);
    assert.equal((await store.blobs.list()).length, 1);
  });

  test(
    "a blob that does not fit the cache is made again, from any offset",
    { skip: unlessLinux },
    async () => {
      using root = scratch("view");
      const store = await openStore({ root: root.path, driver: "vfs", blobCacheLimit: 0 });
      const image = sampleImage(await threeLayers(), { form: "tar" });
      await receiveImage(store, image, [name], options);
      const layer = (await viewImage(store, image.imageId)).layers[1]!;
      const blob = await layer.compress!({ signal });
      assert.deepEqual(await store.blobs.list(), []);
      const bytes = await bytesOf(layer.openBlob({ signal }));
      assert.equal(digestOf(bytes), blob.digest);
      assert.deepEqual(await bytesOf(layer.openBlob({ signal, offset: 5000 })), bytes.subarray(5000));
    },
  );

  forEachDriver(
    "a blob that went out of the cache is no blob any more, the manifest stays",
    async (store) => {
      const layers = await threeLayers();
      const image = sampleImage(layers);
      await receiveImage(store, image, [name], options);
      await store.blobs.remove(layers[1].digest);
      const view = await viewImage(store, image.imageId);
      assert.deepEqual(
        view.layers.map(({ blob }) => blob?.digest),
        [layers[0].digest, undefined, layers[2].digest],
      );
      assert.equal(view.manifest?.descriptor.digest, image.manifest?.descriptor.digest);
    },
  );

  forEachDriver(
    "plain tars: from a registry they stay what they are, from an archive they do not",
    async (store) => {
      const plain = (await threeLayers()).map((layer) => ({
        ...layer,
        blob: layer.tar,
        digest: layer.diffId,
      }));
      const archive = sampleImage(plain);
      await receiveImage(store, archive, [name], options);
      assert.deepEqual(await store.blobs.list(), [], "what can be rebuilt is not kept twice");
      const loaded = await viewImage(store, archive.imageId);
      assert.equal(loaded.manifest, undefined);
      assert.deepEqual(
        loaded.layers.map(({ blob }) => blob),
        [undefined, undefined, undefined],
      );
      const registry = sampleImage(plain, { repository: "docker.io/library/plain" });
      await receiveImage(store, registry, [name], options);
      const pulled = await viewImage(store, registry.imageId);
      assert.deepEqual(pulled.manifest?.descriptor, registry.manifest?.descriptor);
      const [, layer] = pulled.layers;
      assert.equal(layer?.blob?.digest, plain[1]?.digest);
      assert.deepEqual(await bytesOf(layer!.openBlob({ signal })), Buffer.from(plain[1]!.tar));
    },
  );

  forEachDriver(
    "a layer's size is told without its files, a damaged record is named",
    async (store, driver) => {
      const layers = await threeLayers();
      const image = sampleImage(layers, { form: "tar" });
      await receiveImage(store, image, [name], options);
      const view = await viewImage(store, image.imageId);
      const [chain] = chainIds(layers.map(({ diffId }) => diffId));
      const { cacheId } = (await store.layers.get(chain!))!;
      if (driver === "erofs") damage(store.driver, cacheId, "");
      else rmSync(join(directoryOf(store.driver, cacheId).directory, "etc/os-release"));
      assert.equal(await view.layers[0]!.tarSize?.(), layers[0].tar.length);
      await assert.rejects(bytesOf(view.layers[0]!.openTar({ signal })), { kind: "corrupt" });
      if (driver === "erofs") return;
      const record = join(store.root, "image", driver, "layerdb/sha256", hexOf(chain!), "tar-split.json.gz");
      writeFileSync(record, "no gzip");
      await assert.rejects(view.layers[0]!.tarSize!(), { kind: "corrupt" });
    },
  );

  forEachDriver("a damaged manifest is as good as none", async (store) => {
    const image = sampleImage(await threeLayers());
    await receiveImage(store, image, [name], options);
    writeFileSync(join(store.root, "varve/manifests", hexOf(image.imageId), "manifest.json"), "{}");
    assert.equal((await viewImage(store, image.imageId)).manifest, undefined);
  });

  forEachDriver("unknown images and missing layers are named", async (store, driver) => {
    await assert.rejects(viewImage(store, digestOf("x")), {
      kind: "not-found",
      message: `No such image: ${digestOf("x")}`,
    });
    const layers = await threeLayers();
    const image = sampleImage(layers);
    await receiveImage(store, image, [name], options);
    const top = chainIds(layers.map(({ diffId }) => diffId))[2]!;
    rmSync(join(store.root, "image", driver, "layerdb/sha256", hexOf(top)), { recursive: true });
    await assert.rejects(viewImage(store, image.imageId), {
      kind: "corrupt",
      message: `image ${image.imageId} needs layer ${top}, which the store does not have`,
    });
  });
});
