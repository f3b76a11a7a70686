import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf, mediaTypes, type Digest, type ManifestDigest } from "../../oci/index.ts";
import { serveRegistry, type Fault, type RunningRegistry } from "../../registry/index.ts";
import {
  bytesOf,
  describe,
  failure,
  log,
  seed,
  seedBlob,
  seedManifest,
  signal,
  testImage,
  testRemote,
} from "../testing.test.ts";

const image = testImage(["one", "two"]);
const named = { [image.manifest.descriptor.digest]: "MANIFEST" };

test("B112 a tag is resolved with GET /v2/, HEAD by tag, GET by digest, and nothing else", async () => {
  await using registry = await serveRegistry({ storage: "memory" });
  await seed(registry, "a/b", image);
  using remote = testRemote();
  const view = await remote.resolve(`${registry.address}/a/b:1`, { signal });
  assert.deepEqual(log(registry, named), [
    "GET /v2/",
    "HEAD /v2/a/b/manifests/1",
    "GET /v2/a/b/manifests/MANIFEST",
  ]);
  assert.equal(view.imageId, digestOf(image.config));
  assert.deepEqual(Buffer.from(view.manifest?.bytes ?? []), image.manifest.bytes);
  assert.equal(view.referenceDigest, image.manifest.descriptor.digest);
  assert.deepEqual(
    view.layers.map(({ blob, seenAt }) => [blob, seenAt]),
    image.layers.map(({ blob }) => [blob, [{ digest: blob?.digest, repository: `${registry.address}/a/b` }]]),
  );
});

test("B123 the up-to-date check is GET /v2/ and one HEAD; its answer saves the next HEAD", async () => {
  await using registry = await serveRegistry({ storage: "memory" });
  await seed(registry, "a", image);
  using remote = testRemote();
  const descriptor = await remote.head(`${registry.address}/a:1`, { signal });
  assert.deepEqual(descriptor, image.manifest.descriptor);
  assert.deepEqual(log(registry), ["GET /v2/", "HEAD /v2/a/manifests/1"]);
  const view = await remote.resolve(`${registry.address}/a:1`, { signal, descriptor });
  assert.equal(view.imageId, image.imageId);
  assert.deepEqual(log(registry, named).slice(2), ["GET /v2/a/manifests/MANIFEST"]);
});

test("an image is resolved by digest, without HEAD; config and layers come verified", async () => {
  await using registry = await serveRegistry({ storage: "memory" });
  await seed(registry, "a", image);
  using remote = testRemote();
  const view = await remote.resolve(`${registry.address}/a@${image.manifest.descriptor.digest}`, { signal });
  assert.deepEqual(log(registry, named), ["GET /v2/", "GET /v2/a/manifests/MANIFEST"]);
  assert.deepEqual(Buffer.from(await view.readConfig({ signal })), image.config);
  const [first] = view.layers;
  assert.equal((await bytesOf(await first!.openTar({ signal }))).toString(), "one");
  assert.equal((await bytesOf(await first!.openTar({ signal, offset: 2 }))).toString(), "e");
  assert.deepEqual(await bytesOf(await first!.openBlob({ signal })), image.blobs[0]);
});

async function seedIndex(registry: RunningRegistry, mediaType: string): Promise<Digest> {
  const platforms = [
    { os: "linux", architecture: "arm", variant: "v6" },
    { os: "linux", architecture: "arm", variant: "v7" },
    { os: "linux", architecture: "amd64" },
    { os: "unknown", architecture: "unknown" },
  ];
  const manifests = [];
  for (const platform of platforms) {
    const one = testImage([`for ${platform.architecture}${platform.variant ?? ""}`], platform.architecture);
    await seed(registry, "multi", one, { tag: one.manifest.descriptor.digest });
    manifests.push({ ...one.manifest.descriptor, platform });
  }
  const index = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, manifests }));
  await seedManifest(registry, "multi", "1", index);
  return digestOf(index);
}

