import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf, mediaTypes, type ManifestDigest } from "../../oci/index.ts";
import { serveRegistry } from "../../registry/index.ts";
import { failure, log, seed, seedManifest, signal, testImage, testRemote } from "../testing.test.ts";

const platforms = [
  { architecture: "arm", os: "linux", variant: "v7" },
  { architecture: "amd64", os: "linux" },
  { architecture: "unknown", os: "unknown" },
];

test("an index is described by its own platforms, an image by its config", async () => {
  await using registry = await serveRegistry({ storage: "memory" });
  const manifests = [];
  for (const platform of platforms) {
    const one = testImage([platform.architecture], platform.architecture);
    await seed(registry, "multi", one, { tag: one.manifest.descriptor.digest });
    manifests.push({ ...one.manifest.descriptor, platform });
  }
  const mediaType = mediaTypes.ociIndex;
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, manifests }));
  await seedManifest(registry, "multi", "1", bytes);
  using remote = testRemote();
  const described = await remote.describe(`${registry.address}/multi:1`, { signal });
  assert.deepEqual(described, {
    descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length },
    platforms,
  });
  const [arm] = manifests;
  const before = registry.requests.length;
  const one = await remote.describe(`${registry.address}/multi@${arm?.digest as ManifestDigest}`, { signal });
  assert.deepEqual(one.descriptor.digest, arm?.digest);
  assert.deepEqual(one.platforms, [{ architecture: "arm", os: "linux" }]);
  const asked = log(registry)
    .slice(before)
    .map((line) => line.replace(/sha256:\w+/, "DIGEST"));
  assert.deepEqual(asked, ["GET /v2/", "GET /v2/multi/manifests/DIGEST", "GET /v2/multi/blobs/DIGEST"]);
  await assert.rejects(
    remote.describe(`${registry.address}/none:1`, { signal }),
    failure("not-found", /^manifest for .* not found/),
  );
});
