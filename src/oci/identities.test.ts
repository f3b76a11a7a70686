/**
 * B053: the identities of an image are distinct, and each is computed as Docker and OCI say. The image in
 * test/fixtures/identities was built and saved by dockerd 20.10.24, its manifest made by skopeo; the expected values are
 * what these programs (and sha256sum) said, not what this code computes.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { chainId, chainIds } from "./chain_id.ts";
import { algorithmOf, digestOf, hexOf, isDigest, parseDigest, shortId, type DiffId } from "./digest.ts";
import { parseImageConfig } from "./image_config.ts";
import { parseManifest } from "./manifest.ts";
import { v1Id } from "./v1_id.ts";

const fixture = (name: string): Buffer =>
  readFileSync(join(import.meta.dirname, "../../test/fixtures/identities", name));

/** What `layerdb/sha256` of dockerd named the three layers, bottom first. */
const dockerChain = [
  "sha256:0f8918d0fe4f272ce8acece89916a9ba0b240584d3c1dd1943f343f69b0d0ffb",
  "sha256:ead1edbbcb00d30258a7612869d6576ef1cb26cc22ab93e931f07fad72741323",
  "sha256:f57ffa718cbd1f1ff6a201016f407a38844acc51778ccb7580a7d15d1ee9b15b",
];
/** Directories of dockerd's `save` archive, bottom first. */
const dockerV1 = [
  "26686f0fee2ce385cf2dac04e8b8bcaee466b439c40763907caadb80dafae8fe",
  "a2cc81a13065f737062fe2e33037c79c30be072e2cb133148a1a7132833377bf",
  "905c97b2b5602dece41050653cea557a5b591a1599f47a027b08c33022916548",
];

describe("B053: known vectors for every identity", () => {
  const config = parseImageConfig(fixture("config.json"));
  const diffIds = config.rootfs.diff_ids as DiffId[];

  test("B053 a diff id is the digest of the uncompressed tar, a blob digest that of the compressed one", () => {
    // The empty layer that Docker pushed for every metadata step before 1.10 (moby, layer/empty.go; distribution).
    const blob = Buffer.from("H4sIAAAJbogA/2IYBaNgFIxYAAgAAP//Lq+17wAEAAA=", "base64");
    assert.equal(digestOf(blob), "sha256:a3ed95caeb02ffe68cdd9fd84406680ae93d633cb16422d00e8a7c22955b46d4");
    assert.equal(
      digestOf(gunzipSync(blob)),
      "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef",
    );
  });

  test("B053 the chain id of the base is its diff id, each other one hashes parent and diff id", () => {
    assert.deepEqual(chainIds(diffIds), dockerChain);
    assert.equal(chainId(undefined, diffIds[0] as DiffId), diffIds[0]);
    assert.notEqual(chainIds(diffIds)[1], diffIds[1]);
    assert.deepEqual(chainIds([]), []);
  });

  test("B057 the same diff id on two parents has two chain ids", () => {
    const [a, b, c] = diffIds as [DiffId, DiffId, DiffId];
    assert.notEqual(chainId(a, c), chainId(b, c));
    assert.notEqual(chainId(a, c), chainId(undefined, c));
  });

  test("B053 the config digest is the image id", () => {
    assert.equal(
      digestOf(fixture("config.json")),
      "sha256:caddef17090071092022d2f6a996c0dc02878fe3c8f9b43a7eb2b37c2f477c04",
    );
  });

  test("B053 the manifest digest is another one, and the manifest names the image id", () => {
    const bytes = fixture("manifest.json");
    assert.equal(digestOf(bytes), "sha256:931c65371018d2bcec997e07acab20ff624ddd1ad6fbbbdf496381e3f5d0ca4c");
    const parsed = parseManifest(bytes);
    assert.ok(parsed.kind === "manifest");
    assert.equal(parsed.manifest.config.digest, digestOf(fixture("config.json")));
  });

  test("B099 v1 ids equal the directory names of docker save", () => {
    const middle = JSON.parse(fixture("v1_middle.json").toString()) as Record<string, unknown>;
    const { os: _, ...lower } = middle;
    const top = JSON.parse(fixture("v1_top.json").toString()) as Record<string, unknown>;
    const chain = chainIds(diffIds);
    const first = v1Id(lower, chain[0] as DiffId);
    const second = v1Id(lower, chain[1] as DiffId, first);
    assert.deepEqual([first, second, v1Id(top, chain[2] as DiffId, second)], dockerV1);
  });
});

describe("digests", () => {
  test("known values of both algorithms (FIPS 180-4, abc)", () => {
    assert.equal(digestOf("abc"), "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert.equal(
      digestOf("abc", "sha512"),
      "sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
    );
  });

  test("parts", () => {
    const digest = digestOf("abc", "sha512");
    assert.equal(algorithmOf(digest), "sha512");
    assert.equal(hexOf(digest).length, 128);
    assert.equal(shortId(digestOf("abc")), "ba7816bf8f01");
    assert.equal(shortId("ba7816bf8f01cfea"), "ba7816bf8f01");
  });

  const bad = [
    "",
    "sha256:",
    "sha256",
    `sha256:${"a".repeat(63)}`,
    `sha256:${"a".repeat(65)}`,
    `sha256:${"A".repeat(64)}`,
    `md5:${"a".repeat(32)}`,
    `sha256:${"g".repeat(64)}`,
    ` sha256:${"a".repeat(64)}`,
    `sha256:${"a".repeat(64)}\n`,
    `sha512:${"a".repeat(64)}`,
    `constructor:${"a".repeat(64)}`,
    `sha256:../${"a".repeat(61)}`,
  ];
  for (const text of bad) {
    test(`${JSON.stringify(text)} is no digest`, () => {
      assert.ok(!isDigest(text));
      assert.throws(() => parseDigest(text), { kind: "invalid" });
    });
  }

  test("what is no text is no digest", () => {
    for (const value of [undefined, null, 5, {}, []])
      assert.throws(() => parseDigest(value), { kind: "invalid" });
  });
});
