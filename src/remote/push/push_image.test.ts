import assert from "node:assert/strict";
import { test } from "node:test";
import type { ImageView, Progress } from "../../bytes/index.ts";
import { Failure } from "../../errors.ts";
import { digestOf, mediaTypes, shortId } from "../../oci/index.ts";
import { serveRegistry, type RunningRegistry } from "../../registry/index.ts";
import {
  failure,
  log,
  noise,
  seed,
  seedBlob,
  signal,
  testImage,
  testRemote,
  withoutManifest,
} from "../testing.test.ts";

const image = testImage([noise(20_000, 7), noise(30_000, 8)]);
const [bottom, top] = image.blobs.map((blob) => digestOf(blob)) as [`sha256:${string}`, `sha256:${string}`];
const [bottomId, topId] = image.layers.map(({ diffId }) => shortId(diffId ?? "")) as [string, string];
const names = { [bottom]: "BOTTOM", [top]: "TOP", [image.imageId]: "CONFIG" };

/** Lines as a plain terminal shows them, without the bytes of "Pushing". */
function lines(progress: readonly Progress[]): string[] {
  return progress
    .filter(({ status }) => status !== "Pushing")
    .map(({ id, status }) => (id === undefined ? status : `${id}: ${status}`));
}

async function push(registry: RunningRegistry, name: string, what: ImageView, concurrency = 1) {
  const progress: Progress[] = [];
  using remote = testRemote();
  const report = (item: Progress) => void progress.push(item);
  const pushed = await remote.push(what, `${registry.address}/${name}`, { signal, report, concurrency });
  return { pushed, progress };
}

async function manifestOf({ address }: RunningRegistry, name: string, tag: string): Promise<Buffer> {
  return Buffer.from(await (await fetch(`http://${address}/v2/${name}/manifests/${tag}`)).arrayBuffer());
}

test("B124 B125 layers, then config, then manifest; in Docker's words and order", async () => {
  await using registry = await serveRegistry({ storage: "memory" });
  const { pushed, progress } = await push(registry, "a/b:v1", image);
  const { digest, size } = image.manifest.descriptor;
  assert.deepEqual(lines(progress), [
    `The push refers to repository [${registry.address}/a/b]`,
    `${topId}: Preparing`,
    `${bottomId}: Preparing`,
    `${bottomId}: Waiting`,
    `${topId}: Pushed`,
    `${bottomId}: Pushed`,
    `v1: digest: ${digest} size: ${size}`,
  ]);
  const blobSteps = (name: string) => [
    `HEAD /v2/a/b/blobs/${name}`,
    "POST /v2/a/b/blobs/uploads/",
    "PATCH /v2/a/b/blobs/uploads/ID",
    "PUT /v2/a/b/blobs/uploads/ID",
    `HEAD /v2/a/b/blobs/${name}`,
  ];
  assert.deepEqual(log(registry, names), [
    "GET /v2/",
    ...blobSteps("TOP"),
    ...blobSteps("BOTTOM"),
    ...blobSteps("CONFIG"),
    "PUT /v2/a/b/manifests/v1",
  ]);
  const bytes = progress.filter(({ status, id }) => status === "Pushing" && id === topId);
  assert.deepEqual(bytes.at(-1), {
    id: topId,
    status: "Pushing",
    current: image.blobs[1]?.length,
    total: image.blobs[1]?.length,
  });
  assert.deepEqual(
    pushed.layers.map(({ diffId, blob }) => [diffId, blob.digest]),
    [
      [image.layers[0]?.diffId, bottom],
      [image.layers[1]?.diffId, top],
    ],
  );
});

test("B129 an image that has a manifest keeps its bytes and digest; pushed again it is the same", async () => {
  await using registry = await serveRegistry({ storage: "memory" });
  for (const tag of ["v1", "v2"]) {
    const { pushed } = await push(registry, `a:${tag}`, image);
    assert.equal(pushed.digest, image.manifest.descriptor.digest);
    assert.deepEqual(await manifestOf(registry, "a", tag), image.manifest.bytes);
  }
  for (const tag of ["v3", "v4"]) {
    const { pushed } = await push(registry, `a:${tag}`, withoutManifest(image));
    const bytes = await manifestOf(registry, "a", tag);
    assert.equal(pushed.digest, digestOf(bytes));
    assert.equal(pushed.size, bytes.length);
    const manifest = JSON.parse(String(bytes)) as { mediaType: string; layers: { mediaType: string }[] };
    assert.equal(manifest.mediaType, mediaTypes.dockerManifest);
    assert.deepEqual(
      manifest.layers.map(({ mediaType }) => mediaType),
      [mediaTypes.dockerLayerGzip, mediaTypes.dockerLayerGzip],
    );
  }
  assert.deepEqual(await manifestOf(registry, "a", "v3"), await manifestOf(registry, "a", "v4"));
});

