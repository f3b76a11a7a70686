/** A cache that leaves one store and comes into another: `exportCache`, `importCache`, directories. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { forEachDriver, threeLayers } from "../../../test/fixtures/receive_cases.ts";
import { sampleImage, sampleLayer, type SampleLayer } from "../../../test/fixtures/sample_image.ts";
import { scratch, unlessLinux } from "../../../test/suites/scratch.ts";
import { collect, fromBytes, type ImageView } from "../../bytes/index.ts";
import { isFailure, type Failure, type FailureKind } from "../../errors.ts";
import { addLayer } from "../../image/index.ts";
import { chainIds, digestOf, mediaTypes, type ChainId, type Digest } from "../../oci/index.ts";
import {
  checkStore,
  collectGarbage,
  openBuildCache,
  openStore,
  withSession,
  type CacheRecord,
  type Store,
} from "../../store/index.ts";
import { cacheConfigType, inlineMember, parseCacheConfig } from "./cache_config.ts";
import { openCacheDirectory, writeCacheDirectory } from "./cache_directory.ts";
import { exportCache, inlineCache } from "./export_cache.ts";
import { importCache, joinCaches } from "./import_cache.ts";

const { signal } = new AbortController();
const created = "2026-01-01T00:00:00Z";

/** Records of steps that made these layers, one on the other, and of one that changed nothing. */
async function records(store: Store, layers: readonly SampleLayer[], name = "a"): Promise<CacheRecord[]> {
  const made: CacheRecord[] = [];
  await withSession(store, async (session) => {
    let top: ChainId | undefined;
    for (const [i, { tar }] of layers.entries()) {
      const { diffId, chainId, size } = await addLayer(store, session, top, fromBytes(tar), signal);
      top = chainId;
      const layer = { diffId, chainId, size };
      made.push({ key: digestOf(`${name} ${i}`), top, layer, description: `RUN ${i}`, created, kind: "run" });
    }
    made.push({ key: digestOf(`${name} same`), top: top!, description: "RUN true", created, kind: "run" });
    for (const record of made) await openBuildCache(store).put(record);
  });
  return made;
}

const take = (store: Store, cache: Awaited<ReturnType<typeof importCache>>, key: Digest) =>
  withSession(store, (session) => cache.take(key, session, signal));

