import assert from "node:assert/strict";
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { sampleLayer } from "../../test/fixtures/sample_image.ts";
import { scratch, unlessLinux } from "../../test/suites/scratch.ts";
import { Failure, isFailure } from "../errors.ts";
import { chainIds, digestOf, type DiffId, type ImageConfig } from "../oci/index.ts";
import { openStore, type Store, type StoredImage } from "../store/index.ts";
import { addLayer, deriveImage, emptyLayerDiffId, maximumDepth, type DeriveOptions } from "./index.ts";

const skip = unlessLinux;
const { signal } = new AbortController();
const noEntries = Buffer.alloc(1024);

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes;
}

async function withStore(body: (store: Store) => Promise<void>): Promise<void> {
  using root = scratch("image");
  await body(await openStore({ root: root.path, driver: "vfs" }));
}

async function derive(store: Store, options: Partial<DeriveOptions>, text?: string): Promise<StoredImage> {
  return deriveImage(store, {
    ...(text !== undefined && { tar: once((await sampleLayer({ [text]: text })).tar) }),
    history: { created_by: text ?? "metadata" },
    edit: () => undefined,
    signal,
    ...options,
  });
}

/** Everything that could be left over. */
async function contents(store: Store) {
  return {
    images: await store.images.list(),
    layers: await store.layers.list(),
    directories: await store.driver.list(),
    sessions: readdirSync(join(store.root, "varve/sessions")),
  };
}

test("an image on nothing, one on that, and one that only changes the config", { skip }, () =>
  withStore(async (store) => {
    const base = await derive(store, { edit: (config) => void (config.architecture = "amd64") }, "one");
    assert.deepEqual(base.config.history, [{ created_by: "one" }]);
    assert.equal(base.config.architecture, "amd64");
    assert.equal(base.parent, undefined);
    const child = await derive(store, { base, recordParent: true }, "two");
    assert.deepEqual(child.config.rootfs.diff_ids?.slice(0, 1), base.config.rootfs.diff_ids);
    assert.deepEqual(child.config.history, [{ created_by: "one" }, { created_by: "two" }]);
    assert.equal(child.parent, base.id);
    const labelled = await derive(store, {
      base: child,
      edit: (config) => {
        config.config = { Labels: { a: "b" } };
        // What is said here is overwritten: rootfs and history follow from the layer.
        config.history = [];
        config.rootfs = { type: "layers" };
      },
    });
    assert.equal(labelled.parent, undefined, "a parent is recorded only when it is asked for");
    assert.deepEqual(labelled.config.rootfs, child.config.rootfs);
    assert.deepEqual(labelled.config.history?.at(-1), { created_by: "metadata", empty_layer: true });
    assert.deepEqual(child.config.config, undefined, "the base's config is left alone");
    assert.equal(digestOf(labelled.bytes), labelled.id);
  }),
);

test("B072 a step that changed nothing has no layer, and leaves none behind", { skip }, () =>
  withStore(async (store) => {
    assert.equal(digestOf(noEntries), emptyLayerDiffId);
    const base = await derive(store, {}, "one");
    const before = await contents(store);
    const image = await derive(store, { base, tar: once(noEntries) });
    assert.deepEqual(image.config.rootfs, base.config.rootfs);
    assert.deepEqual(image.config.history?.at(-1), { created_by: "metadata", empty_layer: true });
    const after = await contents(store);
    assert.deepEqual({ ...after, images: [] }, { ...before, images: [] });
    const nothing = await derive(store, { tar: once(noEntries) });
    assert.deepEqual(nothing.config.rootfs, { type: "layers" });
  }),
);

test("B072 an empty layer that another image has stays where it is", { skip }, () =>
  withStore(async (store) => {
    const base = await derive(store, {}, "one");
    const kept = await derive(store, { base, tar: once(noEntries), keepEmptyLayer: true });
    assert.deepEqual(kept.config.rootfs.diff_ids, [...(base.config.rootfs.diff_ids ?? []), emptyLayerDiffId]);
    assert.deepEqual(kept.config.history?.at(-1), { created_by: "metadata" });
    const layers = await store.layers.list();
    await derive(store, { base, tar: once(noEntries) });
    assert.deepEqual(await store.layers.list(), layers);
    assert.ok((await store.layers.get(chainIds(kept.config.rootfs.diff_ids ?? []).at(-1)!)) !== undefined);
  }),
);