for (const mediaType of [mediaTypes.ociIndex, mediaTypes.dockerList]) {
  test(`B113 the platform is chosen from ${mediaType}, variant included`, async () => {
    await using registry = await serveRegistry({ storage: "memory" });
    const digest = await seedIndex(registry, mediaType);
    using remote = testRemote();
    const content = async (architecture: string, variant?: string) => {
      const platform = { os: "linux", architecture, ...(variant === undefined ? {} : { variant }) };
      const view = await remote.resolve(`${registry.address}/multi:1`, { signal, platform });
      assert.equal(view.referenceDigest, digest, "RepoDigests keep the index digest");
      return (await bytesOf(await view.layers[0]!.openTar({ signal }))).toString();
    };
    assert.equal(await content("amd64"), "for amd64");
    assert.equal(await content("arm", "v7"), "for armv7");
    assert.equal(await content("arm", "v6"), "for armv6");
    await assert.rejects(
      content("s390x"),
      failure("unsupported", "no matching manifest for linux/s390x in the manifest list entries"),
    );
  });
}

test("an index may hold an index, but not without end", async () => {
  await using registry = await serveRegistry({ storage: "memory" });
  await seed(registry, "deep", image);
  let inner = { ...image.manifest.descriptor, platform: { os: "linux", architecture: "amd64" } };
  for (let level = 1; level <= 5; level++) {
    const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [inner] };
    const bytes = Buffer.from(JSON.stringify(index));
    await seedManifest(registry, "deep", `level${level}`, bytes);
    inner = { ...describe(bytes, mediaTypes.ociIndex), platform: inner.platform };
  }
  using remote = testRemote();
  const platform = { os: "linux", architecture: "amd64" };
  const resolve = (level: number) =>
    remote.resolve(`${registry.address}/deep:level${level}`, { signal, platform });
  assert.equal((await resolve(4)).imageId, image.imageId);
  await assert.rejects(resolve(5), failure("limit", /an index lies more than 4 levels deep$/));
});

test("B119 a manifest that does not hash to its digest is refused", async () => {
  await using registry = await serveRegistry({
    storage: "memory",
    faults: ({ method, path }) =>
      method === "GET" && path.includes("/manifests/sha256:") ? { kind: "flip", at: 300 } : undefined,
  });
  await seed(registry, "a", image);
  using remote = testRemote();
  const { digest } = image.manifest.descriptor;
  const expected = failure("corrupt", `manifest verification failed for digest ${digest}`);
  await assert.rejects(remote.resolve(`${registry.address}/a:1`, { signal }), expected);
  const ref = { domain: registry.address, path: "a", digest: digest as ManifestDigest };
  await assert.rejects(remote.resolve(ref, { signal }), expected);
});

test("a config that does not hash to the image ID is refused", async () => {
  await using registry = await serveRegistry({
    storage: "memory",
    faults: ({ method, path }) =>
      method === "GET" && path.endsWith(`/blobs/${image.imageId}`) ? { kind: "flip", at: 3 } : undefined,
  });
  await seed(registry, "a", image);
  using remote = testRemote();
  const view = await remote.resolve(`${registry.address}/a:1`, { signal });
  const message = new RegExp(`image config verification failed for digest ${image.imageId}`);
  await assert.rejects(view.readConfig({ signal }), failure("corrupt", message));
});

test("B123 unknown names fail in Docker's words", async () => {
  await using registry = await serveRegistry({ storage: "memory" });
  await seed(registry, "a", image);
  using remote = testRemote();
  const unknown = (name: string) =>
    failure(
      "not-found",
      `manifest for ${registry.address}/${name} not found: manifest unknown: manifest unknown`,
    );
  await assert.rejects(remote.resolve(`${registry.address}/a:none`, { signal }), unknown("a:none"));
  await assert.rejects(remote.resolve(`${registry.address}/none`, { signal }), unknown("none:latest"));
  await assert.rejects(remote.head(`${registry.address}/none`, { signal }), unknown("none:latest"));
  const digest = digestOf("none");
  await assert.rejects(remote.resolve(`${registry.address}/a@${digest}`, { signal }), unknown(`a@${digest}`));
});

