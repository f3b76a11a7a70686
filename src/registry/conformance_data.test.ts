/**
 * The part of the specification's conformance program (opencontainers/distribution-spec, `conformance/run.go`) that is
 * about kinds of content, by its own names: each is pushed, listed, pulled by tag and digest, found by its subject, and
 * deleted.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import { kinds, type Content, type Described, type Pushed } from "../../test/suites/registry_content.ts";
import { refusal, serveOn } from "../../test/suites/registry_requests.ts";
import { digestOf, mediaTypes, type Algorithm } from "../oci/index.ts";
import { memoryStorage } from "./storage/memory.ts";

async function push(base: string, { blobs, manifests }: Content, algorithm: Algorithm): Promise<void> {
  for (const bytes of blobs) {
    const digest = `${algorithm}:${createHash(algorithm).update(bytes).digest("hex")}`;
    const sent = await fetch(`${base}/blobs/uploads/?digest=${digest}`, {
      method: "POST",
      body: Buffer.from(bytes),
    });
    assert.equal(sent.status, 201);
  }
  for (const { bytes, described, tag, tagParameters, subject } of manifests) {
    const query = tagParameters.map((name) => `tag=${name}`).join("&");
    for (const key of [...(tag === undefined ? [] : [tag]), `${described.digest}${query && `?${query}`}`]) {
      const headers = { "Content-Type": described.mediaType };
      const put = await fetch(`${base}/manifests/${key}`, {
        method: "PUT",
        body: Buffer.from(bytes),
        headers,
      });
      assert.equal(put.status, 201, await put.text());
      assert.equal(put.headers.get("docker-content-digest"), described.digest);
      assert.equal(put.headers.get("oci-subject"), subject ?? null);
      if (query !== "" && key !== tag) assert.equal(put.headers.get("oci-tag"), tagParameters.join(", "));
    }
  }
}

const tagsOf = ({ tag, tagParameters }: Pushed): string[] => [
  ...(tag === undefined ? [] : [tag]),
  ...tagParameters,
];

async function assertListed(base: string, { manifests }: Content): Promise<void> {
  const tags = manifests.flatMap(tagsOf).sort();
  const list = async (query: string) => {
    const answer = await fetch(`${base}/tags/list${query}`);
    return { link: answer.headers.get("link"), ...((await answer.json()) as { tags: string[] }) };
  };
  if (tags.length === 0) return;
  assert.deepEqual((await list("")).tags, tags);
  assert.deepEqual((await list(`?last=${tags[0]}`)).tags, tags.slice(1));
  assert.deepEqual((await list("?n=1")).tags, tags.slice(0, 1));
}

async function assertPulled(base: string, pushed: Pushed): Promise<void> {
  const { bytes, described } = pushed;
  for (const key of [described.digest, ...tagsOf(pushed)]) {
    for (const method of ["HEAD", "GET"]) {
      const got = await fetch(`${base}/manifests/${key}`, { method });
      const { headers } = got;
      assert.deepEqual(
        [
          got.status,
          headers.get("content-type"),
          headers.get("docker-content-digest"),
          headers.get("content-length"),
        ],
        [200, described.mediaType, described.digest, String(bytes.length)],
      );
      const body = Buffer.from(await got.arrayBuffer());
      assert.ok(body.equals(method === "GET" ? bytes : Buffer.alloc(0)));
    }
  }
}

/** What has this subject is listed with its type and annotations, and the filter leaves those of one type. */
async function assertReferrers(base: string, { manifests }: Content): Promise<void> {
  for (const subject of new Set(manifests.flatMap((each) => each.subject ?? []))) {
    const goals = manifests.filter((each) => each.subject === subject);
    const expected = goals.map(({ described, artifactType, annotations: told }) => ({
      ...described,
      ...(artifactType !== undefined && { artifactType }),
      ...(told && { annotations: told }),
    }));
    const list = async (query: string) => {
      const answer = await fetch(`${base}/referrers/${subject}${query}`);
      assert.equal(answer.headers.get("content-type"), mediaTypes.ociIndex);
      const { manifests: got } = (await answer.json()) as { manifests: Described[] };
      return { applied: answer.headers.get("oci-filters-applied"), got: new Set(got) };
    };
    assert.deepEqual((await list("")).got, new Set(expected));
    for (const type of new Set(expected.map(({ artifactType }) => artifactType))) {
      const { applied, got } = await list(`?artifactType=${encodeURIComponent(type as string)}`);
      assert.equal(applied, "artifactType");
      assert.deepEqual(got, new Set(expected.filter(({ artifactType }) => artifactType === type)));
    }
  }
}

async function assertDeleted(base: string, { manifests }: Content): Promise<void> {
  for (const pushed of manifests.toReversed()) {
    for (const key of [...tagsOf(pushed), pushed.described.digest]) {
      const url = `${base}/manifests/${key}`;
      assert.equal((await fetch(url, { method: "DELETE" })).status, 202, key);
      assert.deepEqual(await refusal(fetch(url)), [404, "MANIFEST_UNKNOWN"], key);
    }
  }
}

describe("OCI conformance: kinds of content", () => {
  for (const [name, make] of Object.entries(kinds)) {
    test(`B163 B165 B167 B168 ${name}`, async () => {
      await using registry = await serveOn({ storage: memoryStorage() });
      const base = `${registry.origin}/v2/conformance/repo`;
      const content = make();
      await push(base, content, name.endsWith("sha512") ? "sha512" : "sha256");
      await assertListed(base, content);
      for (const pushed of content.manifests) await assertPulled(base, pushed);
      await assertReferrers(base, content);
      await assertDeleted(base, content);
    });
  }

  test("B163 bad-digest-image, invalid-digest-format, missing-manifest", async () => {
    await using registry = await serveOn({ storage: memoryStorage() });
    const base = `${registry.origin}/v2/conformance/repo`;
    const content = kinds["image"]!();
    await push(base, content, "sha256");
    const [{ bytes }] = content.manifests as [Pushed];
    const spaced = Buffer.concat([bytes, Buffer.from("  ")]);
    const put = (key: string) =>
      fetch(`${base}/manifests/${key}`, {
        method: "PUT",
        body: spaced,
        headers: { "Content-Type": mediaTypes.ociManifest },
      });
    for (const key of [digestOf(bytes), "sha256:baddigeststring"])
      assert.deepEqual(await refusal(put(key)), [400, "DIGEST_INVALID"]);
    assert.deepEqual(await refusal(fetch(`${base}/manifests/sha256:baddigeststring`)), [
      404,
      "MANIFEST_UNKNOWN",
    ]);
    for (const key of [digestOf(spaced), "missing"])
      assert.deepEqual(await refusal(fetch(`${base}/manifests/${key}`)), [404, "MANIFEST_UNKNOWN"]);
  });
});
