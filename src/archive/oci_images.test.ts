import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { configOf, Layout, layerTar, opened, signal, tarBytes } from "../../test/support/archive_help.ts";
import { collect } from "../bytes/index.ts";
import { digestOf, familiarReference, hostPlatform, mediaTypes, type Descriptor } from "../oci/index.ts";

const tar = layerTar("one");
const gzipped = gzipSync(tar);
const host = hostPlatform();
const other = host.architecture === "s390x" ? "ppc64le" : "s390x";

function refName(descriptor: Descriptor, name: string): Descriptor {
  return { ...descriptor, annotations: { "org.opencontainers.image.ref.name": name } };
}

/** An image that differs by `extra` from others; one gzipped layer. */
function image(layout: Layout, extra: object = {}): { readonly id: string; readonly descriptor: Descriptor } {
  const config = configOf([tar], extra);
  return { id: config.id, descriptor: layout.image(config, [[gzipped, mediaTypes.ociLayerGzip]]) };
}

test("B104 an OCI layout: image, manifest, blobs as they are", async () => {
  const layout = new Layout();
  const config = configOf([tar, layerTar("two")]);
  const descriptor = layout.image(config, [
    [gzipped, mediaTypes.ociLayerGzip],
    [layerTar("two"), mediaTypes.ociLayerTar],
  ]);
  await using archive = await opened(layout.archive([refName(descriptor, "a.example/b:1")]));
  const [found] = archive.images;
  assert.equal(found!.view.imageId, config.id);
  assert.deepEqual(found!.names.map(familiarReference), ["a.example/b:1"]);
  assert.equal(digestOf(found!.view.manifest!.bytes), descriptor.digest);
  const [compressed, plain] = found!.view.layers;
  assert.equal(compressed!.blob?.digest, digestOf(gzipped));
  assert.deepEqual(
    Buffer.from(await collect(await compressed!.openBlob({ signal, offset: 5 }), 1e6)),
    gzipped.subarray(5),
  );
  assert.deepEqual(await tarBytes(found!, 0), tar);
  assert.equal(plain!.blob, undefined, "a plain tar is no blob to keep beside its layer");
  assert.equal(await plain!.tarSize?.(), layerTar("two").length);
});

test("names: containerd's and BuildKit's full one first, a bare tag names nothing", async () => {
  const layout = new Layout();
  const { descriptor } = image(layout);
  const named = async (annotations: Record<string, string>) => {
    await using archive = await opened(layout.archive([{ ...descriptor, annotations }]));
    return archive.images.flatMap(({ names }) => names.map(familiarReference));
  };
  const short = "org.opencontainers.image.ref.name";
  const full = "io.containerd.image.name";
  assert.deepEqual(await named({ [short]: "latest", [full]: "docker.io/library/app:2" }), ["app:2"]);
  assert.deepEqual(await named({ [short]: "localhost/app:2" }), ["localhost/app:2"]);
  assert.deepEqual(await named({ [short]: "app:2" }), ["app:2"]);
  for (const text of ["latest", "1.0", "Not A Name:1", `app@${digestOf("x")}`])
    assert.deepEqual(await named({ [short]: text }), [], text);
});

test("B104 several images, one of them under two names", async () => {
  const layout = new Layout();
  const [a, b] = [image(layout, { author: "a" }), image(layout, { author: "b" })];
  await using archive = await opened(
    layout.archive([
      refName(a.descriptor, "app:1"),
      refName(b.descriptor, "app:2"),
      refName(a.descriptor, "app:3"),
    ]),
  );
  assert.deepEqual(
    archive.images.map(({ view, names }) => [view.imageId, names.map(familiarReference)]),
    [
      [a.id, ["app:1", "app:3"]],
      [b.id, ["app:2"]],
    ],
  );
});

test("attestations, signatures and charts are no images", async () => {
  const layout = new Layout();
  const { id, descriptor } = image(layout);
  const attestation = {
    ...layout.manifest({ config: layout.add("{}", mediaTypes.ociConfig), layers: [] }),
    annotations: { "vnd.docker.reference.type": "attestation-manifest" },
  };
  const chart = layout.manifest({
    config: layout.add("{}", "application/vnd.cncf.helm.config.v1+json"),
    layers: [],
  });
  await using archive = await opened(layout.archive([attestation, chart, descriptor]));
  assert.deepEqual(
    archive.images.map(({ view }) => view.imageId),
    [id],
  );
  await assert.rejects(opened(layout.archive([attestation, chart])), {
    kind: "unsupported",
    message: /^the archive holds no image for linux\//,
  });
});

