import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import {
  configOf,
  layerTar,
  opened,
  signal,
  tarBytes,
  type Members,
} from "../../test/support/archive_help.ts";
import { digestOf, familiarReference, hexOf, type ImageId } from "../oci/index.ts";

const [one, two] = [layerTar("one"), layerTar("two")];
const config = configOf([one, two]);
const plain: Members = { "c.json": config.bytes, "1/layer.tar": one, "2/layer.tar": two };

function manifest(fields: object = {}): { readonly json: unknown } {
  return {
    json: [{ Config: "c.json", RepoTags: ["a:1"], Layers: ["1/layer.tar", "2/layer.tar"], ...fields }],
  };
}

test("B100 an archive of docker save: image, names, layers", async () => {
  await using archive = await opened({
    ...plain,
    "manifest.json": manifest({ RepoTags: ["a:1", "host:5000/b"] }),
  });
  assert.equal(archive.images.length, 1);
  const [image] = archive.images;
  assert.equal(image!.view.imageId, config.id);
  assert.deepEqual(image!.names.map(familiarReference), ["a:1", "host:5000/b:latest"]);
  assert.deepEqual(Buffer.from(await image!.view.readConfig({ signal })), config.bytes);
  assert.deepEqual(
    image!.view.layers.map(({ diffId, blob }) => [diffId, blob]),
    [one, two].map((tar) => [digestOf(tar), undefined]),
  );
  assert.deepEqual(await tarBytes(image!, 0), one);
  assert.deepEqual(await tarBytes(image!, 1), two);
  const [layer] = image!.view.layers;
  assert.equal(await layer!.tarSize?.(), one.length);
  const rest = await Array.fromAsync(await layer!.openTar({ signal, offset: 600 }));
  assert.deepEqual(Buffer.concat(rest), one.subarray(600));
  await assert.rejects(layer!.openBlob({ signal }), { kind: "not-found" });
});

test("B104 archives as podman, skopeo and buildah write them: <hex>.tar, compressed layers, no names, links", async () => {
  const hexes = [one, two].map((tar) => hexOf(digestOf(tar)));
  await using archive = await opened({
    [`${hexes[0]}.tar`]: gzipSync(one),
    [`${hexes[1]}.tar`]: two,
    "v1/layer.tar": { link: `../${hexes[0]}.tar` },
    [`${hexOf(config.id as ImageId)}.json`]: config.bytes,
    "manifest.json": {
      json: [
        {
          Config: `${hexOf(config.id as ImageId)}.json`,
          RepoTags: null,
          Layers: hexes.map((hex) => `${hex}.tar`),
        },
        { Config: `${hexOf(config.id as ImageId)}.json`, Layers: ["v1/layer.tar", `${hexes[1]}.tar`] },
      ],
    },
  });
  assert.deepEqual(
    archive.images.map(({ names }) => names),
    [[], []],
  );
  for (const image of archive.images) {
    assert.deepEqual(await tarBytes(image, 0), one);
    assert.equal(await image.view.layers[0]?.tarSize?.(), one.length);
  }
});

test("a config without layers goes with Layers null", async () => {
  const bare = configOf([], { rootfs: { type: "layers" } });
  await using archive = await opened({
    "c.json": bare.bytes,
    "manifest.json": { json: [{ Config: "c.json", RepoTags: ["a:1"], Layers: null }] },
  });
  assert.deepEqual(archive.images[0]?.view.layers, []);
});

