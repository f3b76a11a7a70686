/** Layers that only the build cache holds, beside a real dockerd (20.10) on the same data root, and in the bundled CLI. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { addLayer } from "../../src/image/index.ts";
import { fromBytes } from "../../src/bytes/index.ts";
import { chainIds, digestOf, parseReference, type ChainId } from "../../src/oci/index.ts";
import {
  checkStore,
  collectGarbage,
  openBuildCache,
  openStore,
  receiveImage,
  withSession,
  type CacheRecord,
  type Store,
} from "../../src/store/index.ts";
import { noise, sampleImage, sampleLayer, type SampleLayer } from "../fixtures/sample_image.ts";
import { dockerdSkip, startDockerd } from "../suites/dockerd.ts";
import { overlaySkip } from "../suites/overlay_skip.ts";
import { scratch, unlessRoot } from "../suites/scratch.ts";
import { json, varveOn } from "./support.ts";

const { signal } = new AbortController();

/** Steps that made these layers, one on the other; no image has them. */
async function steps(store: Store, layers: readonly SampleLayer[]): Promise<CacheRecord[]> {
  return withSession(store, async (session) => {
    const records: CacheRecord[] = [];
    let top: ChainId | undefined;
    for (const [i, { tar }] of layers.entries()) {
      const { diffId, chainId, size } = await addLayer(store, session, top, fromBytes(tar), signal);
      top = chainId;
      const facts = { description: `RUN step ${i}`, created: "2026-01-01T00:00:00Z", kind: "run" };
      records.push({ key: digestOf(`step ${i}`), top, layer: { diffId, chainId, size }, ...facts });
    }
    for (const record of records) await openBuildCache(store).put(record);
    return records;
  });
}

const taken = (store: Store, { key }: CacheRecord): Promise<CacheRecord | undefined> =>
  withSession(store, (session) => openBuildCache(store).get(key, session));

test(
  "dockerd leaves layers that only the build cache has, until an image that has them goes",
  { skip: dockerdSkip || overlaySkip },
  async () => {
    using folder = scratch("cache");
    const open = (): Promise<Store> => openStore({ root: join(folder.path, "root"), driver: "overlay2" });
    const layers = [
      await sampleLayer({ a: "a" }),
      await sampleLayer({ b: "b" }),
      await sampleLayer({ c: "c" }),
    ];
    const [a, b] = layers as [SampleLayer, SampleLayer, SampleLayer];
    const before = await open();
    const [first, second, third] = (await steps(before, layers)) as [CacheRecord, CacheRecord, CacheRecord];
    await receiveImage(before, sampleImage([a]), [parseReference("kept:1")], { signal });
    {
      await using dockerd = await startDockerd(folder.path, "overlay2");
      assert.equal(dockerd.docker("images", "--format", "{{.Repository}}:{{.Tag}}"), "kept:1");
      assert.doesNotMatch(dockerd.docker("rmi", "kept:1"), new RegExp(first.top!), "a layer stands on it");
      dockerd.docker("system", "prune", "-af");
    }
    const between = await open();
    for (const record of [first, second, third]) assert.deepEqual(await taken(between, record), record);
    assert.deepEqual(await checkStore(between, { deep: true }), []);
    // The manifest that was kept for the image goes; dockerd knows nothing of it.
    const garbage = await collectGarbage(between, { grace: 0 });
    assert.deepEqual(
      garbage.removed.map(({ kind }) => kind),
      ["image metadata"],
    );
    await openBuildCache(between).remove([third.key]);
    await receiveImage(between, sampleImage([a, b]), [parseReference("both:1")], { signal });
    {
      await using dockerd = await startDockerd(folder.path, "overlay2");
      const gone = dockerd.docker("rmi", "both:1");
      for (const chain of chainIds([a.diffId, b.diffId])) assert.match(gone, new RegExp(chain));
    }
    const after = await open();
    assert.deepEqual(await checkStore(after, { deep: true }), []);
    for (const record of [first, second])
      assert.equal(await taken(after, record), undefined, "a miss, no damage");
    assert.equal((await openBuildCache(after).prune()).records.length, 2);
  },
);

test(
  "builder du, builder prune, rmi and system df of the CLI",
  { skip: unlessRoot || overlaySkip },
  async () => {
    using root = scratch("cache");
    const store = await openStore({ root: root.path, driver: "overlay2" });
    const layers = [await sampleLayer({ a: noise(300_000) }), await sampleLayer({ b: noise(200_000) })];
    await steps(store, layers);
    await receiveImage(store, sampleImage([layers[0]!]), [parseReference("a:1")], { signal });
    const varve = varveOn(root.path);
    const usage = json<{ ID: string; Size: string; Shared: string }[]>(
      await varve("builder", "du", "--json"),
    );
    assert.deepEqual(
      usage.map(({ Size, Shared }) => [Size, Shared]),
      [
        ["300kB", "true"],
        ["200kB", "false"],
      ],
    );
    // How long ago something was used is for either to say in its own second.
    const ids = (text: string): (string | undefined)[] => text.split("\n").map((row) => row.split(" ")[0]);
    assert.deepEqual(ids(await varve("buildx", "du")), ids(await varve("builder", "ls")));
    assert.match(await varve("builder", "du"), /\nReclaimable: {2}200kB\n/);
    assert.match(await varve("system", "df"), /\nBuild Cache {5}2 {9}0 {9}2\d\d(\.\d)?kB/);
    assert.match(await varve("system", "df", "-v"), /\nBuild cache usage: 2\d\d(\.\d)?kB\n\nCACHE ID /);
    assert.doesNotMatch(await varve("rmi", "a:1"), new RegExp(chainIds([layers[0]!.diffId])[0]!));
    assert.equal(await varve("builder", "prune", "--filter", "until=24h"), "Total reclaimed space: 0B");
    assert.match(await varve("builder", "prune", "--keep-storage", "400k", "-f"), /: 200kB$/);
    const pruned = json<{ deleted: string[]; spaceReclaimed: number }>(
      await varve("builder", "prune", "--json"),
    );
    assert.deepEqual([pruned.deleted.length, pruned.spaceReclaimed], [1, 300_000]);
    assert.deepEqual((await varve.run(["builder", "prune", "--filter", "type=run"])).code, 1);
    assert.deepEqual(await store.layers.list(), []);
  },
);
