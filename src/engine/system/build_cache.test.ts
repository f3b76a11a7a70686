/** `builder du`, `builder prune`, `system df` and `system prune`, as far as they concern the build cache. */
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { noise, sampleLayer } from "../../../test/fixtures/sample_image.ts";
import { unlessLinux } from "../../../test/suites/scratch.ts";
import {
  engineFixture,
  makeImage,
  signal,
  type EngineFixture,
} from "../../../test/support/engine_fixture.ts";
import { fromBytes } from "../../bytes/index.ts";
import { addLayer } from "../../image/index.ts";
import { chainIds, digestOf, hexOf } from "../../oci/index.ts";
import { openBuildCache, withSession, type CacheRecord } from "../../store/index.ts";

const created = "2026-01-01T00:00:00Z";

/** A step whose layer only the cache has. */
async function step({ engine: { store } }: EngineFixture, name: string, bytes: number, usedAt: number) {
  const record = await withSession(store, async (session): Promise<CacheRecord> => {
    const { tar } = await sampleLayer({ [name]: noise(bytes, bytes) });
    const { chainId, diffId, size } = await addLayer(store, session, undefined, fromBytes(tar), signal);
    const layer = { chainId, diffId, size };
    const made = {
      key: digestOf(name),
      top: chainId,
      layer,
      description: `RUN ${name}`,
      created,
      kind: "run",
    };
    await openBuildCache(store).put(made);
    return made;
  });
  const path = join(store.root, "varve/build-cache/records", `${hexOf(record.key)}.json`);
  utimesSync(path, usedAt, usedAt);
  return hexOf(record.key);
}

/** A cache mount that nobody uses. */
function cacheMount({ root }: EngineFixture, id: string, bytes: number, usedAt: number): string {
  const folder = join(root, "varve/build-cache/mounts", hexOf(digestOf(id)));
  mkdirSync(join(folder, "0"), { recursive: true });
  writeFileSync(join(folder, "id"), id);
  writeFileSync(join(folder, "gate"), "");
  writeFileSync(join(folder, "0/data"), noise(bytes));
  writeFileSync(join(folder, "0.lock"), "");
  utimesSync(join(folder, "0.lock"), usedAt, usedAt);
  return id;
}

/** What a build has kept of a client's directory. */
function keptContext({ root }: EngineFixture, name: string, bytes: number, usedAt: number): string {
  const id = hexOf(digestOf(name));
  const folder = join(root, "varve/build-cache/contents", id);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "0123456789abcdef"), noise(bytes));
  writeFileSync(join(folder, "index"), "");
  utimesSync(join(folder, "index"), usedAt, usedAt);
  return id;
}

const items = async ({ engine }: EngineFixture) =>
  (await engine.system.buildCache({ signal })).map(({ id }) => id);

