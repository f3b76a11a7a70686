import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { forEachDriver, options, threeLayers } from "../../test/fixtures/receive_cases.ts";
import { noise, sampleImage, sampleLayer, type SampleLayer } from "../../test/fixtures/sample_image.ts";
import { scratch, unlessLinux, unlessRoot } from "../../test/suites/scratch.ts";
import { isFailure } from "../errors.ts";
import { chainIds, digestOf, hexOf, parseReference, type ChainId, type Digest } from "../oci/index.ts";
import { openBuildCache, type BuildCache, type CacheRecord } from "./build_cache.ts";
import { checkStore } from "./check.ts";
import { deleteImage } from "./delete_image.ts";
import { collectGarbage } from "./gc.ts";
import { freedBy, ledger } from "./ledger.ts";
import { migrateStore } from "./migrate.ts";
import { openStore } from "./open_store.ts";
import { receiveImage } from "./receive.ts";
import { openSession } from "./sessions.ts";
import type { Store } from "./types.ts";
import { withSession } from "./with_session.ts";

const created = "2026-01-01T00:00:00Z";
const keyOf = (text: string): Digest => digestOf(text);

/** An image of these layers and, for each of them, the record of a step that made it. */
async function built(store: Store, layers: readonly SampleLayer[], name: string): Promise<CacheRecord[]> {
  const image = sampleImage(layers, { config: { created_by: name } });
  await receiveImage(store, image, [parseReference(name)], options);
  const records: CacheRecord[] = [];
  for (const [i, chainId] of chainIds(layers.map(({ diffId }) => diffId)).entries()) {
    const { diffId, size } = (await store.layers.get(chainId))!;
    const description = `RUN step ${i}`;
    const layer = { diffId, chainId, size };
    records.push({ key: keyOf(`${name} ${i}`), top: chainId, layer, description, created, kind: "exec" });
  }
  for (const record of records) await openBuildCache(store).put(record);
  return records;
}

async function removeImage(store: Store, name: string): Promise<ChainId[]> {
  const id = (await store.names.get(parseReference(name)))!;
  await store.names.remove(parseReference(name));
  return deleteImage(store, id);
}

const recordPath = (store: Store, key: Digest): string =>
  join(store.root, "varve/build-cache/records", `${hexOf(key)}.json`);

const keys = async (cache: BuildCache): Promise<Digest[]> => (await cache.usage()).map(({ key }) => key);

const taken = (store: Store, key: Digest): Promise<CacheRecord | undefined> =>
  withSession(store, (session) => openBuildCache(store).get(key, session));

function usedAt(store: Store, key: Digest, seconds: number): void {
  utimesSync(recordPath(store, key), seconds, seconds);
}

