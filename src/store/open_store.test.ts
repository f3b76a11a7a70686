import assert from "node:assert/strict";
import {
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { gzipSync } from "node:zlib";
import { isFailure } from "../errors.ts";
import { digestOf, parseReference } from "../oci/index.ts";
import { encodeConfig } from "./encode_config.ts";
import { openStore } from "./open_store.ts";
import type { Store } from "./types.ts";

function folder(t: TestContext): string {
  const root = mkdtempSync(join(tmpdir(), "store-"));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  return root;
}

/** Every path below `root` with type and mode, random and content-derived names replaced. */
function listing(root: string): string[] {
  const paths = globSync("**/*", { cwd: root, exclude: (name) => String(name).startsWith("varve") });
  const lines = paths.map((path) => {
    const stats = statSync(join(root, path));
    const shown = path.replace(/[0-9a-f]{64}/g, "<hex>");
    return `${stats.isDirectory() ? "d" : "f"} ${(stats.mode & 0o7777).toString(8)} ${shown}`;
  });
  return [...new Set(lines)].sort((a, b) =>
    (a.split(" ")[2] as string).localeCompare(b.split(" ")[2] as string),
  );
}

const diffId = digestOf("layer");

/** One layer, one image built on it, a name, a container, a digest: something of everything. */
async function fill(store: Store): Promise<void> {
  const tarSplit = join(store.root, "varve/tar-split");
  writeFileSync(tarSplit, gzipSync(""));
  const cacheId = "c".repeat(64);
  await store.driver.create(cacheId, undefined);
  const layer = await store.layers.register({ diffId, cacheId, size: 0, tarSplit });
  const config = { architecture: "amd64", os: "linux", rootfs: { type: "layers", diff_ids: [diffId] } };
  const parent = await store.images.put(encodeConfig(config));
  const id = await store.images.put(encodeConfig({ ...config, author: "x" }), { parent });
  await store.names.set(parseReference("a"), id);
  await store.images.markUpdated(id);
  await store.maps.add(diffId, { digest: digestOf("blob"), repository: "docker.io/library/a" });
  await store.containers.create("f".repeat(64), layer.chainId);
}

/** As `find -printf '%y %m %p'` showed them on a root that dockerd 20.10.24 wrote, driver files left out. */
const golden = `
d 710 containers
d 700 image
d 700 image/vfs
d 700 image/vfs/distribution
d 755 image/vfs/distribution/diffid-by-digest
d 755 image/vfs/distribution/diffid-by-digest/sha256
f 644 image/vfs/distribution/diffid-by-digest/sha256/<hex>
d 755 image/vfs/distribution/v2metadata-by-diffid
d 755 image/vfs/distribution/v2metadata-by-diffid/sha256
f 644 image/vfs/distribution/v2metadata-by-diffid/sha256/<hex>
d 700 image/vfs/imagedb
d 700 image/vfs/imagedb/content
d 700 image/vfs/imagedb/content/sha256
f 600 image/vfs/imagedb/content/sha256/<hex>
d 700 image/vfs/imagedb/metadata
d 700 image/vfs/imagedb/metadata/sha256
d 700 image/vfs/imagedb/metadata/sha256/<hex>
f 600 image/vfs/imagedb/metadata/sha256/<hex>/lastUpdated
f 600 image/vfs/imagedb/metadata/sha256/<hex>/parent
d 700 image/vfs/layerdb
d 755 image/vfs/layerdb/mounts
d 755 image/vfs/layerdb/mounts/<hex>
f 644 image/vfs/layerdb/mounts/<hex>/init-id
f 644 image/vfs/layerdb/mounts/<hex>/mount-id
f 644 image/vfs/layerdb/mounts/<hex>/parent
d 755 image/vfs/layerdb/sha256
d 700 image/vfs/layerdb/sha256/<hex>
f 644 image/vfs/layerdb/sha256/<hex>/cache-id
f 644 image/vfs/layerdb/sha256/<hex>/diff
f 644 image/vfs/layerdb/sha256/<hex>/size
f 644 image/vfs/layerdb/sha256/<hex>/tar-split.json.gz
d 755 image/vfs/layerdb/tmp
f 600 image/vfs/repositories.json`;

for (const umask of [0o000, 0o022, 0o077]) {
  test(`B130 B156 all modes are Docker's under umask ${umask.toString(8)}`, async (t) => {
    const root = join(folder(t), "new/root");
    const before = process.umask(umask);
    t.after(() => process.umask(before));
    await fill(await openStore({ root, driver: "vfs" }));
    assert.equal(statSync(root).mode & 0o7777, 0o710);
    const lines = listing(root).filter((line) => !/ vfs(\/|$)/.test(line));
    assert.deepEqual(lines.sort(), golden.trim().split("\n").sort());
  });
}

test("B131 no metadata file ends with a line feed", async (t) => {
  const root = folder(t);
  await fill(await openStore({ root, driver: "vfs" }));
  const files = globSync("image/**/*", { cwd: root }).filter((path) => statSync(join(root, path)).isFile());
  assert.ok(files.length > 10);
  for (const file of files) assert.notEqual(readFileSync(join(root, file)).at(-1), 0x0a, file);
});

test('B145 a new root holds {"Repositories":{}} and opens again as it is', async (t) => {
  const root = folder(t);
  await openStore({ root, driver: "vfs" });
  const names = join(root, "image/vfs/repositories.json");
  assert.equal(readFileSync(names, "utf8"), '{"Repositories":{}}');
  const store = await openStore({ root });
  await store.names.set(parseReference("a"), diffId);
  const { ino } = statSync(names);
  assert.deepEqual([...(await (await openStore({ root })).names.all()).keys()], ["a:latest"]);
  assert.equal(statSync(names).ino, ino);
});

test("B155 a root is opened with the driver that wrote it", async (t) => {
  const root = folder(t);
  mkdirSync(join(root, "image/vfs"), { recursive: true });
  assert.equal((await openStore({ root })).driver.name, "vfs");
  assert.equal((await openStore({ root, driver: "overlay2" })).driver.name, "overlay2");
});

test("a new root gets a driver that works here, and no trace of the trial", async (t) => {
  const root = join(folder(t), "root");
  const { driver } = await openStore({ root });
  assert.ok(existsSync(join(root, "image", driver.name)));
  const left = globSync("*", { cwd: root }).filter(
    (name) => !["containers", "image", "varve"].includes(name),
  );
  assert.deepEqual(left, []);
});

test("two processes' first names on a new root are both kept", async (t) => {
  const root = folder(t);
  const stores = await Promise.all([1, 2, 3, 4].map(() => openStore({ root, driver: "vfs" })));
  await Promise.all(stores.map((store, i) => store.names.set(parseReference(`n:${i}`), diffId)));
  const names = await (stores[0] as Store).names.all();
  assert.deepEqual([...names.keys()], ["n:0", "n:1", "n:2", "n:3"]);
});

test("a relative root, and one that cannot be made, are refused", async (t) => {
  await assert.rejects(openStore({ root: "here" }), (error) => isFailure(error, "invalid"));
  const file = join(folder(t), "file");
  writeFileSync(file, "");
  await assert.rejects(openStore({ root: join(file, "root") }), { code: "ENOTDIR" });
  const signal = AbortSignal.abort();
  await assert.rejects(openStore({ root: folder(t), signal }), (error) => isFailure(error, "cancelled"));
});
