/** A store that moves from driver to driver and back: nothing is lost. */
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { assertWhole, fill, left, on, skip, stateOf } from "../../test/fixtures/migration.ts";
import { noise } from "../../test/fixtures/sample_image.ts";
import { scratch, unlessLinux } from "../../test/suites/scratch.ts";
import { makeImage, makeContainer, signal } from "../../test/support/engine_fixture.ts";
import { fromText } from "../byte_string.ts";
import { parseReference } from "../oci/index.ts";
import * as sys from "../sys/index.ts";
import { collectGarbage } from "./gc.ts";
import { migrateStore } from "./migrate.ts";
import { openSession } from "./sessions.ts";

suite("migrateStore", { concurrency: 1 }, () => {
  test("overlay2 to erofs and back: all is the same", { skip }, async () => {
    using root = scratch("migrate");
    const before = await on(root.path, "overlay2");
    const id = await fill(before);
    const state = await stateOf(before, id);
    const there = await before.system.migrate({ to: "erofs", signal });
    assert.deepEqual(there, {
      from: "overlay2",
      to: "erofs",
      already: false,
      images: 5,
      layers: 4,
      containers: 1,
      old: "removed",
    });
    const moved = await on(root.path);
    assert.equal(moved.store.driver.name, "erofs");
    assert.deepEqual(await stateOf(moved, id), state);
    await assertWhole(moved.store);
    assert.deepEqual(left(root.path, "overlay2"), []);
    assert.equal((await moved.containers.inspect(id)).Driver, "erofs");
    // Whoever had the root open before does not write into what is gone.
    const [image] = await moved.store.images.list();
    await assert.rejects(before.store.names.set(parseReference("lost:1"), image!), { kind: "conflict" });
    assert.equal((await moved.system.migrate({ to: "overlay2", signal })).containers, 1);
    const back = await on(root.path);
    assert.equal(back.store.driver.name, "overlay2");
    assert.deepEqual(await stateOf(back, id), state);
    await assertWhole(back.store);
    assert.deepEqual(left(root.path, "erofs"), []);
    assert.equal((await back.system.migrate({ to: "overlay2", signal })).already, true);
  });

  test("by way of vfs: all but what a layer tar cannot say", { skip }, async () => {
    using root = scratch("migrate");
    const before = await on(root.path, "erofs");
    const id = await fill(before);
    const state = await stateOf(before, id, false);
    await before.system.migrate({ to: "vfs", signal });
    const moved = await on(root.path);
    assert.equal(moved.store.driver.name, "vfs");
    const { tree, ...rest } = await stateOf(moved, id, false);
    assert.deepEqual([...tree.keys()], [...state.tree.keys()]);
    assert.deepEqual({ ...rest, tree: state.tree }, state);
    await assertWhole(moved.store);
    await moved.system.migrate({ to: "overlay2", signal });
    assert.deepEqual(await stateOf(await on(root.path), id, false), state);
  });

  test("--keep leaves the old store, which is not migrated into", { skip }, async () => {
    using root = scratch("migrate");
    const before = await on(root.path, "overlay2");
    const id = await fill(before);
    const state = await stateOf(before, id);
    assert.equal((await before.system.migrate({ to: "erofs", keep: true, signal })).old, "kept");
    const moved = await on(root.path);
    assert.deepEqual(await stateOf(moved, id), state);
    assert.deepEqual((await collectGarbage(moved.store)).removed, []);
    await assertWhole((await on(root.path, "overlay2")).store);
    await assert.rejects(moved.system.migrate({ to: "overlay2", signal }), { kind: "conflict" });
    await assert.rejects(before.system.migrate({ to: "vfs", signal }), { kind: "conflict" });
  });

  test("files in use: a container's are in the way, an image's are removed later", { skip }, async () => {
    using root = scratch("migrate");
    const before = await on(root.path, "overlay2");
    const id = await fill(before);
    {
      await using mounted = await before.store.containers.mount(id);
      assert.ok(mounted.path);
      await assert.rejects(before.system.migrate({ to: "erofs", signal }), {
        kind: "conflict",
        message: `cannot migrate container ${id.slice(0, 12)}: another command uses its files`,
      });
    }
    const { parent } = (await before.store.containers.get(id))!;
    const { cacheId } = (await before.store.layers.get(parent!))!;
    {
      await using image = await before.store.driver.mount(cacheId, { readOnly: true });
      assert.equal((await before.system.migrate({ to: "erofs", signal })).old, "in use");
      assert.ok(fs.existsSync(join(image.path, "top")));
    }
    const moved = await on(root.path);
    const { removed, bytes } = await collectGarbage(moved.store);
    assert.deepEqual(
      removed.map(({ kind }) => kind),
      ["migration"],
    );
    assert.ok(bytes > 0);
    assert.deepEqual(left(root.path, "overlay2"), []);
    await assertWhole(moved.store);
  });

  test("layers of an image that is only mounted in a container come along", { skip }, async () => {
    using root = scratch("migrate");
    const engine = await on(root.path, "overlay2");
    const fixture = { engine, root: root.path, [Symbol.dispose]: () => undefined };
    const own = await makeImage(fixture, { names: ["own:1"], files: { own: "" } });
    const data = await makeImage(fixture, { names: ["data:1"], files: { data: "" } });
    const Mounts = [{ Type: "image", Source: "data:1", Target: "/data" }];
    const { ID } = await makeContainer(fixture, own, { hostConfig: { Mounts } });
    await engine.images.remove("data:1", { force: true });
    assert.equal(await engine.store.images.get(data.id), undefined);
    const { images, layers } = await engine.system.migrate({ to: "erofs", signal });
    assert.deepEqual([images, layers], [1, 2]);
    const moved = await on(root.path);
    const [top] = (await moved.store.containers.get(ID))?.mountedTops ?? [];
    assert.equal((await moved.store.layers.get(top!))?.chainId, top);
    await assertWhole(moved.store);
  });

  test("what others make meanwhile comes along", { skip }, async () => {
    using root = scratch("migrate");
    const engine = await on(root.path, "overlay2");
    await fill(engine);
    let late: Promise<string> | undefined;
    const session = await openSession(engine.store);
    const migrating = migrateStore(engine.store, {
      to: "erofs",
      signal,
      report: ({ status }) => {
        if (!status.startsWith("Waiting")) return;
        late ??= (async () => {
          const fixture = { engine, root: root.path, [Symbol.dispose]: () => undefined };
          const image = await makeImage(fixture, { names: ["late:1"], files: { late: "late" } });
          const { ID } = await makeContainer(fixture, image, { name: "late" });
          await session.finish();
          return ID;
        })();
      },
    });
    const { images, containers } = await migrating;
    assert.deepEqual([images, containers], [6, 2]);
    const moved = await on(root.path);
    assert.equal((await moved.containers.find("late")).ID, await late);
    await assertWhole(moved.store);
  });

  test("cancelled: the old driver stays in force, and the next one goes on", { skip }, async () => {
    using root = scratch("migrate");
    const engine = await on(root.path, "overlay2");
    const id = await fill(engine);
    const state = await stateOf(engine, id);
    const stop = new AbortController();
    const onStep = (step: string): void => {
      if (step === "container") stop.abort();
    };
    const cancelled = migrateStore(engine.store, { to: "erofs", signal: stop.signal, onStep });
    await assert.rejects(cancelled, { kind: "cancelled" });
    const still = await on(root.path);
    assert.equal(still.store.driver.name, "overlay2");
    assert.deepEqual(await stateOf(still, id), state);
    // What was brought along is changed again: an image goes, the container is written to.
    await still.images.remove("other:1");
    {
      await using mounted = await still.store.containers.mount(id);
      fs.writeFileSync(join(mounted.path, "later"), "later");
    }
    const changes = await still.containers.diff(id, { signal });
    const steps: string[] = [];
    const result = await migrateStore(still.store, {
      to: "erofs",
      signal,
      onStep: (step) => steps.push(step),
    });
    assert.deepEqual([result.images, result.layers], [4, 3]);
    assert.equal(steps.includes("layer"), false);
    const moved = await on(root.path);
    await assertWhole(moved.store);
    assert.deepEqual(await moved.containers.diff(id, { signal }), changes);
    await assert.rejects(moved.images.save(["other:1"], { format: "oci", signal }), { kind: "not-found" });
  });

  test(
    "a full disk: said before, or found out; the source stays, the space is given back",
    { skip },
    async () => {
      using root = scratch("migrate");
      const path = join(root.path, "disk");
      using disk = smallDisk(path, 64);
      assert.ok(disk);
      const engine = await on(path, "overlay2");
      const id = await fill(engine);
      const state = await stateOf(engine, id);
      const free = (): number => fs.statfsSync(path).bfree;
      const before = free();
      const filler = join(path, "filler");
      await assert.rejects(
        migrateStore(engine.store, {
          to: "vfs",
          signal,
          onStep: (step) => {
            if (step === "begun") fs.writeFileSync(filler, noise(Math.max(0, free() - 2000) * 4096));
          },
        }),
        {
          kind: "no-space",
          message: /^cannot migrate to vfs: it needs about \d+ MB .* and \d+ MB are free$/,
        },
      );
      fs.rmSync(filler);
      await assert.rejects(
        migrateStore(engine.store, {
          to: "vfs",
          signal,
          onStep: (step) => {
            if (step === "layer") fs.writeFileSync(filler, noise(Math.max(0, free() - 100) * 4096));
          },
        }),
        { kind: "no-space" },
      );
      fs.rmSync(filler);
      assert.deepEqual(left(path, "vfs"), []);
      assert.ok(before - free() < 32, `${before - free()} blocks`);
      const still = await on(path);
      assert.equal(still.store.driver.name, "overlay2");
      assert.deepEqual(await stateOf(still, id), state);
    },
  );

  test("a running container, a bad driver and a damaged layer are refused", { skip }, async () => {
    using root = scratch("migrate");
    const engine = await on(root.path, "overlay2");
    const id = await fill(engine);
    const record = await engine.containers.find(id);
    const path = join(root.path, "containers", id, "config.v2.json");
    const text = fs.readFileSync(path, "utf8");
    const State = { ...record.State, Running: true, Pid: process.pid, StartedAt: new Date().toISOString() };
    fs.writeFileSync(path, JSON.stringify({ ...record, State }));
    await assert.rejects(engine.system.migrate({ to: "erofs", signal }), {
      kind: "conflict",
      message: "cannot migrate while container changed is running",
    });
    assert.deepEqual(left(root.path, "erofs"), []);
    fs.writeFileSync(path, text);
    const chain = (await engine.store.layers.list())[0]!;
    const { cacheId } = (await engine.store.layers.get(chain))!;
    const directory = join(root.path, "overlay2", cacheId, "diff");
    const victim = fs
      .readdirSync(directory, { recursive: true, encoding: "utf8" })
      .map((each) => join(directory, each));
    fs.writeFileSync(
      victim.find((each) => fs.statSync(each).size > 0 && fs.statSync(each).isFile())!,
      "damage!",
    );
    await assert.rejects(engine.system.migrate({ to: "erofs", signal }), { kind: "corrupt" });
    assert.equal((await on(root.path)).store.driver.name, "overlay2");
    const { removed } = await collectGarbage(engine.store);
    assert.deepEqual(
      removed.map(({ kind }) => kind),
      ["migration"],
    );
    assert.deepEqual(left(root.path, "erofs"), []);
  });

  test("a root without images, and one that nobody has to be root for", { skip: unlessLinux }, async () => {
    using root = scratch("migrate");
    const engine = await on(root.path, "vfs");
    assert.equal((await engine.system.migrate({ to: "vfs", signal })).already, true);
    if (skip !== false) return;
    assert.equal((await engine.system.migrate({ to: "erofs", signal })).images, 0);
    assert.equal((await on(root.path)).store.driver.name, "erofs");
  });
});

/** A file system of `megabytes` in memory, gone at the end of the scope. */
function smallDisk(path: string, megabytes: number): Disposable {
  fs.mkdirSync(path);
  sys.mount("tmpfs", fromText(path), "tmpfs", 0, `size=${megabytes}m,mode=0700`);
  return { [Symbol.dispose]: () => sys.unmount(fromText(path), { detach: true }) };
}