suite("openBuildCache", () => {
  forEachDriver("gives what was put, with its facts, and says when it was used", async (store) => {
    const [record] = await built(store, [(await threeLayers())[0]], "a:1");
    const facts = { files: { "src/app.ts": "1234" } };
    await openBuildCache(store).put({ ...record!, facts });
    usedAt(store, record!.key, 1000);
    const [before] = await openBuildCache(store).usage();
    assert.deepEqual(before?.lastUsed, new Date(1_000_000));
    assert.deepEqual(await taken(store, record!.key), { ...record, facts });
    const [after] = await openBuildCache(store).usage();
    assert.ok(after!.lastUsed > before!.lastUsed);
    assert.equal(await taken(store, keyOf("unknown")), undefined);
  });

  forEachDriver("B076: layers of a step survive rmi and gc, and go with the record", async (store) => {
    const layers = await threeLayers();
    const records = await built(store, layers, "a:1");
    assert.deepEqual(await removeImage(store, "a:1"), [], "the cache holds them");
    assert.deepEqual(await collectGarbage(store, { grace: 0 }), { removed: [], bytes: 0 });
    assert.deepEqual(await checkStore(store, { deep: true }), []);
    for (const record of records) assert.deepEqual(await taken(store, record.key), record);
    const chain = chainIds(layers.map(({ diffId }) => diffId));
    const cache = openBuildCache(store);
    const top = await cache.remove([records[2]!.key]);
    assert.deepEqual(top, { records: [records[2]!.key], layers: [chain[2]], size: records[2]!.layer!.size });
    const rest = await cache.prune();
    assert.deepEqual(rest.layers.toSorted(), chain.slice(0, 2).sort());
    assert.deepEqual(await store.driver.list(), []);
    assert.deepEqual(readdirSync(join(store.root, "varve/build-cache/holds")), []);
    assert.deepEqual(await checkStore(store, { deep: true }), []);
  });

  forEachDriver("what images have as well goes only with all, and then frees nothing", async (store) => {
    const [a, b, c] = await threeLayers();
    const mine = await built(store, [a, b], "a:1");
    const others = await built(store, [a, c], "b:1");
    await removeImage(store, "b:1");
    const cache = openBuildCache(store);
    const usage = new Map((await cache.usage()).map(({ key, shared }) => [key, shared]));
    assert.deepEqual(
      [...mine, ...others].map(({ key }) => usage.get(key)),
      [true, true, true, false],
    );
    assert.deepEqual((await cache.prune()).records, [others[1]!.key]);
    const all = await cache.prune({ all: true });
    assert.equal(all.records.length, 3);
    assert.deepEqual([all.layers, all.size], [[], 0]);
    assert.equal((await store.layers.list()).length, 2);
  });

  forEachDriver("what a living build stands on stays, its record too", async (store) => {
    const records = await built(store, await threeLayers(), "a:1");
    await removeImage(store, "a:1");
    const cache = openBuildCache(store);
    const session = await openSession(store);
    await cache.get(records[1]!.key, session);
    const pruned = await cache.prune({ all: true });
    assert.equal(pruned.layers.length, 1);
    assert.deepEqual(await keys(cache), [records[1]!.key]);
    // Removed by its key it goes, but the layers stay as long as the build lives.
    assert.deepEqual((await cache.remove([records[1]!.key])).layers, []);
    assert.equal((await store.layers.list()).length, 2);
    await session.finish();
    assert.equal((await collectGarbage(store, { grace: 0 })).removed.length, 2);
  });

  forEachDriver("a record whose layers are gone, or are others, is none", async (store) => {
    const [record] = await built(store, [(await threeLayers())[0]], "a:1");
    const cache = openBuildCache(store);
    const top = digestOf("another") as ChainId;
    await cache.put({ ...record!, key: keyOf("gone"), top, layer: { ...record!.layer!, chainId: top } });
    const diffId = digestOf("another diff ID");
    await cache.put({ ...record!, key: keyOf("other"), layer: { ...record!.layer!, diffId } });
    assert.equal(await taken(store, keyOf("gone")), undefined);
    assert.equal(await taken(store, keyOf("other")), undefined);
    assert.deepEqual(await taken(store, record!.key), record);
  });

  forEachDriver("a step that changed nothing holds what is below it", async (store) => {
    const [record] = await built(store, [(await threeLayers())[0]], "a:1");
    const { key, top, description, kind } = record!;
    const same: CacheRecord = { key: keyOf("same"), top: top!, description, created, kind };
    const cache = openBuildCache(store);
    await cache.put(same);
    await cache.remove([key]);
    await removeImage(store, "a:1");
    assert.deepEqual(await taken(store, same.key), same);
    assert.deepEqual((await cache.prune()).layers, [top]);
    const none = { key: keyOf("none"), description, created, kind };
    await cache.put(none);
    assert.deepEqual(await taken(store, none.key), none);
    assert.deepEqual((await cache.prune({ all: true })).records, [none.key]);
  });

  forEachDriver("a step that was done again holds only the new layer", async (store) => {
    const [a, b] = await threeLayers();
    const [first] = await built(store, [a], "a:1");
    const [second] = await built(store, [b], "b:1");
    await openBuildCache(store).put({ ...second!, key: first!.key });
    assert.deepEqual(await removeImage(store, "a:1"), [first!.top]);
    assert.deepEqual((await taken(store, first!.key))?.top, second!.top);
  });

  forEachDriver("the ledger knows the cache, and its parts still add up", async (store) => {
    const [a, b, c] = await threeLayers();
    await built(store, [a, b], "a:1");
    const others = await built(store, [a, c], "b:1");
    await removeImage(store, "b:1");
    const drawn = await ledger(store, { measure: true });
    assert.deepEqual(
      drawn.layers
        .filter(({ images }) => images.length === 0)
        .map(({ chainId, cached }) => [chainId, cached]),
      [[others[1]!.top, true]],
    );
    const { total, ...parts } = drawn.disk!;
    assert.ok(parts.buildCache > 0);
    assert.equal(
      Object.values(parts).reduce((sum, part) => sum + part, 0),
      total,
    );
    const image = drawn.images[0]!.id;
    assert.deepEqual(freedBy(drawn, { images: [image] }).layers, [], "the cache has them, too");
    assert.deepEqual(freedBy(drawn, { buildCache: true }).layers, [others[1]!.top]);
    assert.equal(freedBy(drawn, { images: [image], buildCache: true }).layers.length, 3);
  });

  forEachDriver("the least recently used go first, until it is small enough", async (store) => {
    const layers: SampleLayer[] = [];
    for (let i = 0; i < 4; i++) layers.push(await sampleLayer({ [`f${i}`]: noise(10_000, i + 1) }));
    const [base, ...tops] = layers as [SampleLayer, ...SampleLayer[]];
    const cache = openBuildCache(store);
    const stacks: CacheRecord[][] = [];
    for (const [i, top] of tops.entries()) {
      stacks.push(await built(store, [base, top], `i:${i}`));
      await removeImage(store, `i:${i}`);
    }
    // The second stack was used last; the base only when it was made.
    for (const [i, [below, top]] of stacks.entries()) {
      usedAt(store, below!.key, 1000);
      usedAt(store, top!.key, i === 1 ? 9000 : 2000 + i);
    }
    assert.deepEqual(await cache.bound(40_000), { records: [], layers: [], size: 0 });
    const first = await cache.bound(30_000);
    assert.deepEqual([first.layers, first.size], [[stacks[0]![1]!.top], 10_000]);
    const second = await cache.prune({ keepBytes: 20_000 });
    assert.deepEqual(second.layers, [stacks[2]![1]!.top]);
    const since = await cache.prune({ unusedSince: new Date(5_000_000) });
    assert.deepEqual(since.layers, [], "those below the one that was used stay with it");
    assert.deepEqual(await keys(cache), [stacks[1]![1]!.key]);
    assert.equal((await cache.prune()).layers.length, 2);
  });

  forEachDriver("half, foreign and hostile records are misses", async (store) => {
    const records = await built(store, await threeLayers(), "a:1");
    const [cut, foreign, hostile] = records.map(({ key }) => key) as [Digest, Digest, Digest];
    truncateSync(recordPath(store, cut), 100);
    writeFileSync(recordPath(store, foreign), readFileSync(recordPath(store, hostile)));
    const evil = { ...JSON.parse(readFileSync(recordPath(store, hostile), "utf8")), top: "sha256:../../x" };
    writeFileSync(recordPath(store, hostile), JSON.stringify(evil));
    for (const key of [cut, foreign, hostile]) assert.equal(await taken(store, key), undefined);
    const cache = openBuildCache(store);
    assert.deepEqual(await cache.usage(), []);
    await removeImage(store, "a:1");
    assert.equal((await cache.prune()).records.length, 3);
    assert.deepEqual(await store.layers.list(), []);
    const path = "sha256:../../../../x" as Digest;
    await assert.rejects(taken(store, path), (error) => isFailure(error, "invalid"));
    await assert.rejects(cache.put({ ...records[0]!, description: 5 as never }), (error) =>
      isFailure(error, "invalid"),
    );
  });

  forEachDriver("a hold whose record a loss of power took keeps nothing", async (store) => {
    const [record] = await built(store, [(await threeLayers())[0]], "a:1");
    await removeImage(store, "a:1");
    rmSync(recordPath(store, record!.key));
    const dry = await collectGarbage(store, { grace: 0, dryRun: true });
    assert.deepEqual(
      dry.removed.map(({ kind }) => kind),
      ["build cache hold"],
    );
    const found = await collectGarbage(store, { grace: 0 });
    assert.deepEqual(
      found.removed.map(({ kind }) => kind),
      ["build cache hold", "layer"],
    );
    assert.deepEqual(await store.layers.list(), []);
  });

  forEachDriver("who asks for users of layers reads no record", async (store) => {
    const [record] = await built(store, [(await threeLayers())[0]], "a:1");
    rmSync(recordPath(store, record!.key));
    // Whoever reads it fails.
    mkdirSync(recordPath(store, record!.key));
    assert.deepEqual(await removeImage(store, "a:1"), []);
    assert.deepEqual(await collectGarbage(store, { grace: 0 }), { removed: [], bytes: 0 });
    assert.deepEqual(await openBuildCache(store).bound(), { records: [], layers: [], size: 0 });
    assert.equal((await store.layers.list()).length, 1);
  });

  forEachDriver("facts that are too long are left out", async (store) => {
    const [record] = await built(store, [(await threeLayers())[0]], "a:1");
    await openBuildCache(store).put({ ...record!, facts: "x".repeat(1 << 20) });
    assert.deepEqual(await taken(store, record!.key), record);
  });

  forEachDriver("what a step keeps in its cache mount is not taken for our own", async (store) => {
    const mount = join(store.root, "varve/build-cache/mounts/npm/data");
    mkdirSync(mount, { recursive: true });
    writeFileSync(join(mount, ".tmp-a"), "theirs");
    assert.deepEqual(await collectGarbage(store, { grace: 0 }), { removed: [], bytes: 0 });
  });
});

