import assert from "node:assert/strict";
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import { test } from "node:test";
import { scratch, unlessLinux } from "../../test/suites/scratch.ts";
import { digestOf, type DiffId } from "../oci/index.ts";
import { openStore } from "./open_store.ts";
import { registerUnflushed } from "./register_layer.ts";
import type { NewLayer, Store } from "./types.ts";

const skip = unlessLinux;

async function withStore(
  body: (store: Store, layer: (text: string) => NewLayer) => Promise<void>,
): Promise<void> {
  using root = scratch("register");
  const store = await openStore({ root: root.path, driver: "vfs" });
  let made = 0;
  await body(store, (text) => {
    const tarSplit = join(root.path, `tar-split-${made}`);
    fs.writeFileSync(tarSplit, "");
    const cacheId = String(made++).padStart(64, "0");
    fs.mkdirSync(join(root.path, "vfs/dir", cacheId), { recursive: true });
    return { diffId: digestOf(text) as DiffId, size: 1, cacheId, tarSplit };
  });
}

/** Opened directories, which is how a file system is flushed, and renames, from now on. */
function watch(): Disposable & { readonly calls: string[] } {
  const calls: string[] = [];
  const { openSync, renameSync } = fs;
  const target = fs as { openSync: unknown; renameSync: unknown };
  target.openSync = (...args: Parameters<typeof openSync>) => {
    // One of the paths on the file system stands for all.
    if (/\/(vfs\/dir|layerdb\/tmp)\/[^/]+$/.test(String(args[0]))) calls.push("flush");
    else if (String(args[0]).endsWith("/layerdb/sha256")) calls.push("flush names");
    return openSync(...args);
  };
  target.renameSync = (from: string, to: string) => {
    if (to.includes("/layerdb/sha256/")) calls.push("publish");
    renameSync(from, to);
  };
  syncBuiltinESMExports();
  const undo = (): void => {
    Object.assign(target, { openSync, renameSync });
    syncBuiltinESMExports();
  };
  return { calls, [Symbol.dispose]: undo };
}

test("B136 a layer appears after the flush of its content, and its name is flushed then", { skip }, () =>
  withStore(async (store, layer) => {
    await registerUnflushed(store, layer("first"));
    using watched = watch();
    const stored = await registerUnflushed(store, layer("second"));
    assert.deepEqual(watched.calls, ["flush", "publish", "flush names"]);
    assert.deepEqual(await store.layers.get(stored.chainId), stored);
  }),
);

test("of two with one chain ID the first stays; what cannot be registered leaves nothing", { skip }, () =>
  withStore(async (store, layer) => {
    const first = await registerUnflushed(store, layer("same"));
    assert.deepEqual(await registerUnflushed(store, layer("same")), first);
    const orphan = { ...layer("orphan"), parent: digestOf("nowhere") };
    await assert.rejects(registerUnflushed(store, orphan), { kind: "not-found" });
    assert.deepEqual(await store.layers.list(), [first.chainId]);
    assert.deepEqual(fs.readdirSync(join(store.root, "image/vfs/layerdb/tmp")), []);
  }),
);
