/** Layers for one operation: who dies leaves nothing that others do not find. */
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { forEachDriver } from "../../test/fixtures/receive_cases.ts";
import { scratch, unlessRoot } from "../../test/suites/scratch.ts";
import { fromText } from "../byte_string.ts";
import { mount, mountInfo } from "../sys/index.ts";
import { collectGarbage } from "./gc.ts";
import { openStore } from "./open_store.ts";
import { openSession } from "./sessions.ts";
import { makeTemporaryLayer } from "./temporary_layer.ts";

const container = { mountPoints: [] };

suite("makeTemporaryLayer", () => {
  forEachDriver("its directories are claimed as long as they are there", async (store) => {
    const session = await openSession(store);
    const layer = await makeTemporaryLayer(store, session, undefined, { container });
    const directories = [layer.id, `${layer.id}-init`];
    assert.deepEqual((await store.driver.list()).sort(), directories);
    assert.deepEqual([...session.claims].sort(), directories);
    assert.deepEqual(await collectGarbage(store, { grace: 0 }), { removed: [], bytes: 0 });
    await layer.remove();
    assert.deepEqual([await store.driver.list(), [...session.claims]], [[], []]);
    await session.finish();
  });

  forEachDriver("without a container there is nothing between it and its parent", async (store) => {
    const session = await openSession(store);
    const layer = await makeTemporaryLayer(store, session, undefined, { container: false });
    {
      await using root = await store.driver.mount(layer.id, { volatile: true });
      assert.deepEqual(readdirSync(root.path), []);
      writeFileSync(join(root.path, "x"), "");
    }
    assert.deepEqual(await store.driver.list(), [layer.id]);
    await layer.remove();
    await session.finish();
  });

  forEachDriver("a dead operation's are garbage at once", async (store) => {
    const session = await openSession(store);
    await makeTemporaryLayer(store, session, undefined, { container });
    session.abandon();
    const { removed } = await collectGarbage(store);
    assert.deepEqual(removed.map(({ kind }) => kind).sort(), [
      "driver directory",
      "driver directory",
      "session",
    ]);
    assert.deepEqual(await store.driver.list(), []);
  });
});

test(
  "file systems in memory of dead operations end when the store is opened, and before gc removes their place",
  { skip: unlessRoot },
  async () => {
    using root = scratch("memory");
    const store = await openStore({ root: root.path, driver: "vfs" });
    const dead = async (): Promise<void> => {
      const session = await openSession(store);
      const path = join(session.directory, "memory-x");
      mkdirSync(path);
      mount("tmpfs", fromText(path), "tmpfs", 0);
      writeFileSync(join(path, "secret"), "");
      session.abandon();
    };
    const mounted = (): number =>
      mountInfo().filter(({ mountPoint }) => mountPoint.startsWith(`${root.path}/`)).length;
    await dead();
    assert.equal(mounted(), 1);
    await openStore({ root: root.path, driver: "vfs" });
    assert.equal(mounted(), 0);
    await dead();
    await collectGarbage(store);
    assert.equal(mounted(), 0);
    assert.deepEqual(readdirSync(join(root.path, "varve/sessions")), []);
  },
);
