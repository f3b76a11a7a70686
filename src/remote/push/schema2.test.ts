import assert from "node:assert/strict";
import { test } from "node:test";
import { mediaTypes, type Descriptor } from "../../oci/index.ts";
import { failure } from "../testing.test.ts";
import { buildManifest } from "./schema2.ts";

const config: Descriptor = {
  mediaType: mediaTypes.ociConfig,
  digest: "sha256:94555f0ea2b2c7051ba61f5ce3d455b68a584798fbf7093c3358c17b31848977",
  size: 895,
};
const layer: Descriptor = {
  mediaType: mediaTypes.ociLayerGzip,
  digest: "sha256:9b121a1c33e22a6266cc5ace5852da6059405f73b0e74368beca28cce27b7596",
  size: 916053,
};

test("B125 the manifest is dockerd's, byte for byte", () => {
  // Recorded: dockerd 20.10.24 pushed a manifest about these two blobs.
  const { descriptor } = buildManifest(config, [layer]);
  assert.deepEqual(descriptor, {
    mediaType: mediaTypes.dockerManifest,
    digest: "sha256:be7d897bbcdd293683b1a093dabdbce238801b5ed5295ed61d98e21617727ec9",
    size: 526,
  });
});

test("URLs are kept, in Go's spelling", () => {
  const foreign = { ...layer, mediaType: mediaTypes.dockerForeignLayer, urls: ["https://x/?a=1&b=<2>"] };
  const text = String(buildManifest(config, [foreign]).bytes);
  assert.match(text, /"mediaType": "application\/vnd\.docker\.image\.rootfs\.foreign\.diff\.tar\.gzip",\n/);
  assert.match(text, /"https:\/\/x\/\?a=1\\u0026b=\\u003c2\\u003e"/);
});

test("a zstd layer makes it an OCI manifest, in which the other layers have OCI types", () => {
  const gzip = { ...layer, mediaType: mediaTypes.dockerLayerGzip };
  const zstd = { ...layer, mediaType: mediaTypes.ociLayerZstd };
  const manifest = JSON.parse(String(buildManifest(config, [gzip, zstd]).bytes)) as {
    config: Descriptor;
    layers: Descriptor[];
  };
  assert.equal(manifest.config.mediaType, mediaTypes.ociConfig);
  assert.deepEqual(
    manifest.layers.map(({ mediaType }) => mediaType),
    [mediaTypes.ociLayerGzip, mediaTypes.ociLayerZstd],
  );
});

test("an unknown layer type is refused; no layers are an empty list", () => {
  assert.throws(
    () => buildManifest(config, [{ ...layer, mediaType: "text/plain" }]),
    failure("unsupported", 'push: a layer has the unknown media type "text/plain"'),
  );
  assert.match(String(buildManifest(config, []).bytes), /"layers": \[\]\n/);
});