const child = (body: string): string => `
  import { openStore, openBuildCache, withSession } from ${JSON.stringify(join(import.meta.dirname, "index.ts"))};
  const [root, driver, json] = process.argv.slice(1);
  const records = JSON.parse(json);
  const store = await openStore({ root, driver });
  const cache = openBuildCache(store);
  ${body}`;

function start(store: Store, records: readonly CacheRecord[], body: string) {
  const args = ["--input-type=module-typescript", "-e", child(body)];
  return spawn(process.execPath, [...args, store.root, store.driver.name, JSON.stringify(records)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
}

suite("the build cache and migration", () => {
  test(
    "layers that only the cache has come along, and the records with them",
    { skip: unlessRoot },
    async () => {
      using root = scratch("cache");
      const before = await openStore({ root: root.path, driver: "overlay2" });
      const layers = await threeLayers();
      const records = await built(before, layers, "a:1");
      await removeImage(before, "a:1");
      const gone = digestOf("gone") as ChainId;
      const { layer, ...bare } = records[0]!;
      await openBuildCache(before).put({ ...bare, key: keyOf("gone"), top: gone });
      const result = await migrateStore(before, { to: "vfs", signal: options.signal });
      assert.deepEqual([result.images, result.layers], [0, 3]);
      const after = await openStore({ root: root.path });
      assert.equal(after.driver.name, "vfs");
      for (const record of records) assert.deepEqual(await taken(after, record.key), record);
      assert.equal(await taken(after, keyOf("gone")), undefined);
      assert.deepEqual(await collectGarbage(after, { grace: 0 }), { removed: [], bytes: 0 });
      assert.equal((await openBuildCache(after).prune()).size > layer!.size, true);
      assert.deepEqual(await after.driver.list(), []);
    },
  );
});

suite("the build cache, shared by processes", { skip: unlessLinux }, () => {
  test("who puts, takes and prunes at once never loses what somebody stands on", async () => {
    using root = scratch("cache");
    const store = await openStore({ root: root.path, driver: "vfs" });
    const records = await built(store, await threeLayers(), "a:1");
    // The image stays; only records and holds come and go, and each take must find the layers whole.
    const busy = `
      for (let round = 0; round < 150; round++) {
        for (const record of records) {
          await withSession(store, async (session) => {
            await cache.put(record);
            const found = await cache.get(record.key, session);
            if (found !== undefined && (await store.layers.get(found.top)) === undefined)
              throw new Error("taken, but not there");
          });
        }
        if (round % 10 === 0) await cache.prune({ all: true });
      }`;
    const children = [start(store, records, busy), start(store, records, busy)];
    const codes = await Promise.all(children.map(async (each) => (await once(each, "close"))[0] as number));
    assert.deepEqual(codes, [0, 0]);
    await openBuildCache(store).prune({ all: true });
    assert.deepEqual(readdirSync(join(store.root, "varve/build-cache/records")), []);
    assert.deepEqual(readdirSync(join(store.root, "varve/build-cache/holds")), []);
    assert.equal((await store.layers.list()).length, 3);
    assert.deepEqual(await checkStore(store, { deep: true }), []);
  });

  for (const moment of [0, 20, 60]) {
    test(`a kill after ${moment} writes leaves a cache that works and holds nothing for nobody`, async () => {
      using root = scratch("cache");
      const store = await openStore({ root: root.path, driver: "vfs" });
      const records = await built(store, await threeLayers(), "a:1");
      const writer = start(
        store,
        records,
        `for (let i = 0; ; i++) {
          const record = records[i % records.length];
          if (i % 7 === 6) await cache.remove([record.key]);
          else await cache.put({ ...record, facts: i });
          process.stdout.write(".");
        }`,
      );
      let written = 0;
      for await (const chunk of writer.stdout) {
        written += (chunk as Buffer).length;
        if (written > moment) writer.kill("SIGKILL");
      }
      for (const record of records) {
        const found = await taken(store, record.key);
        if (found !== undefined) assert.equal(found.top, record.top);
      }
      await removeImage(store, "a:1");
      const cache = openBuildCache(store);
      await cache.prune({ all: true });
      await collectGarbage(store, { grace: 0 });
      assert.deepEqual(await store.layers.list(), []);
      assert.deepEqual(readdirSync(join(store.root, "varve/build-cache/holds")), []);
      assert.deepEqual(await checkStore(store, { deep: true }), []);
    });
  }
});