suite("a build cache in transit", () => {
  forEachDriver("comes back from a directory, layer by layer as steps ask", async (store, driver) => {
    using folder = scratch("cache");
    const made = await records(store, await threeLayers());
    const view = await exportCache(store, made, { signal });
    const directory = join(folder.path, "out");
    await writeCacheDirectory(directory, view, { signal });
    const other = await openStore({ root: join(folder.path, "root"), driver });
    const cache = await importCache(other, await openCacheDirectory(directory, { signal }), { signal });
    assert.equal(await take(other, cache, digestOf("unknown")), undefined);
    assert.deepEqual(await other.layers.list(), [], "nothing was fetched");
    assert.deepEqual(await take(other, cache, made[0]!.key), made[0]);
    assert.equal((await other.layers.list()).length, 1);
    assert.deepEqual(await take(other, cache, made[3]!.key), made[3]);
    assert.equal((await other.layers.list()).length, 3);
    assert.equal((await openBuildCache(other).usage()).length, 2, "what was taken is on record here");
    assert.deepEqual(await collectGarbage(other, { grace: 0 }), { removed: [], bytes: 0 });
    assert.deepEqual(await checkStore(other, { deep: true }), []);
  });

  test("the same records give the same bytes, whatever their order", { skip: unlessLinux }, async () => {
    using root = scratch("cache");
    const store = await openStore({ root: root.path, driver: "vfs" });
    const [a, b, c] = await threeLayers();
    const made = [...(await records(store, [a, b], "one")), ...(await records(store, [a, c], "two"))];
    const first = await exportCache(store, made, { signal });
    const second = await exportCache(store, made.toReversed(), { signal });
    assert.equal(second.manifest?.descriptor.digest, first.manifest?.descriptor.digest);
    assert.equal(first.layers.length, 3, "a layer that two stacks have is there once");
    const { records: read } = parseCacheConfig(await first.readConfig({ signal }));
    assert.deepEqual(
      read.map(({ key, top }) => [key, top?.chainId]).toSorted(),
      made.map(({ key, top }) => [key, top]).toSorted(),
    );
  });

  test("records whose layers are gone stay here", { skip: unlessLinux }, async () => {
    using root = scratch("cache");
    const store = await openStore({ root: root.path, driver: "vfs" });
    const made = await records(store, [(await threeLayers())[0]]);
    const gone = { ...made[1]!, key: digestOf("gone"), top: digestOf("gone") };
    const view = await exportCache(store, [...made, gone], { signal });
    assert.equal(parseCacheConfig(await view.readConfig({ signal })).records.length, 2);
  });

  test(
    "an image brings a cache in its config, and one without brings none",
    { skip: unlessLinux },
    async () => {
      using root = scratch("cache");
      using folder = scratch("cache");
      const store = await openStore({ root: root.path, driver: "vfs" });
      const [a, b, c] = await threeLayers();
      const made = await records(store, [a, b]);
      const elsewhere = await records(store, [c], "other");
      const inline = await inlineCache(store, [...made, ...elsewhere], [a.diffId, b.diffId]);
      const image = sampleImage([a, b], { config: { [inlineMember]: inline } });
      const other = await openStore({ root: folder.path, driver: "vfs" });
      const cache = await importCache(other, image, { signal });
      assert.deepEqual(await take(other, cache, made[1]!.key), made[1]);
      assert.equal(await take(other, cache, elsewhere[0]!.key), undefined);
      const child = await importCache(other, sampleImage([a, b, c], { config: { [inlineMember]: inline } }), {
        signal,
      });
      assert.deepEqual(await take(other, child, made[0]!.key), made[0]);
      // Its layers were merged: what the config says is of others.
      const squashed = sampleImage([c, b], { config: { [inlineMember]: inline } });
      const merged = await importCache(other, squashed, { signal });
      assert.equal(await take(other, merged, made[0]!.key), undefined);
      const none = await importCache(other, sampleImage([a, b]), { signal });
      assert.equal(await take(other, none, made[1]!.key), undefined);
    },
  );

  test("of several caches the first that has the step gives it", { skip: unlessLinux }, async () => {
    using root = scratch("cache");
    using folder = scratch("cache");
    const store = await openStore({ root: root.path, driver: "vfs" });
    const [a, b] = await threeLayers();
    const one = await records(store, [a], "one");
    const two = await records(store, [b], "two");
    const other = await openStore({ root: folder.path, driver: "vfs" });
    const imported = await Promise.all(
      [one, two].map(async (each) =>
        importCache(other, await exportCache(store, each, { signal }), { signal }),
      ),
    );
    const cache = joinCaches(imported);
    assert.deepEqual(await take(other, cache, two[0]!.key), two[0]);
    assert.deepEqual(await take(other, cache, one[0]!.key), one[0]);
    assert.equal(await take(other, cache, digestOf("neither")), undefined);
  });
});

suite("a build cache with other bytes than it says", { skip: unlessLinux }, () => {
  /** Tells what became of a step whose layer has been tampered with. */
  async function tampered(change: (directory: string, view: ImageView) => void) {
    using folder = scratch("cache");
    const store = await openStore({ root: join(folder.path, "from"), driver: "vfs" });
    const made = await records(store, [await sampleLayer({ a: "aaaa" }), await sampleLayer({ b: "bbbb" })]);
    const view = await exportCache(store, made, { signal });
    const directory = join(folder.path, "out");
    await writeCacheDirectory(directory, view, { signal });
    change(directory, view);
    const other = await openStore({ root: join(folder.path, "to"), driver: "vfs" });
    const told: Failure[] = [];
    const opened = await openCacheDirectory(directory, { signal });
    const cache = await importCache(other, opened, { signal, onBroken: (failure) => told.push(failure) });
    assert.equal(await take(other, cache, made[1]!.key), undefined);
    assert.equal(await take(other, cache, made[0]!.key), undefined, "nor is it asked again");
    assert.deepEqual([await other.layers.list(), await other.driver.list()], [[], []]);
    assert.deepEqual(await collectGarbage(other, { grace: 0 }), { removed: [], bytes: 0 });
    return told.map(({ kind }) => kind);
  }

  const blobOf = (directory: string, view: ImageView, i: number): string =>
    join(directory, "blobs/sha256", view.layers[i]!.blob!.digest.slice(7));

  test("a blob that is cut short", async () => {
    assert.deepEqual(await tampered((directory, view) => truncateSync(blobOf(directory, view, 1), 20)), [
      "corrupt",
    ]);
  });

  test("another blob in its place", async () => {
    const swap = (directory: string, view: ImageView): void =>
      writeFileSync(blobOf(directory, view, 0), readFileSync(blobOf(directory, view, 1)));
    assert.deepEqual(await tampered(swap), ["corrupt"]);
  });

  test("a manifest that calls one layer by another's diff ID", async () => {
    using root = scratch("cache");
    using folder = scratch("cache");
    const store = await openStore({ root: root.path, driver: "vfs" });
    const [a, b] = await threeLayers();
    const made = await records(store, [a]);
    const view = await exportCache(store, made, { signal });
    const lying = { ...view, layers: [sampleImage([b]).layers[0]!] };
    const other = await openStore({ root: folder.path, driver: "vfs" });
    const told: FailureKind[] = [];
    const cache = await importCache(other, lying, { signal, onBroken: ({ kind }) => told.push(kind) });
    assert.equal(await take(other, cache, made[0]!.key), undefined);
    assert.deepEqual([told, await other.layers.list(), await other.driver.list()], [["corrupt"], [], []]);
  });

  test("a directory without a cache, or with another manifest than its index says", async () => {
    using folder = scratch("cache");
    await assert.rejects(openCacheDirectory(folder.path, { signal }), (error) =>
      isFailure(error, "not-found"),
    );
    const store = await openStore({ root: join(folder.path, "from"), driver: "vfs" });
    const view = await exportCache(store, [], { signal });
    await writeCacheDirectory(folder.path, view, { signal });
    assert.ok(await openCacheDirectory(folder.path, { signal }));
    const blobs = join(folder.path, "blobs/sha256");
    for (const blob of readdirSync(blobs)) writeFileSync(join(blobs, blob), "{}");
    await assert.rejects(openCacheDirectory(folder.path, { signal }), (error) => isFailure(error, "corrupt"));
  });
});

