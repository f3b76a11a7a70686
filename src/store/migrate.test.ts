/** A store that moves from driver to driver and back: nothing is lost, whenever the mover dies. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { noise, sampleLayer } from "../../test/fixtures/sample_image.ts";
import { erofsSkip } from "../../test/suites/erofs_skip.ts";
import { overlaySkip } from "../../test/suites/overlay_skip.ts";
import { scratch, unlessLinux, unlessRoot } from "../../test/suites/scratch.ts";
import { treeOf } from "../../test/suites/tree_of.ts";
import { makeContainer, makeImage, signal } from "../../test/support/engine_fixture.ts";
import { fromText } from "../byte_string.ts";
import { digestThrough } from "../bytes/index.ts";
import type { DriverName } from "../driver/index.ts";
import { openEngine, type Engine } from "../engine/index.ts";
import { parseReference } from "../oci/index.ts";
import * as sys from "../sys/index.ts";
import { checkStore } from "./check.ts";
import { collectGarbage } from "./gc.ts";
import { migrateStore } from "./migrate.ts";
import { openSession } from "./sessions.ts";
import type { Store } from "./types.ts";

const skip = unlessRoot || overlaySkip || (erofsSkip("file") && erofsSkip("loop"));
const digest = `sha256:${"ab".repeat(32)}` as const;

/** Images that share layers, one of them a nameless parent, and a container that has changed much. */
async function fill(engine: Engine): Promise<string> {
  const fixture = { engine, root: engine.store.root, [Symbol.dispose]: () => undefined };
  const dirs = { "bin/": "", "data/": "", "data/sub/": "", "etc/": "", "var/": "", "var/old/": "" };
  const files = { "data/one": "1", "data/sub/f": "deep", "etc/profile": "first", "var/old/x": "x" };
  const base = await makeImage(fixture, {
    names: ["base:1", "base:same"],
    files: { ...dirs, ...files, "bin/tool": noise(3_000_000, 3).toString("latin1") },
  });
  const parent = await makeImage(fixture, {
    base,
    files: { "etc/": "", "etc/.wh.profile": "", "etc/new": "n" },
  });
  const child = await makeImage(fixture, {
    base: parent,
    names: ["child:1"],
    files: { "top/": "", "top/t": "t" },
  });
  await makeImage(fixture, {
    base,
    names: ["other:1"],
    recordParent: false,
    files: { "etc/": "", "etc/o": "o" },
  });
  await makeImage(fixture, { names: ["empty:1"] });
  const { diffId } = await sampleLayer({ "top/": "", "top/t": "t" });
  await engine.store.maps.add(diffId, { digest, repository: "docker.io/library/child" }, digest);
  const { ID } = await makeContainer(fixture, child, { name: "changed" });
  await using mounted = await engine.store.containers.mount(ID);
  change(mounted.path);
  return ID;
}

const socket = 0o140000;

function change(root: string): void {
  const at = (path: string): string => join(root, path);
  fs.writeFileSync(at("data/added"), "added");
  fs.linkSync(at("data/added"), at("data/again"));
  fs.appendFileSync(at("data/one"), "!");
  fs.rmSync(at("data/sub"), { recursive: true });
  fs.rmSync(at("var"), { recursive: true });
  fs.mkdirSync(at("var"));
  fs.writeFileSync(at("var/now"), "");
  fs.renameSync(at("top/t"), at("renamed"));
  fs.rmSync(at("etc/new"));
  fs.writeFileSync(at("etc/.wh.odd"), "a file of that name");
  sys.setXattrAt(sys.AT_FDCWD, fromText(at("data/added")), "user.note", Buffer.from([1, 0, 255]));
  fs.chmodSync(at("bin/tool"), 0o4711);
  fs.truncateSync(at("data/again"), 200_000);
  execFileSync("mknod", [at("null"), "c", "1", "3"]);
  sys.mknodAt(sys.AT_FDCWD, fromText(at("data/socket")), socket | 0o600);
  fs.chmodSync(root, 0o751);
  fs.utimesSync(at("data"), 1, 2.5);
}

/** A socket, and a file whose name means something else there. */
const inNoTar = ["data/socket", "etc/.wh.odd"];

