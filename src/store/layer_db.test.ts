import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { gzipSync } from "node:zlib";
import { isFailure } from "../errors.ts";
import { chainId, chainIds, digestOf, hexOf, type ChainId } from "../oci/index.ts";
import { openLayerDb } from "./layer_db.ts";
import { TarSplitWriter } from "../tar/index.ts";
import { storePaths } from "./paths.ts";
import type { NewLayer } from "./types.ts";

const [base, above] = [digestOf("base"), digestOf("above")];
const signal = new AbortController().signal;

function open(t: TestContext) {
  const root = mkdtempSync(join(tmpdir(), "layers-"));
  t.after(() => rmSync(root, { recursive: true }));
  const paths = storePaths(root, "overlay2");
  const directory = (id: string) => join(root, "overlay2", id, "diff");
  const target = (id: string) =>
    ({ directory: directory(id), whiteouts: "overlay", ownership: "exact" }) as const;
  let made = 0;
  const layer = (diffId: ChainId, parent?: ChainId, tarSplit: Uint8Array = gzipSync("")): NewLayer => {
    const file = join(root, `tar-split-${made}`);
    writeFileSync(file, tarSplit, { mode: 0o600 });
    const cacheId = String(made++).padStart(64, "0");
    mkdirSync(directory(cacheId), { recursive: true });
    return { diffId, size: 7, cacheId, tarSplit: file, ...(parent === undefined ? {} : { parent }) };
  };
  return { root, paths, directory, layer, layers: openLayerDb(paths, { target }) };
}

test("B134 B131 an entry has cache-id, diff, size, parent and tar-split.json.gz, no line feeds", async (t) => {
  const { layers, layer, paths } = open(t);
  await layers.register(layer(base));
  const stored = await layers.register(layer(above, base));
  const [, top] = chainIds([base, above]);
  assert.equal(stored.chainId, top);
  const entry = join(paths.layers, hexOf(stored.chainId));
  const text = (name: string) => readFileSync(join(entry, name), "utf8");
  assert.deepEqual(readdirSync(entry), ["cache-id", "diff", "parent", "size", "tar-split.json.gz"]);
  assert.deepEqual(["cache-id", "diff", "parent", "size"].map(text), [stored.cacheId, above, base, "7"]);
  assert.equal(existsSync(join(paths.layers, hexOf(base), "parent")), false);
  assert.deepEqual(await layers.get(stored.chainId), stored);
  assert.deepEqual((await layers.list()).sort(), [base, stored.chainId].sort());
});

test("B136 a staged entry is invisible until it is published, and is discarded without a trace", async (t) => {
  const { layers, layer, paths } = open(t);
  const [lower, upper] = [await layers.stage(layer(base)), await layers.stage(layer(above, base))];
  assert.deepEqual(await layers.list(), []);
  assert.throws(() => upper.publish(), { kind: "not-found" });
  assert.equal(lower.publish().diffId, base);
  assert.deepEqual(await layers.list(), [base]);
  assert.deepEqual(upper.publish(), await layers.get(chainId(base, above)));
  const surplus = await layers.stage(layer(base));
  // Somebody was first: his entry counts.
  assert.deepEqual(surplus.publish(), await layers.get(base));
  for (const each of [lower, upper, surplus]) each.discard();
  assert.deepEqual(readdirSync(paths.layerStaging), []);
  assert.equal((await layers.list()).length, 2);
});

test("B130 an entry is 0700, its files 0644, the directories around it 0755, under any umask", async (t) => {
  const { layers, layer, paths } = open(t);
  const before = process.umask(0o077);
  t.after(() => process.umask(before));
  await layers.register(layer(base));
  const mode = (path: string) => statSync(path).mode & 0o7777;
  assert.deepEqual([mode(paths.layers), mode(paths.layerStaging)], [0o755, 0o755]);
  assert.equal(mode(paths.layer(base)), 0o700);
  for (const name of readdirSync(paths.layer(base)))
    assert.equal(mode(join(paths.layer(base), name)), 0o644, name);
});

test("B136 who comes second gets the first's layer, and nothing of its own stays in staging", async (t) => {
  const { layers, layer, paths } = open(t);
  const [mine, other] = [layer(base), layer(base)];
  const [a, b] = await Promise.all([layers.register(mine), layers.register(other)]);
  assert.deepEqual(a, b);
  assert.ok([mine.cacheId, other.cacheId].includes(a.cacheId));
  assert.deepEqual(readdirSync(paths.layerStaging), []);
});

test("B136 a layer is not registered on a parent that is not there, or when staging fails", async (t) => {
  const { layers, layer, paths } = open(t);
  await assert.rejects(layers.register(layer(above, base)), (error) => isFailure(error, "not-found"));
  await assert.rejects(layers.register({ ...layer(base), tarSplit: "/nowhere" }), { code: "ENOENT" });
  assert.deepEqual(await layers.list(), []);
  assert.deepEqual(readdirSync(paths.layerStaging), []);
});

test("B136 what a crash left in staging or half removed is not a layer", async (t) => {
  const { layers, layer, paths } = open(t);
  const { chainId: kept } = await layers.register(layer(base));
  mkdirSync(join(paths.layerStaging, "write-set-123"));
  writeFileSync(join(paths.layerStaging, "write-set-123/cache-id"), "0");
  mkdirSync(join(paths.layers, `${hexOf(above)}-${"0".repeat(64)}-removing`));
  assert.deepEqual(await layers.list(), [kept]);
});

