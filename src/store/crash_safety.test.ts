/**
 * What a kill -9 leaves. The store's work is done once, and the root is copied before each call that changes the disk:
 * each copy is what a process that was killed there leaves behind. All of them must open, and be whole.
 */
import assert from "node:assert/strict";
import fs, { cpSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test, type TestContext } from "node:test";
import { gzipSync } from "node:zlib";
import { chainId, chainIds, digestOf, parseReference, type ImageId } from "../oci/index.ts";
import { TarSplitWriter } from "../tar/index.ts";
import { encodeConfig } from "./encode_config.ts";
import { openStore } from "./open_store.ts";
import type { Store } from "./types.ts";
import { directoryOf } from "../../test/suites/driver_helpers.ts";

interface Call {
  readonly name: string;
  readonly paths: readonly string[];
}

const calls = [
  "openSync",
  "writeFileSync",
  "fchmodSync",
  "chmodSync",
  "mkdirSync",
  "renameSync",
  "rmSync",
  "unlinkSync",
  "symlinkSync",
  "copyFileSync",
  "appendFileSync",
  "fsync",
] as const;

type Patchable = Record<string, (...args: unknown[]) => unknown>;

/**
 * Calls `seen` before each call that changes something below `root`, until the test ends; descriptors are told by the
 * path that they were opened with.
 */
function watchWrites(t: TestContext, root: string, seen: (call: Call) => void): void {
  let busy = false;
  const opened = new Map<unknown, string>();
  const target = fs as unknown as Patchable;
  for (const name of calls) {
    const original = target[name] as Patchable[string];
    target[name] = (...args) => {
      const paths = args
        .slice(0, 2)
        .map((arg) => (typeof arg === "number" ? (opened.get(arg) ?? "") : String(arg)));
      const reads = name === "openSync" && args[1] === "r";
      if (!busy && !reads && paths.some((path) => path.startsWith(root))) {
        busy = true;
        seen({ name, paths });
        busy = false;
      }
      const result = original(...args);
      if (name === "openSync") opened.set(result, String(args[0]));
      return result;
    };
    t.after(() => {
      target[name] = original;
      syncBuiltinESMExports();
    });
  }
  syncBuiltinESMExports();
}

/** A "tar" of one file `f`, and its record. */
function recordOf(content: string): { tar: Buffer; tarSplit: Buffer } {
  const parts = [Buffer.alloc(512, "h"), Buffer.from(content), Buffer.alloc(1024)] as const;
  const lines: Buffer[] = [];
  const writer = new TarSplitWriter((chunk) => lines.push(Buffer.from(chunk)));
  writer.raw(parts[0]);
  writer.beginContent("f", parts[1].length);
  writer.content(parts[1]);
  writer.raw(parts[2]);
  writer.end();
  return { tar: Buffer.concat(parts), tarSplit: gzipSync(Buffer.concat(lines)) };
}

const contents = ["base", "top"];
const records = contents.map(recordOf);
const diffIds = records.map(({ tar }) => digestOf(tar));
const configs = [1, 2].map((layers) =>
  encodeConfig({
    architecture: "amd64",
    os: "linux",
    rootfs: { type: "layers", diff_ids: diffIds.slice(0, layers) },
  }),
);
const ids: readonly ImageId[] = configs.map((config) => digestOf(config));
const [parent, child] = ids as [ImageId, ImageId];
const container = "f".repeat(64);
const name = parseReference("made:here");

/** Everything that the store can be made to do, once. Can be done again on what an earlier, killed run left. */
async function work(store: Store): Promise<void> {
  for (const [i, { tarSplit }] of records.entries()) {
    const below = chainIds(diffIds)[i - 1];
    const layer = await store.layers.get(chainId(below, diffIds[i] as string as ImageId));
    if (layer !== undefined) continue;
    const cacheId = digestOf(`${contents[i]} ${Math.random()}`).slice(7);
    const parentLayer = below === undefined ? undefined : await store.layers.get(below);
    await store.driver.create(cacheId, parentLayer?.cacheId);
    writeFileSync(join(directoryOf(store.driver, cacheId).directory, "f"), contents[i] as string);
    const staged = join(store.root, "varve", "record");
    writeFileSync(staged, tarSplit);
    const parent = below === undefined ? {} : { parent: below };
    await store.layers.register({
      diffId: diffIds[i] as string as ImageId,
      cacheId,
      size: 4,
      tarSplit: staged,
      ...parent,
    });
  }
  await store.images.put(configs[0] as Uint8Array);
  await store.images.put(configs[1] as Uint8Array, { parent });
  await store.names.set(name, child);
  await store.images.markUpdated(child);
  await store.maps.add(diffIds[0] as string as ImageId, {
    digest: digestOf("blob"),
    repository: "docker.io/a/b",
  });
  if ((await store.containers.get(container)) === undefined)
    await store.containers.create(container, chainIds(diffIds)[1]);
}