test("of several platforms the host's is taken: in an index of the index, and in rows of one name", async () => {
  const layout = new Layout();
  const [mine, alien] = [image(layout), image(layout, { architecture: other })];
  const rows = [
    { ...alien.descriptor, platform: { os: "linux", architecture: other } },
    { ...mine.descriptor, platform: { os: "linux", architecture: host.architecture } },
  ];
  const nested = refName(
    layout.index([...rows, { ...alien.descriptor, platform: { os: "unknown", architecture: "unknown" } }]),
    "app:1",
  );
  const sideBySide = rows.map((row) => refName(row, "app:1"));
  for (const top of [[nested], sideBySide]) {
    await using archive = await opened(layout.archive(top));
    assert.deepEqual(
      archive.images.map(({ view, names }) => [view.imageId, names.map(familiarReference)]),
      [[mine.id, ["app:1"]]],
    );
  }
  await using single = await opened(layout.archive([rows[0] as object]));
  assert.equal(
    single.images[0]?.view.imageId,
    alien.id,
    "a row of its own was asked for by whoever wrote it",
  );
  const foreign = layout.index([rows[0] as object]);
  await assert.rejects(opened(layout.archive([foreign])), { kind: "unsupported" });
});

test("layouts with holes and lies are refused", async () => {
  const layout = new Layout();
  const { descriptor } = image(layout);
  const blob = (of: Descriptor) => `blobs/${of.digest.replace(":", "/")}`;
  const whole = layout.archive([descriptor]);
  const without = Object.fromEntries(Object.entries(whole).filter(([path]) => path !== blob(descriptor)));
  await assert.rejects(opened(without), {
    kind: "corrupt",
    message: /^the archive has no member "blobs\/sha256\//,
  });
  const changed = { ...whole, [blob(descriptor)]: Buffer.from(`${String(whole[blob(descriptor)])} `) };
  await assert.rejects(opened(changed), {
    kind: "corrupt",
    message: / is longer than the \d+ bytes announced$/,
  });
  const config = JSON.parse(String(whole[blob(descriptor)])) as { config: Descriptor };
  const flipped = Buffer.from(whole[blob(config.config)] as Buffer);
  flipped[flipped.indexOf("amd64")] = 0x41;
  await assert.rejects(opened({ ...whole, [blob(config.config)]: flipped }), {
    kind: "corrupt",
    message: /^content verification failed for digest /,
  });
  await assert.rejects(opened({ "index.json": { json: { schemaVersion: 2, config: {}, layers: [] } } }), {
    kind: "invalid",
  });
  let deep: Descriptor = descriptor;
  for (let i = 0; i < 6; i++) deep = layout.index([deep]);
  await assert.rejects(opened(layout.archive([deep])), {
    kind: "limit",
    message: "indexes in the archive are nested deeper than 4",
  });
  const short = layout.image(configOf([tar, tar]), [[gzipped, mediaTypes.ociLayerGzip]]);
  await assert.rejects(opened(layout.archive([short])), {
    kind: "corrupt",
    message: "invalid manifest, layers length mismatch: expected 2, got 1",
  });
});

test("Docker's manifest.json decides where there is one, since it has the names", async () => {
  const layout = new Layout();
  const { id, descriptor } = image(layout);
  const config = `blobs/${id.replace(":", "/")}`;
  const json = [
    { Config: config, RepoTags: ["docker/name:1"], Layers: [`blobs/${digestOf(gzipped).replace(":", "/")}`] },
  ];
  await using archive = await opened({
    ...layout.archive([refName(descriptor, "oci/name:1")]),
    "manifest.json": { json },
  });
  assert.deepEqual(archive.images[0]?.names.map(familiarReference), ["docker/name:1"]);
  assert.deepEqual(await tarBytes(archive.images[0]!, 0), tar);
});