const big = JSON.stringify({ schemaVersion: 2, pad: "x".repeat(4 << 20) });
const answers: readonly [string, Fault & { kind: "answer" }, ReturnType<typeof failure>][] = [
  [
    "schema 1",
    {
      kind: "answer",
      status: 200,
      headers: { "Content-Type": "application/vnd.docker.distribution.manifest.v1+prettyjws" },
      body: '{"schemaVersion":1}',
    },
    failure("unsupported", /schema 1 is not supported/),
  ],
  [
    "a manifest over 4 MiB",
    { kind: "answer", status: 200, body: big },
    failure("limit", /manifest of .* 4194304 bytes/),
  ],
  ["HTML", { kind: "answer", status: 200, body: "<html>" }, failure("invalid", /manifest/)],
  [
    "an unknown repository",
    { kind: "answer", status: 404, body: '{"errors":[{"code":"NAME_UNKNOWN","message":"no such repo"}]}' },
    failure("not-found", /^repository 127\.0\.0\.1:\d+\/a not found: name unknown: no such repo$/),
  ],
  [
    "several errors",
    {
      kind: "answer",
      status: 400,
      body: '{"errors":[{"code":"A_B","message":"x"},{"code":"C","message":""}]}',
    },
    failure("invalid", "errors:\na b: x\nc\n"),
  ],
  [
    "500",
    { kind: "answer", status: 500, body: "oops" },
    failure("unavailable", "received unexpected HTTP status: 500 Internal Server Error"),
  ],
  [
    "404 without body",
    { kind: "answer", status: 404 },
    failure("not-found", /^Get "http:.*": unexpected HTTP status: 404 Not Found$/),
  ],
];
for (const [name, fault, expected] of answers) {
  test(`resolve fails clearly on ${name}`, async () => {
    await using registry = await serveRegistry({
      storage: "memory",
      faults: ({ path }) => (path.includes("/manifests/") ? fault : undefined),
    });
    using remote = testRemote();
    await assert.rejects(remote.resolve(`${registry.address}/a:1`, { signal }), expected);
  });
}

test("a registry that does not answer HEAD is asked by GET", async () => {
  await using registry = await serveRegistry({
    storage: "memory",
    faults: ({ method, path }) =>
      method === "HEAD" && path.endsWith("/manifests/1") ? { kind: "answer", status: 405 } : undefined,
  });
  await seed(registry, "a", image);
  using remote = testRemote();
  assert.equal((await remote.resolve(`${registry.address}/a:1`, { signal })).imageId, image.imageId);
});

test("an artifact that is no image is refused", async () => {
  await using registry = await serveRegistry({ storage: "memory" });
  const config = Buffer.from("{}");
  await seedBlob(registry, "chart", config);
  const manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: describe(config, "application/vnd.cncf.helm.config.v1+json"),
    layers: [],
  };
  await seedManifest(registry, "chart", "1", Buffer.from(JSON.stringify(manifest)));
  using remote = testRemote();
  await assert.rejects(
    remote.resolve(`${registry.address}/chart:1`, { signal }),
    failure("unsupported", /\/chart is no image: its config has media type "application\/vnd\.cncf\.helm/),
  );
});

test("tags and catalog are read page by page", async () => {
  await using registry = await serveRegistry({
    storage: "memory",
    faults: ({ path }) =>
      path === "/v2/paged/tags/list"
        ? {
            kind: "answer",
            status: 200,
            headers: { Link: '</v2/a/tags/list?last=0&n=9>; rel="next"' },
            body: '{"name":"paged","tags":["0"]}',
          }
        : undefined,
  });
  await seed(registry, "a", image);
  await seedManifest(registry, "a", "2", image.manifest.bytes);
  using remote = testRemote();
  assert.deepEqual(await remote.tags(`${registry.address}/paged`, { signal }), ["0", "1", "2"]);
  assert.deepEqual(await remote.catalog(`http://${registry.address}/`, { signal }), ["a"]);
  await assert.rejects(
    remote.tags(`${registry.address}/none`, { signal }),
    failure("not-found", "name unknown: repository name not known to registry"),
  );
});
