import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { suite, test } from "node:test";
import { forEachDriver, name, options, threeLayers } from "../../test/fixtures/receive_cases.ts";
import { noise, sampleImage, sampleLayer } from "../../test/fixtures/sample_image.ts";
import { scratch, unlessRoot } from "../../test/suites/scratch.ts";
import { chainIds, parseReference } from "../oci/index.ts";
import { checkStore } from "./check.ts";
import { DiskUsage } from "./disk_usage.ts";
import { collectGarbage } from "./gc.ts";
import { openStore } from "./open_store.ts";
import { receiveImage } from "./receive.ts";
import { openSession } from "./sessions.ts";
import type { Store } from "./types.ts";
import { directoryOf } from "../../test/suites/driver_helpers.ts";

/** A directory that an operation made before it died. */
async function strayDirectory(store: Store): Promise<string> {
  const id = randomBytes(32).toString("hex");
  await store.driver.create(id, undefined, { writable: true });
  writeFileSync(join(directoryOf(store.driver, id).directory, "junk"), noise(50_000));
  return id;
}

const kinds = (found: Awaited<ReturnType<typeof collectGarbage>>) => found.removed.map(({ kind }) => kind);

suite("collectGarbage", () => {
  forEachDriver("finds nothing in a whole store, whatever its age", async (store) => {
    await receiveImage(store, sampleImage(await threeLayers()), [name], options);
    await store.containers.create("c".repeat(64), (await store.layers.list())[0]);
    const found = await collectGarbage(store, { grace: 0, partialAge: 0 });
    assert.deepEqual(found, { removed: [], bytes: 0 });
    assert.deepEqual(await checkStore(store, { deep: true }), []);
  });

  forEachDriver("an image without a name is no garbage", async (store) => {
    const image = sampleImage(await threeLayers());
    await receiveImage(store, image, [], options);
    assert.deepEqual(kinds(await collectGarbage(store, { grace: 0 })), []);
    assert.ok(await store.images.get(image.imageId));
  });

  forEachDriver("a directory that nothing refers to, counted as the disk gives it back", async (store) => {
    // The first collection makes directories for sessions and locks, which stay.
    await strayDirectory(store);
    await collectGarbage(store, { grace: 0 });
    const id = await strayDirectory(store);
    const before = await new DiskUsage().of(store.root);
    const dry = await collectGarbage(store, { grace: 0, dryRun: true });
    assert.deepEqual(kinds(dry), ["driver directory"]);
    assert.deepEqual(await store.driver.list(), [id], "a dry run removes nothing");
    const found = await collectGarbage(store, { grace: 0 });
    assert.deepEqual(found.removed, dry.removed);
    assert.deepEqual(await store.driver.list(), []);
    const back = before - (await new DiskUsage().of(store.root));
    assert.ok(found.bytes >= 50_000 && found.bytes === back, `${found.bytes} told, ${back} came back`);
  });

  forEachDriver("what nobody claims has a time of grace", async (store) => {
    await strayDirectory(store);
    assert.deepEqual(kinds(await collectGarbage(store)), []);
  });

  forEachDriver("what a dead session claims goes at once, what a living one claims stays", async (store) => {
    const [lost, kept] = [await strayDirectory(store), await strayDirectory(store)];
    const [dead, living] = [await openSession(store), await openSession(store)];
    await dead.claim(lost);
    await living.claim(kept);
    dead.abandon();
    const found = await collectGarbage(store);
    assert.deepEqual(kinds(found).sort(), ["driver directory", "session"]);
    assert.equal(existsSync(dead.directory), false);
    assert.deepEqual(await store.driver.list(), [kept]);
    assert.deepEqual(kinds(await collectGarbage(store, { grace: 0 })), []);
    await living.finish();
  });

  forEachDriver("layers that no image has, top down, but not those below that one has", async (store) => {
    const [a, b, c] = await threeLayers();
    await receiveImage(store, sampleImage([a]), [name], options);
    const image = sampleImage([a, b, c]);
    await receiveImage(store, image, [parseReference("sample:2")], options);
    await store.names.remove(parseReference("sample:2"));
    await store.images.remove(image.imageId);
    const chain = chainIds([a, b, c].map(({ diffId }) => diffId));
    const layersOf = (found: Awaited<ReturnType<typeof collectGarbage>>) =>
      found.removed.filter(({ kind }) => kind === "layer").map(({ what }) => what);
    const dry = await collectGarbage(store, { grace: 0, dryRun: true });
    assert.deepEqual(layersOf(dry), [chain[2], chain[1]]);
    assert.equal((await store.layers.list()).length, 3);
    assert.deepEqual(layersOf(await collectGarbage(store, { grace: 0 })), [chain[2], chain[1]]);
    assert.deepEqual(await store.layers.list(), [chain[0]]);
    assert.equal((await store.driver.list()).length, 1);
  });

  forEachDriver("an image that its maker had not named when it died goes with its layers", async (store) => {
    const layers = await threeLayers();
    const image = sampleImage(layers);
    await receiveImage(store, image, [], options);
    const session = await openSession(store);
    await session.claim(`image:${image.imageId}`, ...chainIds(layers.map(({ diffId }) => diffId)));
    session.abandon();
    const dry = await collectGarbage(store, { dryRun: true });
    const found = await collectGarbage(store);
    assert.deepEqual(kinds(found), ["image", "layer", "layer", "layer", "session"]);
    assert.deepEqual(kinds(dry), kinds(found));
    assert.deepEqual([await store.images.list(), await store.layers.list()], [[], []]);
  });

  forEachDriver("an image that its dead maker had named stays", async (store) => {
    const image = sampleImage(await threeLayers());
    await receiveImage(store, image, [name], options);
    const session = await openSession(store);
    await session.claim(`image:${image.imageId}`);
    session.abandon();
    assert.deepEqual(kinds(await collectGarbage(store, { grace: 0 })), ["session"]);
    assert.equal(await store.names.get(name), image.imageId);
  });

  forEachDriver(
    "files: old partials, staging, half removals, temporary files, stray metadata",
    async (store, driver) => {
      const image = join(store.root, "image", driver);
      const blob = await sampleLayer({ x: "y" });
      const paths = {
        "partial download": store.blobs.partialPath(blob.digest),
        "layer entry": join(image, "layerdb/tmp/write-set-1/size"),
        "temporary file": join(image, ".tmp-repositories.json-1"),
        "image metadata": join(store.root, "varve/manifests", "a".repeat(64), "manifest.json"),
      };
      for (const path of Object.values(paths)) {
        mkdirSync(dirname(path), { recursive: true });
        writeFileSync(path, "x");
      }
      assert.deepEqual(kinds(await collectGarbage(store)), [], "all of them are fresh");
      const found = await collectGarbage(store, { grace: 0, partialAge: 0 });
      assert.deepEqual(kinds(found).sort(), Object.keys(paths).sort());
      for (const path of Object.values(paths)) assert.equal(existsSync(path), false, path);
    },
  );

  test("overlay2: short links that lead nowhere", { skip: unlessRoot }, async () => {
    using root = scratch("gc");
    const store = await openStore({ root: root.path, driver: "overlay2" });
    await receiveImage(store, sampleImage(await threeLayers()), [name], options);
    const link = join(root.path, "overlay2/l/AAAAAAAAAAAAAAAAAAAAAAAAAA");
    symlinkSync(`../${"a".repeat(64)}/diff`, link);
    const found = await collectGarbage(store, { grace: 0 });
    assert.deepEqual(
      found.removed.map(({ kind, what }) => [kind, what]),
      [["short link", link]],
    );
    assert.deepEqual(await checkStore(store, { deep: true }), []);
  });

  test(
    "overlay2: ends mounts of layers that a crash left, not those in use",
    { skip: unlessRoot },
    async () => {
      using root = scratch("gc");
      const store = await openStore({ root: root.path, driver: "overlay2" });
      const layers = await threeLayers();
      await receiveImage(store, sampleImage(layers), [name], options);
      const chain = chainIds(layers.map(({ diffId }) => diffId));
      const [middle, top] = [await store.layers.get(chain[1]!), await store.layers.get(chain[2]!)];
      const program = `
      import { openStore } from ${JSON.stringify(join(import.meta.dirname, "open_store.ts"))};
      const store = await openStore({ root: ${JSON.stringify(root.path)}, driver: "overlay2" });
      console.log((await store.driver.mount("${top!.cacheId}", { readOnly: true })).path);
      process.kill(process.pid, "SIGKILL");
    `;
      const { stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
        encoding: "utf8",
      });
      const path = stdout.trim();
      assert.deepEqual(readdirSync(path).sort(), ["big.bin", "etc"]);
      await using used = await store.driver.mount(middle!.cacheId);
      const found = await collectGarbage(store);
      assert.deepEqual(
        found.removed.map(({ kind, what }) => [kind, what]),
        [["mount", path]],
      );
      assert.deepEqual(readdirSync(used.path).sort(), ["big.bin", "etc"]);
      assert.equal(existsSync(path), false);
    },
  );

  forEachDriver("a partial that is being worked on stays", async (store) => {
    const blob = await sampleLayer({ x: "y" });
    const path = store.blobs.partialPath(blob.digest);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, "x");
    const old = Date.now() / 1000 - 13 * 24 * 3600;
    utimesSync(path, old, old);
    assert.deepEqual(kinds(await collectGarbage(store)), []);
  });

  forEachDriver("nothing of a receive that runs meanwhile is touched", async (store) => {
    const layers = await threeLayers();
    let collected = 0;
    const image = sampleImage(layers, {
      onChunk: async ({ bytes }) => {
        if (bytes % 5000 !== 0) return;
        const found = await collectGarbage(store, { grace: 0, partialAge: 3_600_000 });
        assert.deepEqual(found.removed, []);
        collected++;
      },
    });
    await receiveImage(store, image, [name], options);
    assert.ok(collected > 3);
    assert.deepEqual(await checkStore(store, { deep: true }), []);
  });
});
