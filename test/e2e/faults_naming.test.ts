/** `import` and `commit` killed at any rename: the image is there with its name, or it is not there. */
import assert from "node:assert/strict";
import fs, { cpSync, rmSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { fromBytes } from "../../src/bytes/index.ts";
import { openEngine, type Engine } from "../../src/engine/index.ts";
import { deriveImage } from "../../src/image/index.ts";
import { parseReference } from "../../src/oci/index.ts";
import { tarFile, tarOf } from "../support/tar_help.ts";
import { scratch, unlessLinux } from "../suites/scratch.ts";

const { signal } = new AbortController();
const tar = (path: string) => fromBytes(tarOf([tarFile({ path }, "x")]));
const name = parseReference("made:here");

/** Copies the root before each rename in it, until the test ends: what a kill there leaves. Returns the copies. */
function copyAtRenames(t: TestContext, root: string, to: string): string[] {
  const copies: string[] = [];
  const { renameSync } = fs;
  fs.renameSync = (from, target) => {
    if (String(target).startsWith(root)) {
      const copy = join(to, `copy-${copies.length}`);
      cpSync(root, copy, { recursive: true, verbatimSymlinks: true });
      copies.push(copy);
    }
    renameSync(from, target);
  };
  syncBuiltinESMExports();
  t.after(() => {
    fs.renameSync = renameSync;
    syncBuiltinESMExports();
  });
  return copies;
}

const ways: Record<string, (engine: Engine) => Promise<unknown>> = {
  import: (engine) => engine.images.import(tar("imported"), { name, signal }),
  "a layer on an image": async (engine) => {
    const base = await engine.images.resolve("base:1");
    const edit = (): void => undefined;
    return deriveImage(engine.store, {
      base,
      tar: tar("added"),
      history: {},
      edit,
      recordParent: true,
      name,
      signal,
    });
  },
};

for (const [title, act] of Object.entries(ways)) {
  test(`B118 killed before any rename of ${title}: named or not there`, { skip: unlessLinux }, async (t) => {
    using dir = scratch("naming");
    const root = join(dir.path, "root");
    const engine = await openEngine({ root, driver: "vfs" });
    await engine.images.import(tar("base"), { name: parseReference("base:1"), signal });
    const copies = copyAtRenames(t, root, dir.path);
    await act(engine);
    assert.ok(copies.length >= 3, `${copies.length} renames`);
    const whole = {
      layers: (await engine.store.layers.list()).length,
      driver: (await engine.store.driver.list()).length,
    };
    for (const copy of copies) {
      const killed = await openEngine({ root: copy, driver: "vfs" });
      const tags = (await killed.images.list({ all: true })).map(({ repoTags }) => repoTags.join());
      const made = tags.includes("made:here");
      assert.deepEqual(tags.sort(), made ? ["base:1", "made:here"] : ["base:1"]);
      await killed.system.collectGarbage({});
      assert.deepEqual(await killed.system.check({ deep: true }), []);
      const left = {
        layers: (await killed.store.layers.list()).length,
        driver: (await killed.store.driver.list()).length,
      };
      assert.deepEqual(left, made ? whole : { layers: 1, driver: 1 });
      await act(killed);
      rmSync(copy, { recursive: true });
    }
  });
}
