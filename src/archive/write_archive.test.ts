import assert from "node:assert/strict";
import { test } from "node:test";
import {
  configOf,
  layerTar,
  membersOf,
  opened,
  signal,
  type TestConfig,
} from "../../test/support/archive_help.ts";
import { fromBytes, type ImageView, type LayerView } from "../bytes/index.ts";
import {
  chainIds,
  digestOf,
  goJson,
  mediaTypes,
  parseReference,
  type DiffId,
  type ImageId,
} from "../oci/index.ts";
import type { ArchiveFormat, ArchiveImage } from "./types.ts";
import { writeArchive } from "./write_archive.ts";

const layers = ["one", "two", "three"].map(layerTar);
const created = "2026-01-02T03:04:05.678Z";
const createdSeconds = Date.parse("2026-01-02T03:04:05Z") / 1000;
const config = configOf(layers, {
  created,
  author: "Jo <jo@x>",
  config: { Cmd: ["sh"], Labels: { b: "2", a: "1" } },
  docker_version: "20.10",
});

function layerView(bytes: Buffer, tar: Buffer = bytes): LayerView {
  return {
    diffId: digestOf(bytes),
    openBlob: () => Promise.reject(new Error("not asked for")),
    openTar: async () => fromBytes(tar.subarray(0, 700), tar.subarray(700)),
  };
}

function imageOf(
  { bytes, id }: TestConfig,
  views: readonly LayerView[],
  names: readonly string[],
  parent?: string,
): ArchiveImage {
  const view: ImageView = {
    imageId: id as ImageId,
    configDescriptor: { mediaType: mediaTypes.dockerConfig, digest: id as ImageId, size: bytes.length },
    layers: views,
    readConfig: async () => bytes,
  };
  return {
    view,
    names: names.map(parseReference),
    ...(parent !== undefined && { parent: parent as ImageId }),
  };
}

const image = imageOf(
  config,
  layers.map((tar) => layerView(tar)),
  ["app:1", "host:5000/app:2"],
);

async function written(images: readonly ArchiveImage[], format: ArchiveFormat): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(writeArchive(images, { format, signal })));
}

const hex = (id: string): string => id.slice("sha256:".length);
const textAt = (members: ReturnType<typeof membersOf>, path: string): string => {
  const member = members.find((each) => each.path === path);
  assert.ok(member !== undefined, `${path} is in the archive`);
  return member.text;
};

test("B098 B099 B100 the old form: members, their order, their times, the JSON in them", async () => {
  const members = membersOf(await written([image], "docker"));
  const paths = members.map(({ path }) => path);
  const manifest = JSON.parse(textAt(members, "manifest.json")) as {
    Layers: string[];
    Config: string;
    RepoTags: string[];
  }[];
  const ids = manifest[0]!.Layers.map((path) => path.split("/")[0] as string);
  assert.deepEqual(
    paths,
    [...ids, `${hex(config.id)}.json`, "manifest.json", "repositories"]
      .sort()
      .flatMap((name) =>
        ids.includes(name) ? [`${name}/`, `${name}/VERSION`, `${name}/json`, `${name}/layer.tar`] : [name],
      ),
  );
  assert.equal(
    textAt(members, "manifest.json"),
    `[{"Config":"${hex(config.id)}.json","RepoTags":["app:1","host:5000/app:2"],"Layers":[${ids.map((id) => `"${id}/layer.tar"`).join()}]}]\n`,
  );
  assert.equal(
    textAt(members, "repositories"),
    `{"app":{"1":"${ids[2]}"},"host:5000/app":{"2":"${ids[2]}"}}\n`,
  );
  assert.equal(textAt(members, `${hex(config.id)}.json`), config.bytes.toString());
  for (const [i, id] of ids.entries()) {
    assert.equal(textAt(members, `${id}/VERSION`), "1.0");
    assert.equal(textAt(members, `${id}/layer.tar`), layers[i]?.toString("latin1"));
  }
  for (const { path, mtime, mode } of members) {
    assert.equal(mtime, path === "manifest.json" || path === "repositories" ? 0 : createdSeconds, path);
    assert.equal(mode, path.endsWith("/") ? 0o755 : 0o644, path);
  }
});

test("B099 v1 IDs are what their JSON hashes to; only the top one has the config", async () => {
  const members = membersOf(await written([image], "docker"));
  const [{ Layers }] = JSON.parse(textAt(members, "manifest.json")) as [{ Layers: string[] }];
  const chain = chainIds(layers.map((tar) => digestOf(tar) as DiffId));
  let below: string | undefined;
  for (const [i, path] of Layers.entries()) {
    const json = JSON.parse(textAt(members, path.replace("layer.tar", "json"))) as Record<string, unknown>;
    const { id, parent, os, ...rest } = json;
    assert.equal(parent, below);
    const top = i === layers.length - 1;
    const hashed = {
      ...rest,
      ...(top && { os }),
      layer_id: chain[i],
      ...(below !== undefined && { parent: `sha256:${below}` }),
    };
    assert.equal(hex(digestOf(goJson(hashed, { sortKeys: "top" }))), id);
    assert.equal(path, `${String(id)}/layer.tar`);
    if (!top)
      assert.deepEqual(
        [rest["created"], Object.keys(rest)],
        ["1970-01-01T00:00:00Z", ["created", "container_config"]],
      );
    else assert.deepEqual([rest["author"], rest["created"]], ["Jo <jo@x>", created]);
    below = id as string;
  }
});