async function undo(store: Store): Promise<void> {
  await store.containers.remove(container);
  await store.names.remove(name);
  for (const id of [child, parent]) await store.images.remove(id);
  for (const chain of chainIds(diffIds).reverse()) {
    const layer = await store.layers.get(chain);
    await store.layers.remove(chain);
    if (layer !== undefined) await store.driver.remove(layer.cacheId);
  }
}

/** Fails unless all that is visible in the root is whole. */
async function checkWhole(root: string): Promise<Store> {
  const store = await openStore({ root });
  const layers = await store.layers.list();
  for (const id of layers) {
    const layer = await store.layers.get(id);
    assert.ok(layer);
    if (layer.parent !== undefined) assert.ok(layers.includes(layer.parent));
    const { tar } = records[diffIds.indexOf(layer.diffId)] as { tar: Buffer };
    const chunks: Uint8Array[] = [];
    for await (const chunk of await store.layers.openTar(id, { signal: new AbortController().signal }))
      chunks.push(chunk);
    assert.deepEqual(Buffer.concat(chunks), tar);
  }
  const images = await store.images.list();
  for (const id of images) {
    const image = await store.images.get(id);
    assert.deepEqual(Buffer.from(image?.bytes ?? []), Buffer.from(configs[ids.indexOf(id)] as Uint8Array));
    for (const chain of chainIds(image?.config.rootfs.diff_ids ?? [])) assert.ok(layers.includes(chain));
    if (id === child && images.includes(parent)) assert.equal(image?.parent, parent);
  }
  for (const id of (await store.names.all()).values()) assert.ok(images.includes(id), "a name of no image");
  for (const id of await store.containers.list()) {
    const layer = await store.containers.get(id);
    assert.ok(layer, "an entry without mount-id, on which dockerd does not start");
    for (const directory of [layer.mountId, layer.initId])
      assert.ok(existsSync(join(directoryOf(store.driver, directory).directory, "etc")));
  }
  return store;
}

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "crash-"));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

const copy = (from: string, to: string) => cpSync(from, to, { recursive: true, verbatimSymlinks: true });

for (const [what, prepare, act] of [
  ["making", async () => {}, work],
  ["removing", work, undo],
] as const) {
  test(`B136 B118 killed before any call while ${what}: the root opens, whole, and the work can be done again`, async (t) => {
    const place = folder(t);
    const root = join(place, "root");
    const store = await openStore({ root, driver: "vfs" });
    await prepare(store);
    const made: { copy: string; call: Call }[] = [];
    watchWrites(t, root, (call) => {
      if (call.name === "fsync") return;
      const to = join(place, `at-${made.length}`);
      copy(root, to);
      made.push({ copy: to, call });
    });
    await act(store);
    // Nothing is watched from here on: the paths of the copies are not below the root.
    assert.ok(made.length > 10, `${made.length}`);
    for (const [i, { copy, call }] of made.entries()) {
      const at = `before call ${i}: ${call.name} ${call.paths.join(" ")}`;
      const reopened = await checkWhole(copy).catch((cause: unknown) => {
        throw new Error(at, { cause });
      });
      // Not at each: all of them take seconds.
      if (i % 13 === 0) await act(reopened).then(() => checkWhole(copy));
      rmSync(copy, { recursive: true });
    }
  });
}

test("B136 nothing is renamed into place before it is on the disk, and no rename is left unsynced", async (t) => {
  const root = join(folder(t), "root");
  const store = await openStore({ root, driver: "vfs" });
  const log: Call[] = [];
  watchWrites(t, root, (call) => log.push(call));
  await work(store);
  const indexOf = (name: string, path: string, from: number) =>
    log.findIndex((call, i) => i >= from && call.name === name && call.paths[0] === path);
  const lastBefore = (names: string[], below: string, end: number) =>
    log.findLastIndex(
      (call, i) => i < end && names.includes(call.name) && (call.paths[0] ?? "").startsWith(below),
    );
  const renames = log.flatMap((call, i) =>
    call.name === "renameSync" ? [{ i, from: call.paths[0], to: call.paths[1] }] : [],
  );
  const visible = renames.filter(({ to }) => !(to ?? "").includes("/layerdb/tmp/"));
  assert.ok(visible.length >= 8, `${visible.length}`);
  for (const { i, from = "", to = "" } of visible) {
    const written = lastBefore(["openSync", "writeFileSync", "fchmodSync"], from, i);
    const synced = lastBefore(["fsync"], from, i);
    assert.ok(synced >= written && synced >= 0, `${to} is renamed before it is synced`);
    assert.notEqual(indexOf("fsync", dirname(to), i), -1, `${dirname(to)} is not synced after the rename`);
    assert.ok(statSync(to));
  }
});
