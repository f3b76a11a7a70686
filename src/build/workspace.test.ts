/** Layers of one step on every driver: what counts as a change, and what is left afterwards. */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "node:test";
import { gzipSync } from "node:zlib";
import { forEachDriver, name, options, signal } from "../../test/fixtures/receive_cases.ts";
import { sampleImage, sampleLayer } from "../../test/fixtures/sample_image.ts";
import { entriesOf } from "../../test/suites/driver_helpers.ts";
import { collect } from "../bytes/index.ts";
import { isFailure } from "../errors.ts";
import { chainId, digestOf, type ChainId } from "../oci/index.ts";
import { collectGarbage, receiveImage, withSession, type Store } from "../store/index.ts";
import type { StepMount } from "./types.ts";
import { openWorkspace } from "./workspace.ts";

const files = { "etc/": "", "etc/profile": "old", "root/": "" };

async function base(store: Store): Promise<ChainId> {
  const layer = await sampleLayer(files);
  await receiveImage(store, sampleImage([layer]), [name], options);
  return chainId(undefined, layer.diffId);
}

suite("openWorkspace", () => {
  forEachDriver(
    "what was written is the layer, also when it is unmounted; then nothing is left",
    async (store) => {
      const top = await base(store);
      const before = await store.driver.list();
      await withSession(store, async (session) => {
        await using workspace = await openWorkspace(store, session, top);
        assert.equal(readFileSync(join(workspace.path, "etc/profile"), "utf8"), "old");
        writeFileSync(join(workspace.path, "etc/profile"), "new");
        const mounted = await entriesOf(workspace.diff({ signal }));
        await workspace.unmount();
        assert.deepEqual(await entriesOf(workspace.diff({ signal })), mounted);
        assert.deepEqual(mounted, ["directory etc/", "file etc/profile"]);
      });
      assert.deepEqual(await store.driver.list(), before);
      assert.deepEqual(await collectGarbage(store, { grace: 0 }), { removed: [], bytes: 0 });
    },
  );

  forEachDriver("on nothing, too", async (store) => {
    await withSession(store, async (session) => {
      await using workspace = await openWorkspace(store, session, undefined);
      writeFileSync(join(workspace.path, "only"), "");
      assert.deepEqual(await entriesOf(workspace.diff({ signal })), ["file only"]);
    });
  });

  forEachDriver(
    "B150: places for mounts are there and are no changes, with all that leads there",
    async (store) => {
      const top = await base(store);
      await withSession(store, async (session) => {
        const file = join(session.directory, "file");
        writeFileSync(file, "");
        const bind = { type: "bind", readOnly: true } as const;
        const mounts: StepMount[] = [
          { ...bind, source: file, destination: "/run/secrets/x" },
          { ...bind, source: session.directory, destination: "/root/.cache/npm" },
          { ...bind, source: file, destination: "/etc/profile" },
          { type: "tmpfs", destination: "/../tmp/./t" },
        ];
        await using workspace = await openWorkspace(store, session, top, mounts);
        const kind = (path: string): boolean => statSync(join(workspace.path, path)).isDirectory();
        assert.deepEqual(["run/secrets/x", "root/.cache/npm", "tmp/t", "dev/console"].map(kind), [
          false,
          true,
          true,
          false,
        ]);
        assert.deepEqual(await entriesOf(workspace.diff({ signal })), []);
      });
    },
  );

  forEachDriver(
    "places for mounts are made where the image's links lead in it, and nowhere else",
    async (store) => {
      const top = await base(store);
      await withSession(store, async (session) => {
        const outside = join(session.directory, "outside");
        mkdirSync(outside);
        let linked: ChainId;
        {
          await using first = await openWorkspace(store, session, top);
          mkdirSync(join(first.path, "run"));
          mkdirSync(join(first.path, "var"));
          symlinkSync("/run", join(first.path, "var/run"));
          symlinkSync(outside, join(first.path, "away"));
          linked = await layerOf(store, top, first.diff({ signal }));
        }
        const mounts: StepMount[] = ["/var/run/x", "/away/x"].map((destination) => ({
          type: "tmpfs",
          destination,
        }));
        await using workspace = await openWorkspace(store, session, linked, mounts);
        assert.ok(statSync(join(workspace.path, "run/x")).isDirectory());
        assert.equal(statSync(join(outside, "x"), { throwIfNoEntry: false }), undefined);
        assert.deepEqual(await entriesOf(workspace.diff({ signal })), []);
      });
    },
  );

  forEachDriver("a layer that is not there is told", async (store) => {
    const top = digestOf("no layer") as ChainId;
    const opening = withSession(store, (session) => openWorkspace(store, session, top));
    await assert.rejects(opening, (error) => isFailure(error, "not-found"));
    assert.deepEqual(await store.driver.list(), []);
  });
});

async function layerOf(store: Store, top: ChainId, tar: AsyncIterable<Uint8Array>): Promise<ChainId> {
  const bytes = await collect(tar, 1 << 20);
  const blob = gzipSync(bytes);
  const bottom = await sampleLayer(files);
  const layer = { tar: bytes, blob, diffId: digestOf(bytes), digest: digestOf(blob) };
  await receiveImage(store, sampleImage([bottom, layer]), [name], options);
  return chainId(top, layer.diffId);
}