test("B126 layers that are there are not sent again", async () => {
  await using registry = await serveRegistry({ storage: "memory" });
  await push(registry, "a:v1", image);
  registry.requests.length = 0;
  const { progress } = await push(registry, "a:v2", image);
  assert.deepEqual(lines(progress).slice(3, 6), [
    `${bottomId}: Waiting`,
    `${topId}: Layer already exists`,
    `${bottomId}: Layer already exists`,
  ]);
  assert.deepEqual(log(registry, names), [
    "GET /v2/",
    "HEAD /v2/a/blobs/TOP",
    "HEAD /v2/a/blobs/BOTTOM",
    "HEAD /v2/a/blobs/CONFIG",
    "PUT /v2/a/manifests/v2",
  ]);
});

test("B126 one absent layer does not make the others be sent again", async () => {
  await using registry = await serveRegistry({ storage: "memory" });
  await seedBlob(registry, "a", image.blobs[0] as Uint8Array);
  const { progress } = await push(registry, "a:v1", image);
  assert.deepEqual(lines(progress).slice(4, 6), [`${topId}: Pushed`, `${bottomId}: Layer already exists`]);
});

/** The image as a store shows it whose compressed layers are gone: only digests and places are known. */
function remembered(registry: RunningRegistry, repository: string): ImageView {
  const layers = image.layers.map(({ diffId, blob, openTar }) => ({
    ...(diffId && { diffId }),
    openTar,
    openBlob: () => Promise.reject(new Failure("not-found", "gone")),
    seenAt: [{ digest: blob!.digest, repository: `${registry.address}/${repository}` }],
  }));
  return { ...withoutManifest(image), layers };
}

test("B126 a layer whose bytes are gone is recognised by where it was seen", async () => {
  await using registry = await serveRegistry({ storage: "memory" });
  const first = await push(registry, "a:v1", withoutManifest(image));
  const { pushed, progress } = await push(registry, "a:v2", remembered(registry, "a"));
  assert.equal(pushed.digest, first.pushed.digest);
  assert.deepEqual(lines(progress).slice(4, 6), [
    `${topId}: Layer already exists`,
    `${bottomId}: Layer already exists`,
  ]);
});

test("B127 a layer of a sibling repository is mounted", async () => {
  await using registry = await serveRegistry({ storage: "memory" });
  await push(registry, "library/base:v1", withoutManifest(image));
  registry.requests.length = 0;
  const { progress } = await push(registry, "b:v1", remembered(registry, "library/base"));
  assert.deepEqual(lines(progress).slice(4, 6), [
    `${topId}: Mounted from library/base`,
    `${bottomId}: Mounted from library/base`,
  ]);
  const mounts = registry.requests.filter(({ query }) => query.includes("mount="));
  assert.deepEqual(
    mounts.map(({ method, path, status, query }) => [method, path, status, query]),
    [top, bottom].map((digest) => [
      "POST",
      "/v2/b/blobs/uploads/",
      201,
      `?mount=${encodeURIComponent(digest)}&from=library%2Fbase`,
    ]),
  );
  const sentLayers = registry.requests.filter(({ received }) => received > 10_000);
  assert.deepEqual(sentLayers, []);
});

test("B127 where the mount is not granted, its session takes the upload", async () => {
  await using registry = await serveRegistry({ storage: "memory" });
  const layers = image.layers.map((layer) => ({
    ...layer,
    seenAt: [{ digest: layer.blob!.digest, repository: `${registry.address}/no/such` }],
  }));
  const { progress } = await push(registry, "b:v1", { ...image, layers });
  assert.deepEqual(lines(progress).slice(4, 6), [`${topId}: Pushed`, `${bottomId}: Pushed`]);
  const posts = registry.requests.filter(({ method }) => method === "POST");
  assert.deepEqual(
    posts.map(({ query, status }) => [query.split("=")[0], status]),
    [
      ["?mount", 202],
      ["?mount", 202],
      ["", 202],
    ],
  );
});

test("a layer that is known by digest only keeps its compression in the manifest", async () => {
  await using registry = await serveRegistry({ storage: "memory" });
  const zstd = Buffer.concat([Buffer.from("28b52ffd", "hex"), Buffer.from("not looked at further")]);
  await seedBlob(registry, "a", zstd);
  const [layer] = remembered(registry, "a").layers;
  const seenAt = [{ digest: digestOf(zstd), repository: `${registry.address}/a` }];
  await push(registry, "a:v1", { ...withoutManifest(image), layers: [{ ...layer!, seenAt }] });
  const manifest = JSON.parse(String(await manifestOf(registry, "a", "v1"))) as Record<string, unknown>;
  assert.equal(manifest["mediaType"], mediaTypes.ociManifest);
  assert.deepEqual(manifest["layers"], [
    { mediaType: mediaTypes.ociLayerZstd, size: zstd.length, digest: digestOf(zstd) },
  ]);
});