test("B100 a layer met again is a link to where it was first", async () => {
  const twice = configOf([layers[0]!, layers[1]!, layers[0]!]);
  const views = [layers[0]!, layers[1]!, layers[0]!].map((tar) => layerView(tar));
  const members = membersOf(await written([imageOf(twice, views, ["twice:1"])], "docker"));
  const [{ Layers }] = JSON.parse(textAt(members, "manifest.json")) as [{ Layers: string[] }];
  const link = members.find(({ path }) => path === Layers[2]);
  assert.equal(link?.kind, `symlink ../${Layers[0]}`);
  await using archive = await opened(
    Object.fromEntries(
      members
        .filter(({ kind }) => kind !== "directory")
        .map(({ path, kind, text }) => [
          path,
          kind.startsWith("symlink ") ? { link: kind.slice(8) } : Buffer.from(text, "latin1"),
        ]),
    ),
  );
  assert.equal(archive.images[0]?.view.imageId, twice.id);
});

test("B100 without a name: RepoTags null and no repositories", async () => {
  for (const format of ["docker", "oci"] as const) {
    const members = membersOf(await written([{ ...image, names: [] }], format));
    assert.match(textAt(members, "manifest.json"), /"RepoTags":null/);
    assert.ok(members.every(({ path }) => path !== "repositories"));
  }
});

test("B101 the new form is an OCI layout with Docker's two files beside it", async () => {
  const archive = await written([image], "oci");
  const members = membersOf(archive);
  const paths = members.map(({ path }) => path);
  const blobs = [...layers.map((tar) => digestOf(tar)), config.id].map(
    (digest) => `blobs/sha256/${hex(digest)}`,
  );
  const index = JSON.parse(textAt(members, "index.json")) as { manifests: Record<string, unknown>[] };
  const [row] = index.manifests as [{ digest: string; size: number; annotations: object }];
  const manifestPath = `blobs/sha256/${hex(row.digest)}`;
  assert.deepEqual(paths, [
    "blobs/",
    "blobs/sha256/",
    ...[...blobs, manifestPath].sort(),
    "index.json",
    "manifest.json",
    "oci-layout",
    "repositories",
  ]);
  assert.equal(textAt(members, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
  const manifest = textAt(members, manifestPath);
  assert.deepEqual([digestOf(manifest), manifest.length], [row.digest, row.size]);
  const parsed = JSON.parse(manifest) as { layers: { digest: string; size: number; mediaType: string }[] };
  assert.deepEqual(
    parsed.layers,
    layers.map((tar) => ({ mediaType: mediaTypes.ociLayerTar, digest: digestOf(tar), size: tar.length })),
  );
  assert.deepEqual(
    index.manifests.map(({ annotations }) => annotations),
    [
      { "io.containerd.image.name": "docker.io/library/app:1", "org.opencontainers.image.ref.name": "1" },
      { "io.containerd.image.name": "host:5000/app:2", "org.opencontainers.image.ref.name": "2" },
    ],
  );
  const top = hex(digestOf(layers[2]!));
  assert.equal(textAt(members, "repositories"), `{"app":{"1":"${top}"},"host:5000/app":{"2":"${top}"}}\n`);
  assert.ok(
    members.every(({ mtime }) => mtime === 0),
    "equal images make equal archives at any time",
  );
  assert.deepEqual(await written([image], "oci"), archive);
});

test("B103 an image without layers is saved in both forms", async () => {
  const bare = configOf([], { rootfs: { type: "layers" } });
  for (const format of ["docker", "oci"] as const) {
    const members = membersOf(await written([imageOf(bare, [], ["none:1"])], format));
    assert.match(textAt(members, "manifest.json"), /"RepoTags":\["none:1"\],"Layers":null/);
    assert.ok(
      members.every(({ path }) => path !== "repositories"),
      "there is no layer to name",
    );
  }
});

test("a parent is named where it is saved as well, and only there", async () => {
  const lower = imageOf(configOf([layers[0]!]), [layerView(layers[0]!)], ["lower:1"]);
  const upperConfig = configOf(layers.slice(0, 2));
  const upper = imageOf(
    upperConfig,
    layers.slice(0, 2).map((tar) => layerView(tar)),
    ["upper:1"],
    lower.view.imageId,
  );
  for (const format of ["docker", "oci"] as const) {
    const both = JSON.parse(textAt(membersOf(await written([upper, lower], format)), "manifest.json")) as {
      Parent?: string;
    }[];
    assert.deepEqual(
      both.map(({ Parent }) => Parent),
      [lower.view.imageId, undefined],
    );
    const alone = textAt(membersOf(await written([upper], format)), "manifest.json");
    assert.doesNotMatch(alone, /Parent/);
  }
});

test("B106 a layer whose bytes are not those of its diff ID spoils the archive at once", async () => {
  const wrong = imageOf(
    config,
    [layerView(layers[0]!), layerView(layers[1]!, layers[2]!), layerView(layers[2]!)],
    ["app:1"],
  );
  for (const format of ["docker", "oci"] as const) {
    await assert.rejects(written([wrong], format), {
      kind: "corrupt",
      message: new RegExp(`^layer verification failed for digest ${digestOf(layers[1]!)}`),
    });
  }
});

test("B104 what was written in either form reads back as it was", async () => {
  for (const format of ["docker", "oci"] as const) {
    const bytes = await written([image], format);
    const members = membersOf(bytes).filter(({ kind }) => kind === "file");
    await using archive = await opened(
      Object.fromEntries(members.map(({ path, text }) => [path, Buffer.from(text, "latin1")])),
    );
    const [read] = archive.images;
    assert.equal(read?.view.imageId, config.id);
    assert.deepEqual(await written([read!], format), bytes);
  }
});