test("B048 an image has 125 layers; the 126th is refused before any work", { skip }, () =>
  withStore(async (store) => {
    const base = await derive(store, {}, "one");
    const deep = (layers: number): StoredImage => {
      const diff_ids = Array.from({ length: layers }, (_, i) => digestOf(String(i)) as DiffId);
      return { ...base, config: { ...base.config, rootfs: { type: "layers", diff_ids } } };
    };
    assert.equal(maximumDepth, 125);
    let asked = false;
    const tar = {
      [Symbol.asyncIterator]: () => {
        asked = true;
        throw new Error("not to be read");
      },
    };
    await assert.rejects(derive(store, { base: deep(125), tar }), {
      kind: "limit",
      message: "max depth exceeded",
    });
    assert.equal(asked, false);
    // With 124 below it the work begins: it fails only because these layers are not there.
    const missing = derive(store, { base: deep(124), tar });
    await assert.rejects(missing, (error) => isFailure(error) && error.kind !== "limit");
    const metadata = await derive(store, { base: { ...base, config: { ...base.config } } });
    assert.equal(metadata.config.rootfs.diff_ids?.length, 1);
  }),
);

test("a layer that cannot be unpacked leaves nothing behind", { skip }, () =>
  withStore(async (store) => {
    const base = await derive(store, {}, "one");
    const before = await contents(store);
    const { tar } = await sampleLayer({ file: "x".repeat(5000) });
    await assert.rejects(derive(store, { base, tar: once(tar.subarray(0, 2000)) }), { kind: "corrupt" });
    await assert.rejects(derive(store, { base, tar: once(tar), signal: AbortSignal.abort() }), {
      kind: "cancelled",
    });
    const broken = (): void => {
      throw new Failure("invalid", "no such instruction");
    };
    await assert.rejects(derive(store, { base, tar: once(tar), edit: broken }), {
      message: "no such instruction",
    });
    assert.deepEqual(await contents(store), before);
  }),
);

test("the same layer on the same parent is stored once", { skip }, () =>
  withStore(async (store) => {
    const base = await derive(store, {}, "one");
    const [a, b] = [await derive(store, { base }, "two"), await derive(store, { base, history: {} }, "two")];
    assert.notEqual(a.id, b.id);
    assert.equal((await store.layers.list()).length, 2);
    assert.equal((await store.driver.list()).length, 2);
  }),
);

test("B057 the same layer on two parents is two layers", { skip }, () =>
  withStore(async (store) => {
    const [one, two] = [await derive(store, {}, "one"), await derive(store, {}, "two")];
    const images = [await derive(store, { base: one }, "same"), await derive(store, { base: two }, "same")];
    const [a, b] = images.map(({ config }) => config.rootfs.diff_ids ?? []);
    assert.equal(a?.[1], b?.[1]);
    assert.notEqual(chainIds(a ?? [])[1], chainIds(b ?? [])[1]);
    assert.equal((await store.layers.list()).length, 4);
  }),
);

test("addLayer takes any compression and says what the tar hashes to", { skip }, () =>
  withStore(async (store) => {
    const { blob, diffId } = await sampleLayer({ "a/": "", "a/b": "12345" });
    const directory = join(store.root, "staging");
    mkdirSync(directory);
    const claims: string[] = [];
    const session = {
      directory,
      claims: new Set<string>(),
      claim: async (...names: readonly string[]) => void claims.push(...names),
      settle: async () => undefined,
    };
    const layer = await addLayer(store, session, undefined, once(blob), signal);
    assert.deepEqual([layer.diffId, layer.size, layer.parent], [diffId, 5, undefined]);
    assert.deepEqual(claims, [layer.cacheId, layer.chainId], "all that is made is claimed");
    assert.deepEqual(readdirSync(directory), [], "the record went into the store");
  }),
);

test("configs keep what they do not know", { skip }, () =>
  withStore(async (store) => {
    const base = await derive(
      store,
      { edit: (config) => void (config["moby.buildkit"] = { a: [1] }) },
      "one",
    );
    const child = await derive(store, { base }, "two");
    assert.deepEqual((child.config as ImageConfig)["moby.buildkit"], { a: [1] });
  }),
);
