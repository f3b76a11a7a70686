import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { sampleLayer } from "../../test/fixtures/sample_image.ts";
import { scratch, unlessLinux } from "../../test/suites/scratch.ts";
import { chainIds, hexOf, type HistoryRow } from "../oci/index.ts";
import { openStore, type Store, type StoredImage } from "../store/index.ts";
import { deriveImage, historySteps, layersOf, sizeOf, topChain } from "./index.ts";

const skip = unlessLinux;
const { signal } = new AbortController();

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes;
}

/** Three layers of 1, 20 and 300 bytes, with the last two in one history of five rows. */
async function sample(store: Store): Promise<StoredImage> {
  let base: StoredImage | undefined;
  for (const [name, size] of [
    ["a", 1],
    ["b", 20],
    [undefined, 0],
    ["c", 300],
    [undefined, 0],
  ] as const) {
    base = await deriveImage(store, {
      ...(base !== undefined && { base }),
      ...(name !== undefined && { tar: once((await sampleLayer({ [name]: "x".repeat(size) })).tar) }),
      history: { created_by: name ?? "CMD" },
      edit: () => undefined,
      signal,
    });
  }
  return base as StoredImage;
}

async function withSample(body: (store: Store, image: StoredImage) => Promise<void>): Promise<void> {
  using root = scratch("facts");
  const store = await openStore({ root: root.path, driver: "vfs" });
  await body(store, await sample(store));
}

const withHistory = (image: StoredImage, history: HistoryRow[] | null): StoredImage => ({
  ...image,
  config: { ...image.config, history },
});

test("B135 layers bottom first, and the size as their sum", { skip }, () =>
  withSample(async (store, image) => {
    const layers = await layersOf(store, image);
    assert.deepEqual(
      layers.map(({ size }) => size),
      [1, 20, 300],
    );
    assert.deepEqual(
      layers.map(({ diffId }) => diffId),
      image.config.rootfs.diff_ids,
    );
    assert.equal(await sizeOf(store, image), 321);
    assert.equal(topChain(image), layers[2]?.chainId);
    const bare = { ...image, config: { ...image.config, rootfs: { type: "layers" } } };
    assert.deepEqual(
      [topChain(bare), await layersOf(store, bare), await sizeOf(store, bare)],
      [undefined, [], 0],
    );
  }),
);

test("a missing layer is named, with what to do", { skip }, () =>
  withSample(async (store, image) => {
    const chain = chainIds(image.config.rootfs.diff_ids ?? [])[1]!;
    rmSync(join(store.root, "image/vfs/layerdb/sha256", hexOf(chain)), { recursive: true });
    const again = await openStore({ root: store.root, driver: "vfs" });
    await assert.rejects(layersOf(again, image), {
      kind: "corrupt",
      message: `image ${image.id} needs layer ${chain}, which the store does not have`,
      hint: "remove the image and pull it again",
    });
  }),
);

test("history rows stand beside the layers that they made", { skip }, () =>
  withSample(async (store, image) => {
    const steps = async (of: StoredImage) =>
      (await historySteps(store, of)).map(({ row, layer }) => [row.created_by, layer?.size]);
    assert.deepEqual(await steps(image), [
      ["a", 1],
      ["b", 20],
      ["CMD", undefined],
      ["c", 300],
      ["CMD", undefined],
    ]);
    // BuildKit's COPY --link and squashing tools write shorter histories; old ones have none at all.
    assert.deepEqual(await steps(withHistory(image, [{ created_by: "a" }])), [
      ["a", 1],
      [undefined, 20],
      [undefined, 300],
    ]);
    assert.deepEqual(await steps(withHistory(image, null)), [
      [undefined, 1],
      [undefined, 20],
      [undefined, 300],
    ]);
    const longer = ["a", "b", "c", "d"].map((created_by) => ({ created_by }));
    assert.deepEqual(await steps(withHistory(image, longer)), [
      ["a", 1],
      ["b", 20],
      ["c", 300],
      ["d", undefined],
    ]);
  }),
);