test("manifests that are none are refused", async () => {
  const cases: [Members, { kind: string; message: string | RegExp }][] = [
    [{ "manifest.json": "{" }, { kind: "invalid", message: /^cannot read manifest.json of the archive: / }],
    [
      { "manifest.json": { json: {} } },
      { kind: "invalid", message: "manifest.json of the archive: it is not a list" },
    ],
    [{ "manifest.json": { json: [null] } }, { kind: "invalid", message: /an image has no Config$/ }],
    [{ "manifest.json": { json: [{ Config: 1 }] } }, { kind: "invalid", message: /an image has no Config$/ }],
    [{ "manifest.json": manifest() }, { kind: "corrupt", message: 'the archive has no member "c.json"' }],
    [
      { ...plain, "manifest.json": manifest({ RepoTags: "a" }) },
      { kind: "invalid", message: /RepoTags is not a list of texts$/ },
    ],
    [
      { ...plain, "manifest.json": manifest({ RepoTags: ["A"] }) },
      { kind: "invalid", message: /must be lowercase/ },
    ],
    [
      { ...plain, "manifest.json": manifest({ RepoTags: [`a@${digestOf("x")}`] }) },
      { kind: "invalid", message: `manifest.json of the archive: invalid tag "a@${digestOf("x")}"` },
    ],
    [
      { ...plain, "manifest.json": manifest({ Layers: [1] }) },
      { kind: "invalid", message: /Layers is not a list of texts$/ },
    ],
    [
      { ...plain, "manifest.json": manifest({ Layers: ["1/layer.tar"] }) },
      { kind: "corrupt", message: "invalid manifest, layers length mismatch: expected 2, got 1" },
    ],
    [
      { ...plain, "c.json": "[]", "manifest.json": manifest() },
      { kind: "invalid", message: /^invalid image config/ },
    ],
    [
      { other: "" },
      { kind: "invalid", message: /^not an image archive: it has no manifest.json, index.json or / },
    ],
  ];
  for (const [members, expected] of cases)
    await assert.rejects(opened(members), expected, JSON.stringify(expected));
});

test("a layer that is not there fails when it is read", async () => {
  const { "2/layer.tar": _, ...incomplete } = plain;
  await using archive = await opened({ ...incomplete, "manifest.json": manifest() });
  await assert.rejects(tarBytes(archive.images[0]!, 1), {
    kind: "corrupt",
    message: 'the archive has no member "2/layer.tar"',
  });
});

test("parents that the archive names come first, and only true ones are kept", async () => {
  const layers = [one, two, layerTar("three")];
  const stacks = [1, 2, 3].map((height) => configOf(layers.slice(0, height)));
  const alien = configOf([layerTar("alien")]);
  const item = (height: number, Parent: string | undefined) => ({
    Config: `${height}.json`,
    RepoTags: null,
    Layers: layers.slice(0, height).map((_, i) => `${i}.tar`),
    ...(Parent !== undefined && { Parent }),
  });
  const files: Members = {
    ...Object.fromEntries(layers.map((tar, i) => [`${i}.tar`, tar])),
    ...Object.fromEntries(stacks.map(({ bytes }, i) => [`${i + 1}.json`, bytes])),
    "alien.json": alien.bytes,
    "alien.tar": layerTar("alien"),
  };
  const [low, middle, high] = stacks.map(({ id }) => id);
  const parentsOf = async (items: object[]) => {
    await using archive = await opened({ ...files, "manifest.json": { json: items } });
    return archive.images.map(({ view, parent }) => [view.imageId, parent]);
  };
  assert.deepEqual(await parentsOf([item(3, middle), item(1, undefined), item(2, low)]), [
    [low, undefined],
    [middle, low],
    [high, middle],
  ]);
  assert.deepEqual(await parentsOf([item(2, digestOf("absent"))]), [[middle, undefined]]);
  assert.deepEqual(await parentsOf([item(1, low)]), [[low, undefined]], "an image is not its own parent");
  const loop = await parentsOf([item(1, middle), item(2, low)]);
  assert.deepEqual(
    new Map(loop as [string, unknown][]),
    new Map([
      [low, undefined],
      [middle, low],
    ]),
  );
  const alienItem = { Config: "alien.json", RepoTags: null, Layers: ["alien.tar"] };
  assert.deepEqual(await parentsOf([alienItem, item(2, alien.id)]), [
    [alien.id, undefined],
    [middle, undefined],
  ]);
});