suite("the build cache of an engine", { skip: unlessLinux }, () => {
  test("is listed by last use, and each layer counts once", async () => {
    using fixture = await engineFixture();
    const { store } = fixture.engine;
    const old = await step(fixture, "old", 10_000, 1000);
    const mount = cacheMount(fixture, "npm", 5000, 2000);
    const context = keptContext(fixture, "app", 5000, 2500);
    const recent = await step(fixture, "recent", 20_000, 3000);
    const [first] = await openBuildCache(store).usage();
    await openBuildCache(store).put({ ...first!, key: digestOf("again") });
    const found = await fixture.engine.system.buildCache({ signal });
    assert.deepEqual(
      found.map(({ id, type, size }) => [id, type, type === "run" ? size : 0]),
      [
        [old, "run", 10_000],
        [mount, "cachemount", 0],
        [context, "context", 0],
        [recent, "run", 20_000],
        [hexOf(digestOf("again")), "run", 0],
      ],
    );
    assert.deepEqual(
      { ...found[0], id: "" },
      {
        id: "",
        type: "run",
        recordType: "regular",
        description: "RUN old",
        size: 10_000,
        createdAt: created,
        lastUsedAt: "1970-01-01T00:16:40.000Z",
        shared: false,
        inUse: false,
      },
    );
  });

  test("prune removes steps and mounts, with a filter only old ones", async () => {
    using fixture = await engineFixture();
    const old = await step(fixture, "old", 10_000, 1000);
    const mount = cacheMount(fixture, "npm", 5000, 1000);
    const context = keptContext(fixture, "app", 5000, 1000);
    const used = keptContext(fixture, "other", 5000, Date.now() / 1000);
    const recent = await step(fixture, "recent", 20_000, Date.now() / 1000);
    const { system, store } = fixture.engine;
    const day = 24 * 3_600_000;
    const first = await system.pruneBuildCache({ unusedFor: day, signal });
    assert.deepEqual(first.deleted, [old, mount, context]);
    assert.ok(first.spaceReclaimed >= 20_000);
    const second = await system.pruneBuildCache({ signal });
    assert.deepEqual(second.deleted, [recent, used]);
    assert.ok(second.spaceReclaimed >= 25_000);
    assert.deepEqual(await store.layers.list(), []);
  });

  test("--keep-storage removes by last use, whichever kind it is", async () => {
    using fixture = await engineFixture();
    const ids = [
      await step(fixture, "first", 10_000, 1000),
      cacheMount(fixture, "second", 100_000, 2000),
      await step(fixture, "third", 20_000, 3000),
      keptContext(fixture, "fourth", 100_000, 4000),
      await step(fixture, "fifth", 30_000, 5000),
    ];
    const { 1: mount, 3: context } = await fixture.engine.system.buildCache({ signal });
    const [mountBytes, contextBytes] = [mount!.size, context!.size];
    const keep = async (bytes: number): Promise<readonly string[]> =>
      (await fixture.engine.system.pruneBuildCache({ keepStorage: bytes, signal })).deleted;
    assert.deepEqual(await keep(mountBytes + contextBytes + 60_000), []);
    assert.deepEqual(await keep(mountBytes + contextBytes + 50_000), [ids[0]]);
    assert.deepEqual(await keep(contextBytes + 50_000), [ids[1]]);
    assert.deepEqual(await keep(30_000), [ids[2], ids[3]]);
    assert.deepEqual(await items(fixture), [ids[4]]);
    assert.deepEqual(await keep(0), [ids[4]]);
  });

  test("what is remembered of contexts and builds goes with all", async () => {
    using fixture = await engineFixture();
    const { engine, root } = fixture;
    const folder = join(root, "varve/build-cache");
    for (const name of ["contexts", "last"]) {
      mkdirSync(join(folder, name), { recursive: true });
      writeFileSync(join(folder, name, "1"), noise(10_000));
    }
    assert.equal((await engine.system.pruneBuildCache({ signal })).spaceReclaimed, 0);
    assert.equal(
      (await engine.system.pruneBuildCache({ all: true, unusedFor: 60_000, signal })).spaceReclaimed,
      0,
    );
    assert.ok((await engine.system.pruneBuildCache({ all: true, signal })).spaceReclaimed >= 20_000);
    assert.deepEqual(
      ["contexts", "last"].flatMap((name) => readdirSync(join(folder, name))),
      [],
    );
  });

  test("df counts what only the cache has apart from images, and prune gives it back", async () => {
    using fixture = await engineFixture();
    const { engine } = fixture;
    const image = await makeImage(fixture, { names: ["a:1"], files: { app: "x".repeat(1000) } });
    const chain = chainIds(image.config.rootfs.diff_ids ?? [])[0]!;
    const { diffId, size } = (await engine.store.layers.get(chain))!;
    const shared = { key: digestOf("shared"), top: chain, layer: { diffId, chainId: chain, size } };
    await openBuildCache(engine.store).put({ ...shared, description: "COPY app /", created, kind: "copy" });
    const only = await step(fixture, "only", 50_000, 1000);
    const mount = cacheMount(fixture, "npm", 5000, 1000);
    const context = keptContext(fixture, "app", 20_000, 1000);
    const before = await engine.system.diskUsage();
    assert.deepEqual([before.images.size, before.buildCache.total], [1000, 4]);
    assert.ok(before.buildCache.size > 75_000 && before.buildCache.reclaimable === before.buildCache.size);
    assert.equal(before.perCacheItem.find(({ id }) => id === hexOf(shared.key))?.shared, true);
    // While the cache has the layer, removing the image gives back its config alone.
    assert.ok(before.perImage[0]!.frees < 30_000);
    const pruned = await engine.system.prune({ signal });
    assert.deepEqual(pruned.buildCache.toSorted(), [only, mount, context].sort());
    assert.ok(pruned.spaceReclaimed >= 75_000);
    assert.deepEqual(await items(fixture), [hexOf(shared.key)]);
    const all = await engine.system.prune({ all: true, signal });
    assert.deepEqual(all.buildCache, [hexOf(shared.key)]);
    assert.deepEqual(await engine.store.layers.list(), []);
  });
});
