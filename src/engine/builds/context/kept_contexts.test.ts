import assert from "node:assert/strict";
import { mkdirSync, readdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { noise } from "../../../../test/fixtures/sample_image.ts";
import { unlessLinux } from "../../../../test/suites/scratch.ts";
import { engineFixture } from "../../../../test/support/engine_fixture.ts";
import { keptFolder, listKeptContexts, removeKept, trimKept } from "./kept_contexts.ts";

const idOf = (index: number): string => index.toString(16).padStart(64, "0");

test(
  "contexts are kept up to a number and a size, those that were used last",
  { skip: unlessLinux },
  async () => {
    using fixture = await engineFixture();
    const { store } = fixture.engine;
    const ids = (): string[] => listKeptContexts(store.root).map(({ id }) => id);
    assert.deepEqual(ids(), []);
    for (const index of [3, 1, 4, 2]) {
      const folder = keptFolder(store.root, idOf(index));
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, "0123456789abcdef"), noise(40_000));
      writeFileSync(join(folder, "index"), "");
      utimesSync(join(folder, "index"), index, index);
    }
    // What a kill has left has no index; it is of the time that it was made.
    mkdirSync(keptFolder(store.root, idOf(9)));
    assert.deepEqual(ids(), [1, 2, 3, 4, 9].map(idOf));
    const [first] = listKeptContexts(store.root);
    assert.ok(first!.size >= 40_000);
    await trimKept(store, { count: 4 });
    assert.deepEqual(ids(), [2, 3, 4, 9].map(idOf));
    await trimKept(store, { bytes: 2 * first!.size });
    assert.deepEqual(ids(), [3, 4, 9].map(idOf));
    await removeKept(store, listKeptContexts(store.root)[0]!);
    assert.deepEqual(readdirSync(join(store.root, "varve/build-cache/contents")), [4, 9].map(idOf));
    await trimKept(store);
    assert.deepEqual(ids(), [4, 9].map(idOf));
  },
);