suite("parseCacheConfig", () => {
  const diffId = digestOf("layer");
  const record = { key: digestOf("k"), top: 0, made: true, description: "", kind: "run", created };
  const good = { version: 1, layers: [diffId], stacks: [{ layer: 0, below: -1 }], records: [record] };
  const read = (value: unknown) => parseCacheConfig(Buffer.from(JSON.stringify(value)));

  test("takes a good one", () => {
    const [first] = read(good).records;
    assert.equal(first?.top?.chainId, chainIds([diffId])[0]);
    assert.equal(
      read({ ...good, records: [{ ...record, top: -1, made: false }] }).records[0]?.top,
      undefined,
    );
  });

  const bad: readonly (readonly [string, unknown, FailureKind])[] = [
    ["no object", [], "invalid"],
    ["a later version", { ...good, version: 2 }, "unsupported"],
    ["a diff ID that is a path", { ...good, layers: ["sha256:../../etc"] }, "invalid"],
    ["a stack on itself", { ...good, stacks: [{ layer: 0, below: 0 }] }, "invalid"],
    [
      "a stack on a later one",
      {
        ...good,
        stacks: [
          { layer: 0, below: 1 },
          { layer: 0, below: -1 },
        ],
      },
      "invalid",
    ],
    ["a stack of a layer that is not there", { ...good, stacks: [{ layer: 7, below: -1 }] }, "invalid"],
    ["a stack with a name for a number", { ...good, stacks: [{ layer: "length", below: -1 }] }, "invalid"],
    [
      "a stack that is too high",
      { ...good, stacks: Array.from({ length: 126 }, (_, i) => ({ layer: 0, below: i - 1 })) },
      "limit",
    ],
    ["a key that is none", { ...good, records: [{ ...record, key: "sha256:0" }] }, "invalid"],
    ["a record of no stack", { ...good, records: [{ ...record, top: 5 }] }, "invalid"],
    ["a layer of nothing", { ...good, records: [{ ...record, top: -1 }] }, "invalid"],
    ["a description that is none", { ...good, records: [{ ...record, description: {} }] }, "invalid"],
    ["too many bytes", { ...good, pad: "x".repeat(9 << 20) }, "limit"],
  ];
  for (const [name, value, kind] of bad) {
    test(`refuses ${name}`, () => assert.throws(() => read(value), { kind }));
  }
});

test(
  "the manifest of a cache is one of the OCI, with a config type of its own",
  { skip: unlessLinux },
  async () => {
    using root = scratch("cache");
    const store = await openStore({ root: root.path, driver: "vfs" });
    const view = await exportCache(store, await records(store, await threeLayers()), { signal });
    const manifest = JSON.parse(String(view.manifest?.bytes));
    assert.equal(manifest.mediaType, mediaTypes.ociManifest);
    assert.equal(manifest.config.mediaType, cacheConfigType);
    for (const [i, { mediaType, digest, size }] of manifest.layers.entries()) {
      assert.equal(mediaType, mediaTypes.ociLayerGzip);
      const bytes = await collect(await view.layers[i]!.openBlob({ signal }), 1 << 20);
      assert.deepEqual([digestOf(bytes), bytes.length], [digest, size]);
    }
  },
);
