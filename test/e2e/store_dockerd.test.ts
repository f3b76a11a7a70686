/** The store and a real dockerd (20.10) on one data root, one after the other (behaviours B155). */
import assert from "node:assert/strict";
import { globSync, lstatSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { collect, fromFile, toFile, type ByteSource } from "../../src/bytes/index.ts";
import { probeOverlay, type DriverName } from "../../src/driver/index.ts";
import { LayerApplier } from "../../src/layer/index.ts";
import { chainIds, digestOf, parseReference, type ChainId, type DiffId } from "../../src/oci/index.ts";
import {
  encodeConfig,
  openStore,
  resolveImage,
  type Store,
  type StoredLayer,
} from "../../src/store/index.ts";
import { packTar, readTar, TarParser, TarSplitWriter, type TarEntry } from "../../src/tar/index.ts";
import { dockerdSkip, startDockerd } from "../suites/dockerd.ts";
import { scratch } from "../suites/scratch.ts";
import { directoryOf } from "../suites/driver_helpers.ts";

const signal = new AbortController().signal;
const whole = async (source: ByteSource) => Buffer.from(await collect(source, 1 << 24));

function entry(path: string, type: TarEntry["type"], more: Partial<TarEntry> = {}): TarEntry {
  const owner = { uid: 1000, gid: 7, uname: "", gname: "" };
  const mode = type === "directory" ? 0o755 : 0o640;
  const rest = { linkPath: "", size: 0, mtime: 1_600_000_000, mtimeNs: 0, devMajor: 0, devMinor: 0 };
  return { path, type, mode, ...owner, ...rest, ...more };
}

function file(path: string, content: string, more: Partial<TarEntry> = {}) {
  const body = Buffer.from(content);
  return { entry: entry(path, "file", { size: body.length, ...more }), body };
}

const directory = (path: string) => ({ entry: entry(path, "directory") });

/** Three layers with what is hard to put together again: links, long and odd names, whiteouts, an opaque directory. */
async function makeLayers(): Promise<Buffer[]> {
  const long = `d/${"long".repeat(40)}-\xc3\xa9`;
  const xattrs = new Map([["user.note", Buffer.from([1, 0, 255])]]);
  const first = [
    directory("d/"),
    file("d/a", "a".repeat(70_000), { mtimeNs: 123_456_789 }),
    file("d/b", "b"),
    { entry: entry("d/hard", "hardlink", { linkPath: "d/a" }) },
    { entry: entry("d/soft", "symlink", { linkPath: "/d/a", mode: 0o777 }) },
    file(long, "long", { xattrs }),
    { entry: entry("d/fifo", "fifo") },
    { entry: entry("d/null", "char", { devMajor: 1, devMinor: 3 }) },
  ];
  const second = [
    directory("./d/"),
    file("./d/.wh.b", ""),
    file("./d/\xff\xfe", "not UTF-8"),
    file("./empty", ""),
  ];
  const third = [
    directory("d/"),
    file("d/.wh..wh..opq", ""),
    file("d/z", "z"),
    directory("etc/"),
    file("etc/hosts", "x"),
  ];
  return Promise.all([first, second, third].map((entries) => whole(packTar(entries))));
}

/** What `docker load` takes: the config, the layers and a manifest.json with the name. */
async function writeArchive(path: string, name: string, layers: readonly Buffer[]): Promise<Buffer> {
  const diff_ids: DiffId[] = layers.map((layer) => digestOf(layer));
  const config = {
    architecture: "amd64",
    config: { Cmd: ["/none"], Labels: { a: "<b>&" } },
    created: "2026-01-02T03:04:05.678Z",
    history: layers.map((_, i) => ({ created: "2026-01-02T03:04:05Z", created_by: `step ${i}` })),
    os: "linux",
    rootfs: { type: "layers", diff_ids },
  };
  const bytes = Buffer.from(encodeConfig(config));
  const paths = layers.map((_, i) => `${i}/layer.tar`);
  const manifest = Buffer.from(JSON.stringify([{ Config: "config.json", RepoTags: [name], Layers: paths }]));
  const contents: [string, Buffer][] = [
    ["config.json", bytes],
    ["manifest.json", manifest],
  ];
  for (const [i, layer] of layers.entries()) contents.push([`${i}/layer.tar`, layer]);
  const entries = contents.map(([path, body]) => ({
    entry: entry(path, "file", { size: body.length }),
    body,
  }));
  await toFile(packTar(entries), path);
  return bytes;
}

/** Unpacks a tar as a new layer of the store, on `parent`. */
async function addLayer(store: Store, tar: Uint8Array, parent: StoredLayer): Promise<StoredLayer> {
  const cacheId = digestOf(`${parent.chainId} again`).slice(7);
  await store.driver.create(cacheId, parent.cacheId);
  using applier = new LayerApplier(directoryOf(store.driver, cacheId));
  const lines: Buffer[] = [];
  const split = new TarSplitWriter((chunk) => lines.push(Buffer.from(chunk)));
  const parser = new TarParser(applier, { raw: split });
  parser.write(tar);
  parser.end();
  split.end();
  const { size } = applier.finish();
  const tarSplit = join(store.root, "tar-split.json.gz");
  writeFileSync(tarSplit, gzipSync(Buffer.concat(lines)));
  return store.layers.register({ diffId: digestOf(tar), parent: parent.chainId, cacheId, size, tarSplit });
}

/** `mode size path -> target` of all below `root`. */
function listing(root: string): string[] {
  return globSync(["**/*", "**/.*"], { cwd: root })
    .sort()
    .map((path) => {
      const stats = lstatSync(join(root, path));
      const target = stats.isSymbolicLink() ? readlinkSync(join(root, path)) : "";
      return `${stats.mode.toString(8)} ${stats.isFile() ? stats.size : ""} ${path} ${target}`;
    });
}

/** The digests of the layers in what `docker save` wrote. */
async function savedLayers(path: string): Promise<DiffId[]> {
  const digests: DiffId[] = [];
  for await (const { entry, body } of readTar(fromFile(path)))
    if (entry.type === "file" && entry.path.endsWith("/layer.tar")) digests.push(digestOf(await whole(body)));
  return digests.sort();
}

const drivers: { driver: DriverName; skip: string | false }[] = [
  { driver: "overlay2", skip: dockerdSkip },
  { driver: "vfs", skip: dockerdSkip },
];

for (const { driver, skip } of drivers) {
  test(
    `B155 a root goes from dockerd to varve and back, ${driver}`,
    { skip, timeout: 120_000 },
    async (t) => {
      const overlay = probeOverlay("/tmp");
      if (driver === "overlay2" && !overlay.ok) return t.skip(`overlay cannot be mounted: ${overlay.reason}`);
      using folder = scratch("dockerd");
      const root = join(folder.path, "root");
      const layers = await makeLayers();
      const diffIds: DiffId[] = layers.map((layer) => digestOf(layer));
      const config = await writeArchive(join(folder.path, "archive.tar"), "made/by:dockerd", layers);
      let container = "";
      {
        await using daemon = await startDockerd(folder.path, driver);
        daemon.docker("load", "-i", join(folder.path, "archive.tar"));
        daemon.docker("tag", "made/by:dockerd", "second");
        container = daemon.docker("create", "made/by:dockerd");
      }

      const store = await openStore({ root });
      const image = await resolveImage(store, "made/by:dockerd");
      const stored = await Promise.all(chainIds(diffIds).map((id) => store.layers.get(id)));
      const top = stored.at(-1) as StoredLayer;

      await t.test("B132 B134 B145 varve sees dockerd's images, layers and names", async () => {
        assert.equal(store.driver.name, driver);
        assert.deepEqual(image.bytes, config);
        assert.deepEqual(await store.images.list(), [digestOf(config)]);
        assert.deepEqual([...(await store.names.all()).keys()], ["made/by:dockerd", "second:latest"]);
        assert.equal((await resolveImage(store, "second")).id, image.id);
        assert.equal((await resolveImage(store, image.id.slice(7, 12))).id, image.id);
        assert.deepEqual(
          stored.map((layer) => layer?.diffId),
          diffIds,
        );
        assert.deepEqual((await store.layers.list()).sort(), chainIds(diffIds).sort());
      });

      await t.test("B140 every layer that dockerd unpacked comes out as the exact tar", async () => {
        for (const [i, id] of chainIds(diffIds).entries())
          assert.deepEqual(await whole(await store.layers.openTar(id, { signal })), layers[i]);
      });

      await t.test("B142 B150 a container's entry and init layer are dockerd's to the byte", async () => {
        const theirs = await store.containers.get(container);
        assert.ok(theirs);
        assert.equal(theirs.parent, top.chainId);
        const ours = await store.containers.create("e".repeat(64), top.chainId);
        const init = (id: string) => listing(directoryOf(store.driver, id).directory);
        assert.deepEqual(init(ours.initId), init(theirs.initId));
        assert.ok(init(ours.initId).some((line) => line.endsWith("etc/mtab /proc/mounts")));
        const entries = join(root, "image", driver, "layerdb/mounts");
        assert.deepEqual(listing(join(entries, "e".repeat(64))), listing(join(entries, container)));
        await store.containers.remove("e".repeat(64));
      });

      const added = await addLayer(store, layers[0] as Buffer, top);
      const more = { author: "varve", rootfs: { type: "layers", diff_ids: [...diffIds, added.diffId] } };
      const id = await store.images.put(encodeConfig({ ...image.config, ...more, history: [] }), {
        parent: image.id,
      });
      await store.names.set(parseReference("made/by:varve"), id);
      await store.images.markUpdated(id);
      await store.names.remove(parseReference("second"));

      await using daemon = await startDockerd(folder.path, driver);

      await t.test("B057 B155 dockerd lists, inspects and saves what varve added", async () => {
        const names = daemon.docker("images", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}", "--no-trunc");
        const expected = [`made/by:dockerd ${image.id}`, `made/by:varve ${id}`];
        assert.deepEqual(names.split("\n").sort(), expected);
        const [inspected] = JSON.parse(daemon.docker("inspect", "made/by:varve")) as Record<string, never>[];
        assert.deepEqual([inspected?.["Parent"], inspected?.["Author"]], [image.id, "varve"]);
        const size = (await Promise.all([...chainIds(diffIds), added.chainId].map(sizeOf))).reduce(
          (a, b) => a + b,
        );
        assert.equal(inspected?.["Size"], size);
        const saved = join(folder.path, "saved.tar");
        daemon.docker("save", "-o", saved, "made/by:varve");
        // One of the two equal layers is a link in Docker's archive.
        assert.deepEqual(
          [...new Set(await savedLayers(saved))],
          [...new Set([...diffIds, added.diffId])].sort(),
        );
      });

      async function sizeOf(chainId: ChainId): Promise<number> {
        return (await store.layers.get(chainId))?.size ?? NaN;
      }

      await t.test("B142 dockerd removes the container and varve's image, layers and all", async () => {
        daemon.docker("rm", container);
        assert.match(daemon.docker("rmi", "made/by:varve"), new RegExp(`Deleted: ${added.chainId}`));
        assert.deepEqual((await store.layers.list()).sort(), chainIds(diffIds).sort());
        assert.equal((await store.driver.list()).length, 3);
        assert.deepEqual([await store.images.list(), await store.containers.list()], [[image.id], []]);
        assert.deepEqual([...(await store.names.all()).keys()], ["made/by:dockerd"]);
        await assert.rejects(resolveImage(store, "made/by:varve"), {
          message: "No such image: made/by:varve",
        });
      });
    },
  );
}
