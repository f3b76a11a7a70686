import assert from "node:assert/strict";
import {
  chmodSync,
  globSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { gzipSync } from "node:zlib";
import { probeOverlay, type DriverName } from "../driver/index.ts";
import { isFailure } from "../errors.ts";
import { digestOf } from "../oci/index.ts";
import { collectGarbage } from "./gc.ts";
import { ledger } from "./ledger.ts";
import { openStore } from "./open_store.ts";
import type { ContainerLayer, Store } from "./types.ts";
import { directoryOf } from "../../test/suites/driver_helpers.ts";

const container = "f".repeat(64);
const diffId = digestOf("image");
const overlay = probeOverlay(tmpdir());
const drivers: { name: DriverName; skip: string | false }[] = [
  { name: "vfs", skip: false },
  { name: "overlay2", skip: overlay.ok ? false : `overlay cannot be mounted: ${overlay.reason}` },
];

/** A store with one layer, whose content `fill` makes. */
async function open(t: TestContext, driver: DriverName, fill: (directory: string) => void = () => {}) {
  const root = mkdtempSync(join(tmpdir(), "containers-"));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const store = await openStore({ root, driver });
  const cacheId = "c".repeat(64);
  await store.driver.create(cacheId, undefined);
  fill(directoryOf(store.driver, cacheId).directory);
  const tarSplit = join(root, "tar-split");
  writeFileSync(tarSplit, gzipSync(""));
  const layer = await store.layers.register({ diffId, cacheId, size: 0, tarSplit });
  const entry = join(root, "image", driver, "layerdb/mounts", container);
  return { root, store, cacheId, top: layer.chainId, entry };
}

const initDirectory = (store: Store, layer: ContainerLayer) =>
  directoryOf(store.driver, layer.initId).directory;

/** `type mode path [-> target]` of everything below `directory`. */
function listing(directory: string): string[] {
  const lines = globSync("**/*", { cwd: directory }).concat(globSync("**/.*", { cwd: directory }));
  return [...new Set(lines)].sort().map((path) => {
    const stats = lstatSync(join(directory, path));
    if (stats.isSymbolicLink()) return `l ${path} -> ${readlinkSync(join(directory, path))}`;
    const mode = (stats.mode & 0o7777).toString(8);
    return stats.isDirectory() ? `d ${mode} ${path}` : `f ${mode} ${stats.size} ${path}`;
  });
}

/** `find -init/diff` of a container that dockerd 20.10.24 made of an image without any of these paths. */
const whole = [
  "d 755 dev",
  "d 755 dev/pts",
  "d 755 dev/shm",
  "d 755 etc",
  "d 755 proc",
  "d 755 sys",
  "f 755 0 .dockerenv",
  "f 755 0 dev/console",
  "f 755 0 etc/hostname",
  "f 755 0 etc/hosts",
  "f 755 0 etc/resolv.conf",
  "l etc/mtab -> /proc/mounts",
];

for (const { name, skip } of drivers) {
  test(
    `B142 ${name}: mount-id, init-id and parent say which directories are the container's`,
    { skip },
    async (t) => {
      const { store, top, entry } = await open(t, name);
      const layer = await store.containers.create(container, top);
      const text = (file: string) => readFileSync(join(entry, file), "utf8");
      assert.deepEqual(readdirSync(entry).sort(), ["init-id", "mount-id", "parent"]);
      assert.match(text("mount-id"), /^[0-9a-f]{64}$/);
      assert.deepEqual([text("init-id"), text("parent")], [`${text("mount-id")}-init`, top]);
      const { mountId, initId } = layer;
      assert.deepEqual(layer, { containerId: container, mountId: text("mount-id"), initId, parent: top });
      assert.deepEqual(await store.containers.get(container), layer);
      assert.deepEqual(await store.containers.list(), [container]);
      assert.deepEqual(
        (await store.driver.list()).filter((id) => id.startsWith(mountId)),
        [mountId, initId],
      );
    },
  );

  test(
    `B150 ${name}: the init layer of an image without layers is Docker's, whatever the umask`,
    { skip },
    async (t) => {
      const { store, entry } = await open(t, name);
      const before = process.umask(0o077);
      t.after(() => process.umask(before));
      const layer = await store.containers.create(container, undefined);
      assert.deepEqual(listing(initDirectory(store, layer)).sort(), whole);
      assert.deepEqual(readdirSync(entry).sort(), ["init-id", "mount-id"]);
      for (const line of whole) {
        const stats = lstatSync(
          join(initDirectory(store, layer), line.split(" -> ")[0]?.split(" ").at(-1) as string),
        );
        assert.deepEqual([stats.uid, stats.gid], [process.getuid?.(), process.getgid?.()], line);
      }
    },
  );

  test(
    `B150 ${name}: whatever the image has in the way of a placeholder goes, nothing is written through it`,
    { skip },
    async (t) => {
      const { store, root, top } = await open(t, name, (directory) => {
        mkdirSync(join(directory, "../../../outside"));
        symlinkSync("../../../outside", join(directory, "etc"));
        writeFileSync(join(directory, "dev"), "a file");
        symlinkSync("/proc", join(directory, "sys"));
        mkdirSync(join(directory, "proc"), { mode: 0o500 });
        chmodSync(join(directory, "proc"), 0o500);
        writeFileSync(join(directory, ".dockerenv"), "full");
      });
      await store.containers.create(container, top);
      await using mounted = await store.containers.mount(container);
      assert.deepEqual(
        listing(mounted.path).sort(),
        whole.map((line) => line.replace("755 proc", "500 proc")).sort(),
      );
      assert.deepEqual(readdirSync(join(root, "outside")), []);
    },
  );

  test(
    `B059 ${name}: the writable layer starts empty and shows the image and the placeholders`,
    { skip },
    async (t) => {
      const { store, top } = await open(t, name, (directory) => {
        mkdirSync(join(directory, "etc"));
        chmodSync(join(directory, "etc"), 0o755);
        writeFileSync(join(directory, "etc/hosts"), "127.0.0.1 image");
        writeFileSync(join(directory, "etc/passwd"), "root");
      });
      const { mountId } = await store.containers.create(container, top);
      assert.deepEqual(await store.driver.changes(mountId, { signal: new AbortController().signal }), []);
      {
        await using mounted = await store.containers.mount(container);
        assert.equal(readFileSync(join(mounted.path, "etc/passwd"), "utf8"), "root");
        assert.equal(readFileSync(join(mounted.path, "etc/hosts"), "utf8"), "");
        writeFileSync(join(mounted.path, "new"), "x");
      }
      const changes = await store.driver.changes(mountId, { signal: new AbortController().signal });
      assert.deepEqual(changes, [{ kind: "A", path: "/new" }]);
    },
  );

  test(`B088 ${name}: removing a container takes its entry and both directories`, { skip }, async (t) => {
    const { store, root, top, cacheId } = await open(t, name);
    await store.containers.create(container, top);
    await store.containers.remove(container);
    await store.containers.remove(container);
    assert.deepEqual([await store.containers.list(), await store.driver.list()], [[], [cacheId]]);
    assert.deepEqual(readdirSync(join(root, "image", name, "layerdb/tmp")), []);
    await assert.rejects(store.containers.mount(container), {
      kind: "not-found",
      message: `No such container: ${container}`,
    });
  });

  test(`${name}: what a kill left of a making or a removal goes when it is removed`, { skip }, async (t) => {
    const { store, root, top, cacheId, entry } = await open(t, name);
    const { mountId, initId } = await store.containers.create(container, top);
    const staging = join(root, "image", name, "layerdb/tmp");
    renameSync(entry, join(staging, `write-set-${container}`));
    await store.driver.remove(mountId);
    const locks = join(root, "varve/mounts");
    for (const file of [`${mountId}.gate`, `${initId}.view.users`]) writeFileSync(join(locks, file), "");
    await store.containers.remove(container);
    assert.deepEqual(await store.driver.list(), [cacheId]);
    assert.deepEqual([readdirSync(staging), readdirSync(locks)], [[], []]);
    mkdirSync(join(staging, `write-set-${container}`));
    writeFileSync(join(staging, `write-set-${container}/mount-id`), "");
    await store.containers.remove(container);
    assert.deepEqual(readdirSync(staging), []);
    writeFileSync(join(locks, `${initId}.gate`), "");
    await collectGarbage(store);
    assert.deepEqual(readdirSync(locks), []);
    assert.deepEqual(await store.driver.list(), [cacheId]);
  });

  test(`${name}: a container that is mounted is not removed`, { skip }, async (t) => {
    const { store, top } = await open(t, name);
    const layer = await store.containers.create(container, top);
    {
      await using mounted = await store.containers.mount(container);
      await assert.rejects(store.containers.remove(container), (error) => isFailure(error, "conflict"));
      assert.ok(statSync(mounted.path).isDirectory());
      assert.deepEqual(await store.containers.get(container), layer);
    }
    await store.containers.remove(container);
    assert.deepEqual(await store.containers.list(), []);
  });
}

test("a container ID is used once; who comes second leaves nothing behind", async (t) => {
  const { store, top, cacheId } = await open(t, "vfs");
  const tries = await Promise.allSettled([1, 2].map(() => store.containers.create(container, top)));
  assert.deepEqual(tries.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
  const layer = (await store.containers.get(container)) as ContainerLayer;
  assert.deepEqual(await store.driver.list(), [layer.mountId, layer.initId, cacheId].sort());
  await assert.rejects(store.containers.create(container, top), (error) => isFailure(error, "conflict"));
});

test("a container of a layer that is not there, or with an ID that is no name, is refused", async (t) => {
  const { store, root } = await open(t, "vfs");
  await assert.rejects(store.containers.create(container, digestOf("other")), (error) =>
    isFailure(error, "not-found"),
  );
  for (const id of ["../x", "", "a/b", "."])
    await assert.rejects(store.containers.create(id, undefined), (error) => isFailure(error, "invalid"), id);
  assert.deepEqual(readdirSync(join(root, "vfs/dir")).length, 1);
});

test("an entry without an init layer, as BuildKit in dockerd leaves them, is read; a broken one is reported", async (t) => {
  const { store, entry } = await open(t, "vfs");
  mkdirSync(entry, { recursive: true });
  assert.equal(await store.containers.get(container), undefined);
  writeFileSync(join(entry, "mount-id"), "a".repeat(64));
  const layer = await store.containers.get(container);
  assert.deepEqual(layer, {
    containerId: container,
    mountId: "a".repeat(64),
    initId: `${"a".repeat(64)}-init`,
  });
  writeFileSync(join(entry, "mount-id"), "../../x");
  await assert.rejects(store.containers.get(container), (error) => isFailure(error, "corrupt"));
});

test("layers of images that are mounted in a container are needed as long as it is there", async (t) => {
  const { store, top, entry } = await open(t, "vfs");
  const made = await store.containers.create(container, undefined, { mountedTops: [top] });
  assert.deepEqual(await store.containers.get(container), made);
  assert.deepEqual(made.mountedTops, [top]);
  await collectGarbage(store, { grace: 0 });
  assert.deepEqual(await store.layers.list(), [top]);
  const [layer] = (await ledger(store)).layers;
  assert.deepEqual(layer?.containers, [container]);
  writeFileSync(join(entry, "varve-images"), "half a dig");
  await assert.rejects(store.containers.get(container), { kind: "corrupt" });
  writeFileSync(join(entry, "varve-images"), top);
  await store.containers.remove(container);
  await collectGarbage(store, { grace: 0 });
  assert.deepEqual(await store.layers.list(), []);
  await assert.rejects(store.containers.create(container, undefined, { mountedTops: [top] }), {
    kind: "not-found",
  });
});
