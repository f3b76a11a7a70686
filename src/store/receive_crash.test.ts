/**
 * B118, B136: what a kill -9 leaves at each step of a receive. The store's root is copied at each step: the copy is what
 * a process that was killed there leaves behind (its locks are nobody's). A few processes are really killed besides.
 */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { forEachDriver, name, options, visible } from "../../test/fixtures/receive_cases.ts";
import { noise, sampleImage, sampleLayer, type SampleLayer } from "../../test/fixtures/sample_image.ts";
import { faultyDays, scratch, unlessLinux } from "../../test/suites/scratch.ts";
import { parseReference } from "../oci/index.ts";
import { checkStore } from "./check.ts";
import { collectGarbage } from "./gc.ts";
import { openStore } from "./open_store.ts";
import { receiveImage } from "./receive.ts";
import type { Store } from "./types.ts";

const base = { "etc/": "", "etc/os-release": "NAME=x" };
const upper = { "big.bin": noise(6000, 7) };

async function layersOf(): Promise<SampleLayer[]> {
  return [await sampleLayer(base), await sampleLayer({ ...upper, "etc/": "" })];
}

/** What a killed process left opens, shows nothing that is not whole, gives its space back, and can be gone on with. */
async function recovers(
  root: string,
  store: Store,
  layers: readonly SampleLayer[],
  at: string,
): Promise<void> {
  const after = await openStore({ root, driver: store.driver.name });
  const image = sampleImage(layers, { chunk: 2000 });
  const named = (await after.names.get(name)) !== undefined;
  assert.deepEqual(await after.images.list(), named ? [image.imageId] : [], at);
  const partials = (await after.blobs.list()).reduce((sum, { size }) => sum + size, 0);
  // Garbage is all that may be wrong.
  const broken = (await checkStore(after)).filter(({ message }) => message !== "nothing refers to it");
  assert.deepEqual(broken, [], at);
  await collectGarbage(after);
  assert.deepEqual(await checkStore(after, { deep: true }), [], at);
  const { images, layers: kept, directories, sessions } = await visible(after);
  assert.deepEqual(images, named ? [image.imageId] : [], at);
  assert.equal(kept.length, named ? layers.length : 0, at);
  assert.equal(directories.length, kept.length, at);
  assert.deepEqual(sessions, [], at);
  const received = await receiveImage(after, image, [name], options);
  const whole = layers.reduce((sum, { blob }) => sum + blob.length, 0);
  // B120: what had come is not fetched again.
  if (!named) assert.equal(received.bytesFetched, whole - partials, at);
  assert.equal(await after.names.get(name), image.imageId, at);
  assert.deepEqual(await checkStore(after, { deep: true }), [], at);
}

suite("receiveImage, killed", () => {
  forEachDriver(
    "B118, B120, B136: at any step nothing partial shows and nothing is lost",
    async (store) => {
      using copies = scratch("crash");
      const layers = await layersOf();
      // An image that is there before must come out of everything unharmed: it keeps the base layer busy.
      const steps: string[] = [];
      const image = sampleImage(layers, { chunk: 2000 });
      await receiveImage(store, image, [name], {
        ...options,
        concurrency: 1,
        onStep: (step) => {
          execFileSync("cp", ["-a", store.root, join(copies.path, `${steps.length}`)]);
          steps.push(step);
        },
      });
      const seen = new Set(steps);
      for (const step of [
        "locked",
        "directory",
        "bytes",
        "unpacked",
        "flushed",
        "layer",
        "blob",
        "image",
        "name",
      ]) {
        assert.ok(seen.has(step), `no step ${step}`);
      }
      for (const [i, step] of steps.entries()) {
        await recovers(join(copies.path, `${i}`), store, layers, `step ${i}: ${step}`);
      }
    },
    faultyDays,
  );

  forEachDriver("B118: an image that was there before is not harmed by what gc does", async (store) => {
    using copies = scratch("crash");
    const [a, b] = (await layersOf()) as [SampleLayer, SampleLayer];
    const before = parseReference("before");
    await receiveImage(store, sampleImage([a]), [before], options);
    const copy = join(copies.path, "killed");
    await receiveImage(store, sampleImage([a, b]), [name], {
      ...options,
      onStep: (step) => {
        if (step === "image") execFileSync("cp", ["-a", store.root, copy]);
      },
    });
    const after = await openStore({ root: copy, driver: store.driver.name });
    // Opening hides the new one, which had no name yet, and gc takes what it alone had.
    assert.deepEqual(await after.images.list(), [await after.names.get(before)]);
    assert.equal((await after.layers.list()).length, 2);
    await collectGarbage(after);
    assert.deepEqual(await after.layers.list(), [a.diffId]);
    assert.deepEqual(await checkStore(after, { deep: true }), []);
  });

  test("B118: processes that are really killed", { skip: unlessLinux }, async () => {
    using root = scratch("crash");
    const store = await openStore({ root: root.path, driver: "vfs" });
    const layers = await layersOf();
    const here = (path: string) => JSON.stringify(join(import.meta.dirname, path));
    const program = `
      import { sampleImage, sampleLayer } from ${here("../../test/fixtures/sample_image.ts")};
      import { openStore, receiveImage } from ${here("index.ts")};
      import { unpackHere } from ${here("../layer/index.ts")};
      import { parseReference } from ${here("../oci/index.ts")};
      const store = await openStore({ root: process.env.ROOT, driver: "vfs" });
      const layers = [await sampleLayer(${JSON.stringify(base)})];
      layers.push(await sampleLayer({ "big.bin": Buffer.from(process.env.BIG, "base64"), "etc/": "" }));
      let left = 1;
      await receiveImage(store, sampleImage(layers, { chunk: 2000 }), [parseReference("sample:1")], {
        signal: new AbortController().signal,
        pool: { unpack: (job) => unpackHere(job, { sync: false }) },
        onStep: (step) => {
          if (step === process.env.STEP && left-- === 0) process.kill(process.pid, "SIGKILL");
        },
      });
    `;
    for (const step of ["bytes", "unpacked", "layer"]) {
      const { signal, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
        env: { ...process.env, ROOT: root.path, STEP: step, BIG: upper["big.bin"].toString("base64") },
        encoding: "utf8",
      });
      assert.equal(signal, "SIGKILL", stderr);
      assert.equal((await visible(store)).sessions.length, 1, step);
      assert.deepEqual(await store.images.list(), [], step);
      await collectGarbage(store);
      const { layers: kept, directories, sessions } = await visible(store);
      assert.deepEqual([kept, directories, sessions], [[], [], []], step);
    }
    const received = await receiveImage(store, sampleImage(layers), [name], options);
    // The last of them had all the bytes already.
    assert.equal(received.bytesFetched, 0);
    assert.deepEqual(await checkStore(store, { deep: true }), []);
    assert.equal(existsSync(store.blobs.partialPath(layers[1]!.digest)), false);
  });
});