test("a layer without transfer form is compressed by its place; equal layers are sent once", async () => {
  await using registry = await serveRegistry({ storage: "memory" });
  let compressed = 0;
  const [layer] = image.layers;
  const plain = {
    diffId: layer!.diffId!,
    openBlob: layer!.openBlob,
    openTar: layer!.openTar,
    compress: async () => {
      compressed += 1;
      return layer!.blob!;
    },
  };
  const { pushed } = await push(registry, "a:v1", { ...withoutManifest(image), layers: [plain, plain] });
  assert.equal(compressed, 1);
  assert.deepEqual(
    pushed.layers.map(({ blob }) => blob.digest),
    [bottom, bottom],
  );
  const { compress: _, ...without } = plain;
  await assert.rejects(
    push(registry, "b:v1", { ...withoutManifest(image), layers: [without] }),
    failure("unsupported", `push layer ${bottomId}: its place can give no compressed form of it`),
  );
});

test("five layers are on their way at once, and no more", async () => {
  const many = testImage(Array.from({ length: 7 }, (_, i) => `layer ${i}`));
  let [inside, most] = [0, 0];
  const { promise: full, resolve } = Promise.withResolvers<undefined>();
  await using registry = await serveRegistry({
    storage: "memory",
    faults: async ({ method }) => {
      if (method !== "PATCH") return undefined;
      inside += 1;
      most = Math.max(most, inside);
      if (inside === 5) resolve(undefined);
      await full;
      inside -= 1;
      return undefined;
    },
  });
  using remote = testRemote();
  await remote.push(many, `${registry.address}/a`, { signal });
  assert.equal(most, 5);
});

test("one failing layer stops the push, and no manifest is sent", async () => {
  await using registry = await serveRegistry({
    storage: "memory",
    faults: ({ method, index }) =>
      method === "POST" && index > 2
        ? { kind: "answer", status: 403, body: '{"errors":[{"code":"DENIED","message":"quota exceeded"}]}' }
        : undefined,
  });
  await assert.rejects(push(registry, "a:v1", image, 2), failure("denied", "denied: quota exceeded"));
  assert.ok(!registry.requests.some(({ method, path }) => method === "PUT" && path.includes("/manifests/")));
});

test("B128 what the registry says about absent blobs reaches the user", async () => {
  await using registry = await serveRegistry({
    storage: "memory",
    // The registry claims to have everything.
    faults: ({ method }) =>
      method === "HEAD" ? { kind: "answer", status: 200, headers: { "Content-Length": "9" } } : undefined,
  });
  await assert.rejects(
    push(registry, "a:v1", image),
    failure("invalid", `errors:\n${"manifest blob unknown: blob unknown to registry\n".repeat(3)}`),
  );
});

test("bytes that are not what the layer says are refused by the registry, once", async () => {
  await using registry = await serveRegistry({ storage: "memory" });
  const [layer] = image.layers;
  const wrong = { ...layer!, openBlob: image.layers[1]!.openBlob };
  const lying = { ...image, layers: [wrong], manifest: undefined };
  const { manifest: _, ...view } = lying;
  await assert.rejects(
    push(registry, "a:v1", view),
    failure("corrupt", /^push blob .* should have .* bytes, but there are more$/),
  );
  const sameSize = testImage([noise(20_000, 70)]);
  const flipped = {
    ...layer!,
    blob: { ...layer!.blob!, digest: digestOf("x"), size: sameSize.blobs[0]!.length },
  };
  await assert.rejects(
    push(registry, "a:v1", { ...view, layers: [{ ...flipped, openBlob: sameSize.layers[0]!.openBlob }] }),
    failure("invalid", "digest invalid: provided digest did not match uploaded content"),
  );
  const puts = registry.requests.filter(({ method }) => method === "PUT");
  assert.equal(puts.length, 1);
});

test("what was pulled is pushed elsewhere with the same digest, straight from registry to registry", async () => {
  await using from = await serveRegistry({ storage: "memory" });
  await using to = await serveRegistry({ storage: "memory" });
  await seed(from, "a", image);
  using remote = testRemote();
  const view = await remote.resolve(`${from.address}/a:1`, { signal });
  const pushed = await remote.push(view, `${to.address}/b/c:9`, { signal });
  assert.equal(pushed.digest, image.manifest.descriptor.digest);
  assert.equal((await remote.resolve(`${to.address}/b/c:9`, { signal })).imageId, image.imageId);
});
