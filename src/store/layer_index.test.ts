import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { digestOf, type ChainId } from "../oci/index.ts";
import { checkStore } from "./check.ts";
import { openLayerIndex } from "./layer_index.ts";
import { openStore } from "./open_store.ts";
import { storePaths, type StorePaths } from "./paths.ts";
import type { StoredLayer } from "./types.ts";

const turn = () => new Promise(setImmediate);

/** Gives the directory of entries the time that it would have if nothing had happened in the last `seconds`. */
function age(paths: StorePaths, seconds = 3600): void {
  const time = Date.now() / 1000 - seconds;
  utimesSync(paths.layers, time, time);
}

/** A store with `count` entries, and an index that knows them all and had time to save itself. */
async function open(t: TestContext, count = 70, seconds = 3600) {
  const root = mkdtempSync(join(tmpdir(), "index-"));
  t.after(() => rmSync(root, { recursive: true }));
  const paths = storePaths(root, "overlay2");
  const index = openLayerIndex(paths);
  const layers = Array.from({ length: count }, (_, i): StoredLayer => {
    const chainId: ChainId = digestOf(`layer ${i}`);
    mkdirSync(paths.layer(chainId), { recursive: true });
    const parent = i === 0 ? {} : { parent: digestOf(`layer ${i - 1}`) };
    return {
      chainId,
      diffId: digestOf(`diff ${i}`),
      cacheId: digestOf(`cache ${i}`).slice(7),
      size: i,
      ...parent,
    };
  });
  for (const layer of layers) index.add(layer, statSync(paths.layer(layer.chainId)));
  age(paths, seconds);
  await turn();
  return { paths, index, layers, first: layers[0] as StoredLayer };
}

test("what one process read, the next one knows", async (t) => {
  const { paths, layers } = await open(t);
  const index = openLayerIndex(paths);
  assert.deepEqual(
    layers.map(({ chainId }) => index.find(chainId)),
    layers,
  );
  assert.equal(index.find(digestOf("other")), undefined);
  assert.equal(statSync(paths.layerIndex).mode & 0o777, 0o600);
});

test("an entry that was removed or replaced is not known any more, in the next turn of the event loop", async (t) => {
  const { paths, layers, index } = await open(t);
  for (const known of [index, openLayerIndex(paths)]) {
    const [removed, replaced] = layers.splice(0, 2) as [StoredLayer, StoredLayer];
    assert.deepEqual(known.find(removed.chainId), removed);
    await turn();
    rmSync(paths.layer(removed.chainId), { recursive: true });
    renameSync(paths.layer(replaced.chainId), `${paths.layer(replaced.chainId)}-x`);
    mkdirSync(paths.layer(replaced.chainId));
    assert.equal(known.find(removed.chainId), undefined);
    assert.equal(known.find(replaced.chainId), undefined);
    assert.ok(known.find(layers[0]?.chainId as ChainId));
  }
});

test("a change of the same turn is seen after recheck", async (t) => {
  const { paths, index, first } = await open(t);
  assert.deepEqual(index.find(first.chainId), first);
  rmSync(paths.layer(first.chainId), { recursive: true });
  index.recheck();
  assert.equal(index.find(first.chainId), undefined);
});

test("a change shortly before is not trusted: its time may stand for the next change as well", async (t) => {
  const { paths } = await open(t, 70, 0);
  assert.equal(existsSync(paths.layerIndex), false);
});

test("a stale file is brought up to date by the first who has to look at entries", async (t) => {
  const { paths, first } = await open(t);
  rmSync(paths.layer(first.chainId), { recursive: true });
  age(paths, 1000);
  const index = openLayerIndex(paths);
  assert.ok(index.find(digestOf("layer 5")));
  await turn();
  const text = readFileSync(paths.layerIndex, "utf8");
  assert.match(text, /\nend 69$/);
  assert.equal(text.includes(first.chainId), true, "as the parent of the next");
  assert.equal(openLayerIndex(paths).find(first.chainId), undefined);
});

test("a file that was cut short, or is another's, counts for nothing", async (t) => {
  const { paths, first } = await open(t);
  const text = readFileSync(paths.layerIndex, "utf8");
  for (const broken of [
    "",
    "\n",
    text.slice(0, 5000),
    text.replace("varve layers 1", "varve layers 2"),
    text.slice(0, -1),
  ]) {
    writeFileSync(paths.layerIndex, broken);
    assert.equal(openLayerIndex(paths).find(first.chainId), undefined);
  }
});

test("fsck does not ask the index: it finds the entry that was damaged after the index was made", async (t) => {
  const root = mkdtempSync(join(tmpdir(), "index-"));
  t.after(() => rmSync(root, { recursive: true }));
  const store = await openStore({ root, driver: "vfs" });
  const paths = storePaths(root, "vfs");
  for (let i = 0; i < 64; i++) {
    const tarSplit = join(root, "tar-split");
    writeFileSync(tarSplit, "");
    await store.layers.register({
      diffId: digestOf(`${i}`),
      cacheId: digestOf(`c${i}`).slice(7),
      size: i,
      tarSplit,
    });
  }
  age(paths);
  await turn();
  const damaged = digestOf("7");
  writeFileSync(join(paths.layer(damaged), "size"), "seven");
  const again = await openStore({ root });
  assert.equal((await again.layers.get(damaged))?.size, 7, "answered from the index");
  const problems = (await checkStore(again)).filter(({ subject }) => subject === `layer ${damaged}`);
  assert.deepEqual(
    problems.map(({ message }) => message.includes("bad size")),
    [true],
  );
});

test("a small store, and one that cannot be written to, have no file", async (t) => {
  const { paths } = await open(t, 10);
  assert.equal(existsSync(paths.layerIndex), false);
  const other = storePaths("/proc/nowhere", "vfs");
  assert.equal(openLayerIndex(other).find(digestOf("x")), undefined);
});
