/** B136 without waiting for the disk at every layer: one flush of the file system for a whole image. */
import assert from "node:assert/strict";
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { suite } from "node:test";
import { forEachDriver, name, options } from "../../test/fixtures/receive_cases.ts";
import { sampleImage, sampleLayer } from "../../test/fixtures/sample_image.ts";
import { receiveImage } from "./receive.ts";
import type { Store } from "./types.ts";

/** Calls of fsync and of renames into `layerdb/sha256` from now on, in their order, and the steps told. */
function watch(): Disposable & { readonly calls: string[] } {
  const calls: string[] = [];
  const { fsync, renameSync } = fs;
  const target = fs as { fsync: unknown; renameSync: unknown };
  target.fsync = (...args: Parameters<typeof fsync>) => {
    calls.push("fsync");
    fsync(...args);
  };
  target.renameSync = (from: string, to: string) => {
    if (to.includes("/layerdb/sha256/")) calls.push("publish");
    renameSync(from, to);
  };
  syncBuiltinESMExports();
  const undo = () => {
    Object.assign(target, { fsync, renameSync });
    syncBuiltinESMExports();
  };
  return { calls, [Symbol.dispose]: undo };
}

async function receive(store: Store, log: string[], layers: number): Promise<string[]> {
  const made = [];
  for (let i = 0; i < layers; i++) made.push(await sampleLayer({ [`of-${layers}-${i}`]: "x" }));
  log.length = 0;
  await receiveImage(store, sampleImage(made), [name], { ...options, onStep: (step) => log.push(step) });
  return [...log];
}

suite("receiveImage, flushing", () => {
  forEachDriver("B136: no layer appears before the one flush, and none is flushed singly", async (store) => {
    using watched = watch();
    const log = watched.calls;
    await receive(store, log, 1);
    const few = await receive(store, log, 2);
    const many = await receive(store, log, 20);
    const count = (calls: string[], what: string) => calls.filter((call) => call === what).length;
    assert.deepEqual([count(few, "publish"), count(many, "publish")], [2, 20]);
    assert.equal(count(many, "flushed"), 1);
    assert.ok(many.indexOf("flushed") < many.indexOf("publish"));
    // Visible layers are on the disk before the image is.
    assert.ok(many.indexOf("fsync", many.lastIndexOf("publish")) < many.indexOf("image"));
    assert.equal(count(many, "fsync"), count(few, "fsync"));
  });
});