/** All that must be the same afterwards. */
async function stateOf({ store, containers, images }: Engine, id: string, exact = true) {
  const all = await Promise.all((await store.images.list()).sort().map((each) => store.images.get(each)));
  const layers = await Promise.all((await store.layers.list()).sort().map((each) => store.layers.get(each)));
  await using mounted = await store.containers.mount(id, { readOnly: true });
  const tree = treeOf(mounted.path, { wholeSeconds: !exact });
  if (!exact) for (const path of inNoTar) tree.delete(path);
  const changes = await containers.diff(id, { signal });
  return {
    images: all.map((image) => [image?.id, image?.parent, image?.lastUpdated]),
    layers: layers.map((layer) => [layer?.chainId, layer?.diffId, layer?.parent, layer?.size]),
    names: [...(await store.names.all())].sort(),
    seen: await Promise.all(layers.map((layer) => store.maps.seenAt(layer!.diffId))),
    blob: await store.maps.diffIdOf(digest),
    container: (await containers.inspect(id)).Id,
    changes: changes.filter(({ path }) => exact || !inNoTar.includes(path.slice(1))),
    tree,
    archives: [await savedAs(images, "oci"), await savedAs(images, "docker")],
  };
}

async function savedAs(images: Engine["images"], format: "oci" | "docker"): Promise<string> {
  const names = ["base:1", "child:1", "other:1", "empty:1"];
  const bytes = digestThrough(await images.save(names, { format, signal }), { algorithm: "sha256" });
  for await (const chunk of bytes) void chunk;
  return bytes.digest();
}

const on = (root: string, driver?: DriverName): Promise<Engine> =>
  openEngine({ root, ...(driver && { driver }) });

const left = (root: string, driver: DriverName): string[] =>
  [join(root, driver), join(root, "image", driver), join(root, "varve/migration")].filter(fs.existsSync);

async function assertWhole(store: Store): Promise<void> {
  assert.deepEqual(await checkStore(store, { deep: true }), []);
}

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

  test("killed at any step: opens, is whole, and is gone on with or given up", { skip }, async () => {
    using scene = scratch("migrate");
    const first = join(scene.path, "first");
    const engine = await on(first, "overlay2");
    const id = await fill(engine);
    const state = await stateOf(engine, id);
    const counting = join(scene.path, "counting");
    execFileSync("cp", ["-a", first, counting]);
    const steps: string[] = [];
    const store = (await on(counting)).store;
    await migrateStore(store, { to: "erofs", signal, onStep: (step) => steps.push(step) });
    for (const step of [
      "begun",
      "layer",
      "container",
      "books",
      "verified",
      "switched",
      "records",
      "removed",
      "settled",
    ])
      assert.ok(steps.includes(step), step);
    for (const [i, step] of steps.entries()) {
      // One of the many removals is like another.
      if (step === "removed" && steps[i - 1] === "removed" && steps[i + 1] === "removed") continue;
      const root = join(scene.path, `${i}`);
      execFileSync("cp", ["-a", first, root]);
      killAt(root, i);
      const what = `step ${i}: ${step}`;
      const after = await on(root);
      const expected = i < steps.indexOf("switched") ? "overlay2" : "erofs";
      assert.equal(after.store.driver.name, expected, what);
      assert.deepEqual(await checkStore(after.store), [], what);
      assert.deepEqual(await stateOf(after, id), state, what);
      const other = expected === "erofs" ? "overlay2" : "erofs";
      if (i % 2 === 0) await after.system.migrate({ to: "erofs", signal });
      else {
        await collectGarbage(after.store);
        assert.deepEqual(left(root, other), [], what);
      }
      const end = await on(root);
      assert.equal(end.store.driver.name, i % 2 === 0 ? "erofs" : expected, what);
      assert.deepEqual(left(root, end.store.driver.name === "erofs" ? "overlay2" : "erofs"), [], what);
      assert.deepEqual(await stateOf(end, id), state, what);
      await assertWhole(end.store);
      assert.deepEqual(
        (await collectGarbage(end.store)).removed.filter(({ kind }) => kind !== "session"),
        [],
        what,
      );
      assert.equal((await end.containers.inspect(id)).Driver, end.store.driver.name, what);
    }
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

/** Migrates in a process of its own, which ends at the step with this index. */
function killAt(root: string, index: number): void {
  const here = (path: string) => JSON.stringify(join(import.meta.dirname, path));
  const program = `
    import { openStore, migrateStore } from ${here("index.ts")};
    const store = await openStore({ root: ${JSON.stringify(root)} });
    let at = 0;
    await migrateStore(store, {
      to: "erofs",
      signal: new AbortController().signal,
      onStep: () => {
        if (at++ === ${index}) process.kill(process.pid, "SIGKILL");
      },
    });
  `;
  // A file, because workers take over the flags of their parent, and a program on the command line is one.
  const file = `${root}.mjs`;
  fs.writeFileSync(file, program);
  const { signal: ended, stderr } = spawnSync(process.execPath, [file], { encoding: "utf8" });
  assert.equal(ended, "SIGKILL", stderr);
}