test("a removed layer is gone for good, and may come back under another cache ID", async (t) => {
  const { layers, layer, paths } = open(t);
  await layers.register(layer(base));
  await layers.remove(base);
  await layers.remove(base);
  assert.equal(await layers.get(base), undefined);
  assert.deepEqual(readdirSync(paths.layers), []);
  const again = layer(base);
  await layers.register(again);
  assert.equal((await layers.get(base))?.cacheId, again.cacheId);
});

test("a removal by another process is seen", async (t) => {
  const { layers, layer, paths } = open(t);
  await layers.register(layer(base));
  await openLayerDb(paths, { target: () => assert.fail() }).remove(base);
  assert.equal(await layers.get(base), undefined);
});

test("a damaged entry is reported with its name", async (t) => {
  const { layers, layer, paths } = open(t);
  const damage: [string, string | undefined][] = [
    ["cache-id", "../../etc"],
    ["cache-id", undefined],
    ["diff", above],
    ["diff", ""],
    ["size", "-1"],
    ["size", "1e3"],
    ["parent", "x"],
  ];
  for (const [name, text] of damage) {
    await layers.remove(base);
    await layers.register(layer(base));
    if (text === undefined) rmSync(join(paths.layer(base), name));
    else writeFileSync(join(paths.layer(base), name), text);
    const fresh = openLayerDb(paths, { target: () => assert.fail() });
    await assert.rejects(fresh.get(base), { kind: "corrupt", message: new RegExp(hexOf(base)) }, name);
  }
});

/** Something like a tar of the file `./d/f` holding "hello", and its record as tar-split keeps it. */
function recorded(): { tarSplit: Buffer; tar: Buffer } {
  const parts = [Buffer.alloc(512, "H"), Buffer.from("hello"), Buffer.alloc(507 + 1024)] as const;
  const lines: Buffer[] = [];
  const writer = new TarSplitWriter((chunk) => lines.push(Buffer.from(chunk)));
  writer.raw(parts[0]);
  writer.beginContent("./d/f", 5);
  writer.content(parts[1]);
  writer.raw(parts[2]);
  writer.end();
  return { tarSplit: gzipSync(Buffer.concat(lines)), tar: Buffer.concat(parts) };
}

async function register(t: TestContext) {
  const { tarSplit, tar } = recorded();
  const store = open(t);
  const stored = await store.layers.register(store.layer(digestOf(tar), undefined, tarSplit));
  const directory = store.directory(stored.cacheId);
  mkdirSync(join(directory, "d"));
  writeFileSync(join(directory, "d/f"), "hello");
  return { ...store, tar, directory, id: stored.chainId };
}

async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks);
}

test("B140 openTar puts segments and files together to the exact tar, from any offset", async (t) => {
  const { layers, id, tar } = await register(t);
  assert.deepEqual(await collect(await layers.openTar(id, { signal })), tar);
  for (const offset of [1, 512, 514, 517, 600, tar.length])
    assert.deepEqual(
      await collect(await layers.openTar(id, { signal, offset })),
      tar.subarray(offset),
      `${offset}`,
    );
});

test("B140 openTar of a directory that was tampered with ends in corrupt, after no complete tar", async (t) => {
  const { layers, id, directory } = await register(t);
  const damage = [
    () => writeFileSync(join(directory, "d/f"), "HELLO"),
    () => writeFileSync(join(directory, "d/f"), "hell"),
    () => rmSync(join(directory, "d/f")),
    () => mkdirSync(join(directory, "d/f")),
  ];
  for (const damaged of damage) {
    damaged();
    const reading = layers.openTar(id, { signal }).then(collect);
    await assert.rejects(reading, (error) => isFailure(error, "corrupt"), String(damaged));
  }
});

test("openTar does not leave the layer's directory through a link", async (t) => {
  const { layers, id, directory, root, tar } = await register(t);
  mkdirSync(join(root, "outside"));
  writeFileSync(join(root, "outside/f"), "hello");
  rmSync(join(directory, "d"), { recursive: true });
  symlinkSync(join(root, "outside"), join(directory, "d"));
  await assert.rejects(layers.openTar(id, { signal }).then(collect), (error) => isFailure(error, "corrupt"));
  // Inside the directory a link is followed, as a container would: that is how such a file was unpacked.
  rmSync(join(directory, "d"));
  mkdirSync(join(directory, "real"));
  writeFileSync(join(directory, "real/f"), "hello");
  symlinkSync("/real", join(directory, "d"));
  assert.deepEqual(await collect(await layers.openTar(id, { signal })), tar);
});

test("openTar of an unknown layer, and a cancelled one", async (t) => {
  const { layers, id } = await register(t);
  await assert.rejects(layers.openTar(chainId(id, base), { signal }), (error) =>
    isFailure(error, "not-found"),
  );
  const reading = layers.openTar(id, { signal: AbortSignal.abort() }).then(collect);
  await assert.rejects(reading, (error) => isFailure(error, "cancelled"));
});
