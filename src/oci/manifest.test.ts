import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { isFailure } from "../errors.ts";
import { mediaTypes } from "./descriptor.ts";
import { parseManifest } from "./manifest.ts";

const bytes = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));
const digest = `sha256:${"1".repeat(64)}`;
const layer = { mediaType: mediaTypes.ociLayerGzip, digest, size: 10 };
const config = { mediaType: mediaTypes.ociConfig, digest, size: 20 };
const manifest = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers: [layer] };
const index = {
  schemaVersion: 2,
  mediaType: mediaTypes.ociIndex,
  manifests: [
    { ...config, mediaType: mediaTypes.ociManifest, platform: { os: "linux", architecture: "amd64" } },
  ],
};
const { mediaType: _, ...untyped } = manifest;

describe("parseManifest", () => {
  test("reads a manifest that skopeo made of a Docker image", () => {
    const raw = readFileSync(join(import.meta.dirname, "../../test/fixtures/identities/manifest.json"));
    const found = parseManifest(raw, mediaTypes.dockerManifest);
    assert.equal(found.kind, "manifest");
    assert.equal(found.mediaType, mediaTypes.dockerManifest);
    assert.deepEqual(
      found.kind === "manifest" && found.manifest.layers.map(({ size }) => size),
      [1761280, 3072, 2048],
    );
  });

  test("keeps unknown fields, also nested and called __proto__", () => {
    const text = JSON.stringify({
      ...manifest,
      "x-new": { a: [1] },
      layers: [{ ...layer, data: "AA==" }],
    }).replace("{", '{"__proto__":{"polluted":true},');
    const found = parseManifest(Buffer.from(text));
    assert.ok(found.kind === "manifest");
    assert.equal(JSON.stringify(found.manifest), text);
    assert.equal(({} as { polluted?: boolean }).polluted, undefined);
    assert.equal((found.manifest as { polluted?: boolean }).polluted, undefined);
  });

  const accepted: readonly [string, unknown, string | undefined, string, string][] = [
    ["an OCI manifest", manifest, undefined, "manifest", mediaTypes.ociManifest],
    ["an OCI index", index, mediaTypes.ociIndex, "index", mediaTypes.ociIndex],
    ["a manifest without type", untyped, undefined, "manifest", mediaTypes.ociManifest],
    [
      "a manifest typed by its transport",
      untyped,
      mediaTypes.dockerManifest,
      "manifest",
      mediaTypes.dockerManifest,
    ],
    [
      "a transport with parameters",
      manifest,
      `${mediaTypes.ociManifest}; charset=utf-8`,
      "manifest",
      mediaTypes.ociManifest,
    ],
    ["a transport that knows nothing", manifest, "application/json", "manifest", mediaTypes.ociManifest],
    [
      "an untyped Docker manifest",
      { ...untyped, config: { ...config, mediaType: mediaTypes.dockerConfig } },
      undefined,
      "manifest",
      mediaTypes.dockerManifest,
    ],
    [
      "a Docker list",
      { ...index, mediaType: mediaTypes.dockerList },
      undefined,
      "index",
      mediaTypes.dockerList,
    ],
    ["no layers", { ...manifest, layers: [] }, undefined, "manifest", mediaTypes.ociManifest],
    [
      "a size of 0 and one of 2^53-1",
      {
        ...manifest,
        layers: [
          { ...layer, size: 0 },
          { ...layer, size: 2 ** 53 - 1 },
        ],
      },
      undefined,
      "manifest",
      mediaTypes.ociManifest,
    ],
  ];
  for (const [name, document, told, kind, type] of accepted) {
    test(`accepts ${name}`, () => {
      const found = parseManifest(bytes(document), told);
      assert.deepEqual([found.kind, found.mediaType], [kind, type]);
    });
  }

  const withLayer = (change: object): object => ({ ...manifest, layers: [layer, { ...layer, ...change }] });
  const refused: readonly [string, unknown, string | undefined, string, RegExp][] = [
    ["schema 1", { schemaVersion: 1, name: "a", fsLayers: [] }, undefined, "unsupported", /schema 1/],
    [
      "schema 1 by transport",
      manifest,
      "application/vnd.docker.distribution.manifest.v1+prettyjws",
      "unsupported",
      /schema 1/,
    ],
    ["schema 3", { ...manifest, schemaVersion: 3 }, undefined, "invalid", /schemaVersion: expected 2, got 3/],
    [
      "no schema version",
      { config, layers: [] },
      undefined,
      "invalid",
      /schemaVersion: expected 2, got nothing/,
    ],
    ["a manifest that is an index too", { ...manifest, manifests: [] }, undefined, "invalid", /ambiguous/],
    [
      "an index called a manifest",
      { ...index, mediaType: mediaTypes.ociManifest },
      undefined,
      "invalid",
      /is an index/,
    ],
    ["a manifest sent as an index", manifest, mediaTypes.ociIndex, "invalid", /sent as/],
    [
      "an unknown type",
      { ...manifest, mediaType: "application/x" },
      undefined,
      "unsupported",
      /media type "application\/x"/,
    ],
    ["a number as type", { ...manifest, mediaType: 5 }, undefined, "invalid", /mediaType: expected a string/],
    [
      "no layers field",
      { ...manifest, layers: undefined },
      undefined,
      "invalid",
      /layers: expected a list, got nothing/,
    ],
    [
      "layers of null",
      { ...manifest, layers: null },
      undefined,
      "invalid",
      /layers: expected a list, got null/,
    ],
    ["no config", { ...manifest, config: undefined }, undefined, "invalid", /config: expected an object/],
    ["a negative size", withLayer({ size: -1 }), undefined, "invalid", /layers\[1\] size: .* got -1/],
    ["a broken size", withLayer({ size: 1.5 }), undefined, "invalid", /size/],
    ["a size beyond 2^53", withLayer({ size: 2 ** 53 }), undefined, "invalid", /size/],
    ["a text as size", withLayer({ size: "5" }), undefined, "invalid", /size/],
    ["a short digest", withLayer({ digest: "sha256:12" }), undefined, "invalid", /layers\[1\] digest/],
    [
      "an upper case digest",
      withLayer({ digest: `sha256:${"A".repeat(64)}` }),
      undefined,
      "invalid",
      /digest/,
    ],
    ["a digest that is a path", withLayer({ digest: "../../etc/passwd" }), undefined, "invalid", /digest/],
    [
      "an unknown algorithm",
      withLayer({ digest: `blake3:${"1".repeat(64)}` }),
      undefined,
      "unsupported",
      /algorithm blake3/,
    ],
    [
      "no media type",
      withLayer({ mediaType: undefined }),
      undefined,
      "invalid",
      /mediaType: expected a media type/,
    ],
    [
      "annotations that are no texts",
      withLayer({ annotations: { a: 1 } }),
      undefined,
      "invalid",
      /annotations\.a/,
    ],
    ["urls that are no texts", withLayer({ urls: [1] }), undefined, "invalid", /urls\[0\]/],
    [
      "a platform without os",
      { ...index, manifests: [{ ...config, platform: { architecture: "amd64" } }] },
      undefined,
      "invalid",
      /platform os/,
    ],
    ["a list", [manifest], undefined, "invalid", /expected an object/],
    ["null", null, undefined, "invalid", /expected an object/],
  ];
  for (const [name, document, told, kind, message] of refused) {
    test(`refuses ${name}`, () => {
      assert.throws(() => parseManifest(bytes(document), told), { name: "Failure", kind, message });
    });
  }

  test("refuses what is no JSON, is too big or too deep", () => {
    assert.throws(() => parseManifest(Buffer.from("{")), { kind: "invalid" });
    assert.throws(() => parseManifest(Buffer.from("\ufeff{}")), { kind: "invalid" });
    assert.throws(() => parseManifest(Buffer.alloc((4 << 20) + 1, " ")), {
      kind: "limit",
      message: /4194304/,
    });
    const deep = `{"schemaVersion":2,"a":${"[".repeat(100_000)}${"]".repeat(100_000)}}`;
    assert.throws(() => parseManifest(Buffer.from(deep)), { kind: "limit", message: /64 levels/ });
  });

  test("never throws anything but a Failure, whatever is changed", () => {
    const junk = fc.anything({ withNullPrototype: false });
    const key = fc.constantFrom(
      "schemaVersion",
      "mediaType",
      "config",
      "layers",
      "manifests",
      "subject",
      "annotations",
    );
    fc.assert(
      fc.property(key, junk, (name, value) => {
        let text: string | undefined;
        try {
          text = JSON.stringify({ ...manifest, [name]: value });
        } catch {
          // Circular values and bigints are no JSON.
        }
        fc.pre(text !== undefined);
        try {
          const found = parseManifest(Buffer.from(text as string));
          assert.ok(found.kind === "manifest" || found.kind === "index");
        } catch (error) {
          assert.ok(isFailure(error), String(error));
        }
      }),
    );
  });
});
