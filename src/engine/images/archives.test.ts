/** save, load and import on stores: what goes out comes in again, whatever is in between. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { archiveOf, configOf, layerTar } from "../../../test/support/archive_help.ts";
import {
  engineFixture,
  makeImage,
  named,
  once,
  signal,
  type EngineFixture,
} from "../../../test/support/engine_fixture.ts";
import { unlessLinux, unlessRoot } from "../../../test/suites/scratch.ts";
import { sampleLayer } from "../../../test/fixtures/sample_image.ts";
import { openArchive } from "../../archive/index.ts";
import type { Report } from "../../bytes/index.ts";
import { digestOf, familiarReference } from "../../oci/index.ts";
import type { SaveOptions } from "./save.ts";
import { directoryOf } from "../../../test/suites/driver_helpers.ts";

const skip = unlessLinux;

async function saved(
  { engine }: EngineFixture,
  names: readonly string[],
  format: NonNullable<SaveOptions["format"]> = "oci",
): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(await engine.images.save(names, { signal, format })));
}

function load({ engine }: EngineFixture, bytes: Uint8Array) {
  return engine.images.load(once(bytes), { signal });
}

async function threeLayers(fixture: EngineFixture, name: string) {
  const one = await makeImage(fixture, { files: { "d/": "", "d/one": "1" } });
  const two = await makeImage(fixture, { base: one, files: { "d/": "", "d/.wh.one": "", "d/two": "22" } });
  return makeImage(fixture, { base: two, names: [name], files: { three: "333" }, config: { Cmd: ["x"] } });
}

test(
  "B102 saved, loaded under another driver and saved again: the same bytes",
  { skip: unlessRoot },
  async () => {
    using here = await engineFixture("overlay2");
    using there = await engineFixture("vfs");
    const image = await threeLayers(here, "app:1");
    for (const format of ["oci", "docker"] as const) {
      const bytes = await saved(here, ["app:1"], format);
      const loaded = await load(there, bytes);
      assert.deepEqual(
        loaded.map(({ imageId, moved }) => [imageId, moved]),
        [[image.id, []]],
      );
      assert.ok(bytes.equals(await saved(there, ["app:1"], format)), format);
    }
  },
);

test("B105 loading says which names it brought and which it took from other images", { skip }, async () => {
  using here = await engineFixture();
  using there = await engineFixture();
  const image = await threeLayers(here, "app:1");
  await here.engine.images.tag("app:1", "host:5000/app");
  const old = await makeImage(there, { names: ["app:1"], files: { old: "1" } });
  const [result] = await load(there, await saved(here, ["app:1", "host:5000/app"]));
  assert.equal(result?.imageId, image.id);
  assert.deepEqual(result?.names.map(familiarReference), ["app:1", "host:5000/app:latest"]);
  assert.deepEqual(
    result?.moved.map(({ name, from }) => [familiarReference(name), from]),
    [["app:1", old.id]],
  );
  assert.deepEqual(
    (await there.engine.images.list({ dangling: true })).map(({ id }) => id),
    [old.id],
  );
  const [again] = await load(there, await saved(here, ["app:1"]));
  assert.deepEqual(again?.moved, []);
});

test("B105 progress is told by layer as Loading layer", { skip }, async () => {
  using here = await engineFixture();
  using there = await engineFixture();
  const image = await threeLayers(here, "app:1");
  const lines: string[] = [];
  const report: Report = ({ id, status }) => void lines.push(`${id} ${status}`);
  await there.engine.images.load(once(await saved(here, ["app:1"])), { signal, report });
  const expected = (image.config.rootfs.diff_ids ?? []).map((id) => `${id.slice(7, 19)} Loading layer`);
  assert.deepEqual([...new Set(lines)].sort(), expected.sort());
});

test("names: one of several, all of a repository, an ID without any, the same twice", { skip }, async () => {
  using here = await engineFixture();
  const { store, images } = here.engine;
  const image = await makeImage(here, { names: ["app:1", "app:2", "other:1"], files: { a: "1" } });
  const second = await makeImage(here, { names: ["app:3"], files: { b: "2" } });
  await store.names.set(named(`digested@${digestOf("m")}`), second.id);
  const namesIn = async (...texts: string[]) => {
    await using archive = await openArchive(once(await saved(here, texts)), { signal });
    return archive.images.map(({ view, names }) => [
      view.imageId === image.id ? 1 : 2,
      ...names.map(familiarReference),
    ]);
  };
  assert.deepEqual(await namesIn("app:2"), [[1, "app:2"]]);
  assert.deepEqual(await namesIn("app"), [
    [1, "app:1", "app:2"],
    [2, "app:3"],
  ]);
  assert.deepEqual(await namesIn("other:1", "app:1", "other:1"), [[1, "other:1", "app:1"]]);
  assert.deepEqual(await namesIn(image.id.slice(7, 19)), [[1]]);
  assert.deepEqual(await namesIn(image.id, "app:1"), [[1, "app:1"]]);
  assert.deepEqual(await namesIn("digested"), [[2]], "a digest is no tag");
  await assert.rejects(images.save(["app:9"], { signal }), {
    kind: "not-found",
    message: "No such image: app:9",
  });
});

test(
  "B054 a parent that is saved along is the parent again after loading; others are not",
  { skip },
  async () => {
    using here = await engineFixture();
    using there = await engineFixture();
    const base = await makeImage(here, { names: ["base:1"], files: { a: "1" } });
    const top = await makeImage(here, { base, names: ["top:1"], files: { b: "2" } });
    await load(there, await saved(here, ["top:1"]));
    assert.equal((await there.engine.images.inspect("top:1")).Parent, "");
    await there.engine.images.remove("top:1");
    for (const format of ["oci", "docker"] as const) {
      await load(there, await saved(here, ["top:1", "base:1"], format));
      assert.equal((await there.engine.images.inspect("top:1")).Parent, base.id, format);
      await there.engine.images.remove("top:1");
      await there.engine.images.remove("base:1");
    }
    assert.equal((await here.engine.images.inspect(top.id)).Parent, base.id);
  },
);

test("B103 an image without layers makes the round trip", { skip }, async () => {
  using here = await engineFixture();
  using there = await engineFixture();
  const image = await makeImage(here, { names: ["none:1"], config: { Env: ["A=b"] } });
  for (const format of ["oci", "docker"] as const)
    assert.equal((await load(there, await saved(here, ["none:1"], format)))[0]?.imageId, image.id);
});

test(
  "B106 a layer with a wrong byte is named by its number; nothing becomes visible, nothing stays",
  { skip },
  async () => {
    using there = await engineFixture();
    const { store } = there.engine;
    const layers = ["one", "two"].map(layerTar);
    const config = configOf(layers);
    const [one, two] = layers as [Buffer, Buffer];
    const flipped = Buffer.from(two);
    flipped[512] = 0x58;
    const bytes = archiveOf({
      "c.json": config.bytes,
      "1.tar": one,
      "2.tar": gzipSync(flipped),
      "manifest.json": { json: [{ Config: "c.json", RepoTags: ["a:1"], Layers: ["1.tar", "2.tar"] }] },
    });
    await assert.rejects(load(there, bytes), {
      kind: "corrupt",
      message: `invalid diffID for layer 1: expected "${digestOf(two)}", got "${digestOf(flipped)}"`,
    });
    const left = [
      await store.images.list(),
      [...(await store.names.all())],
      await store.layers.list(),
      await store.driver.list(),
    ];
    assert.deepEqual(left, [[], [], [], []]);
  },
);

test("save ends with the damage that it meets", { skip }, async () => {
  using here = await engineFixture();
  const { store } = here.engine;
  await threeLayers(here, "app:1");
  const top = (await Promise.all((await store.layers.list()).map((chain) => store.layers.get(chain)))).find(
    (layer) => layer?.size === 3,
  );
  writeFileSync(join(directoryOf(store.driver, top!.cacheId).directory, "three"), "XYZ");
  await assert.rejects(saved(here, ["app:1"]), { kind: "corrupt", message: /^cannot rebuild layer sha256:/ });
});

test("what load unpacks for itself lies in the root, and is gone when it ends", { skip }, async () => {
  using there = await engineFixture();
  await assert.rejects(load(there, Buffer.from("no archive")), { kind: "corrupt" });
  assert.deepEqual(readdirSync(join(there.root, "varve/tmp")), []);
  rmSync(join(there.root, "varve/tmp"), { recursive: true });
  writeFileSync(join(there.root, "varve/tmp"), "in the way");
  await assert.rejects(load(there, Buffer.from("no archive")), { code: "EEXIST" });
});

test("a load that is cancelled leaves nothing", { skip }, async () => {
  using here = await engineFixture();
  using there = await engineFixture();
  await threeLayers(here, "app:1");
  const bytes = await saved(here, ["app:1"]);
  const controller = new AbortController();
  async function* slow(): AsyncGenerator<Uint8Array, void, undefined> {
    yield bytes.subarray(0, 3000);
    controller.abort();
    yield bytes.subarray(3000);
  }
  await assert.rejects(there.engine.images.load(slow(), { signal: controller.signal }), {
    kind: "cancelled",
  });
  assert.deepEqual(await there.engine.store.images.list(), []);
});

test("B109 import makes an image of one layer, with message, changes and platform", { skip }, async () => {
  using fixture = await engineFixture();
  const { images } = fixture.engine;
  const { tar, diffId } = await sampleLayer({ "etc/": "", "etc/motd": "hello" });
  const plain = await images.import(once(tar), { signal });
  assert.deepEqual(plain.config.rootfs, { type: "layers", diff_ids: [diffId] });
  assert.deepEqual(
    plain.config.history?.map(({ comment, created_by, empty_layer }) => [comment, created_by, empty_layer]),
    [["Imported from -", undefined, undefined]],
  );
  assert.equal(plain.config.config?.Cmd, null);
  assert.deepEqual([plain.parent, plain.config.os], [undefined, "linux"]);
  assert.deepEqual((await images.inspect(plain.id)).Comment, "Imported from -");
  const changed = await images.import(once(gzipSync(tar)), {
    signal,
    name: named("base:1"),
    message: "by <hand>",
    platform: { os: "linux", architecture: "arm", variant: "v6" },
    change: (config) => ({ ...config, Cmd: ["sh"] }),
  });
  const { Comment, Config, Architecture, Variant, RepoTags } = await images.inspect("base:1");
  assert.deepEqual(
    [Comment, Config?.Cmd, Architecture, Variant, RepoTags],
    ["by <hand>", ["sh"], "arm", "v6", ["base:1"]],
  );
  assert.deepEqual(changed.config.rootfs.diff_ids, [diffId]);
});

test("B109 an empty tar makes a layer too, and what is no tar leaves nothing", { skip }, async () => {
  using fixture = await engineFixture();
  const { images, store } = fixture.engine;
  const empty = await images.import(once(Buffer.alloc(1024)), { signal });
  assert.deepEqual([empty.config.rootfs.diff_ids?.length, empty.config.history?.length], [1, 1]);
  const before = await store.driver.list();
  await assert.rejects(images.import(once(Buffer.from("no tar")), { signal }), { kind: "corrupt" });
  assert.deepEqual(await store.driver.list(), before);
  assert.deepEqual(await store.images.list(), [empty.id]);
  assert.ok(
    !existsSync(join(fixture.root, "image/vfs/layerdb/tmp")) ||
      readdirSync(join(fixture.root, "image/vfs/layerdb/tmp")).length === 0,
  );
});
