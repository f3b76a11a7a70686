import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import {
  manifestOf,
  pushBlob,
  pushSmallImage,
  putManifest,
  refusal,
  serveOn,
} from "../../test/suites/registry_requests.ts";
import { digestOf, mediaTypes } from "../oci/index.ts";
import { memoryStorage } from "./storage/memory.ts";

const schema1 = "application/vnd.docker.distribution.manifest.v1+prettyjws";

test("B163 unknown types are kept to the byte, with their type, JSON or not", async () => {
  await using registry = await serveOn({ storage: memoryStorage() });
  const cases = [
    ["application/vnd.example.thing.v1+json", '{ "a": 1 }'],
    ["application/vnd.example.thing.v1+json", '{"schemaVersion":2,"manifests":[]}'],
    ["application/vnd.example.binary", "\u0000\u0001 no JSON"],
    [
      "application/vnd.oci.artifact.manifest.v1+json",
      '{"mediaType":"application/vnd.oci.artifact.manifest.v1+json"}',
    ],
  ] as const;
  for (const [type, body] of cases) {
    const headers = { "Content-Type": `${type}; charset=utf-8` };
    const put = await putManifest(registry.origin, "odd", "x", Buffer.from(body), headers);
    assert.equal(put.status, 201, await put.text());
    for (const key of ["x", digestOf(body)]) {
      const got = await fetch(`${registry.origin}/v2/odd/manifests/${key}`);
      assert.deepEqual([got.headers.get("content-type"), await got.text()], [type, body]);
    }
  }
});

test("B163 what is no manifest, or another one than it says, is refused", async () => {
  await using registry = await serveOn({ storage: memoryStorage() });
  const config = await pushBlob(registry.origin, "x", "{}");
  const good = JSON.parse(manifestOf(config).toString()) as Record<string, unknown>;
  const deep = `{"schemaVersion":2,"mediaType":"${mediaTypes.ociManifest}","a":${"[".repeat(10_000)}${"]".repeat(10_000)}}`;
  const cases: readonly [string, string, string][] = [
    ["schema 1 by type", '{"schemaVersion":1}', schema1],
    ["schema 1 by content", '{"schemaVersion":1,"name":"x"}', ""],
    ["another type than it says", JSON.stringify(good), mediaTypes.dockerManifest],
    ["index and manifest at once", JSON.stringify({ ...good, manifests: [] }), mediaTypes.ociManifest],
    ["deep JSON", deep, mediaTypes.ociManifest],
    ["no config", '{"schemaVersion":2,"layers":[]}', mediaTypes.ociManifest],
    [
      "a digest that is a path",
      JSON.stringify(good).replaceAll(config, "sha256:../../x"),
      mediaTypes.ociManifest,
    ],
    ["cut off", JSON.stringify(good).slice(0, -1), mediaTypes.ociManifest],
    ["a list", "[]", "application/vnd.example+json"],
  ];
  for (const [what, body, type] of cases) {
    const answer = await putManifest(registry.origin, "x", "t", Buffer.from(body), { "Content-Type": type });
    assert.deepEqual(await refusal(answer), [400, "MANIFEST_INVALID"], what);
  }
  assert.deepEqual(await refusal(fetch(`${registry.origin}/v2/x/manifests/t`)), [404, "MANIFEST_UNKNOWN"]);
});

test("B163 layers that live elsewhere and a subject may be absent; blobs and manifests may not", async () => {
  await using registry = await serveOn({ storage: memoryStorage() });
  const config = await pushBlob(registry.origin, "x", "{}");
  const manifest = JSON.parse(manifestOf(config, { subject: digestOf("nowhere") }).toString()) as object;
  const layer = { mediaType: mediaTypes.dockerForeignLayer, digest: digestOf("far"), size: 3 };
  const put = (document: object) =>
    putManifest(registry.origin, "x", "t", Buffer.from(JSON.stringify(document)));
  const far = await put({ ...manifest, layers: [{ ...layer, urls: ["https://files.example/far"] }] });
  assert.deepEqual([far.status, far.headers.get("oci-subject")], [201, digestOf("nowhere")]);
  assert.deepEqual(await refusal(put({ ...manifest, layers: [layer] })), [400, "MANIFEST_BLOB_UNKNOWN"]);
  const index = {
    schemaVersion: 2,
    mediaType: mediaTypes.ociIndex,
    manifests: [{ ...layer, mediaType: mediaTypes.ociManifest }],
  };
  const body = Buffer.from(JSON.stringify(index));
  const type = { "Content-Type": mediaTypes.ociIndex };
  assert.deepEqual(await refusal(putManifest(registry.origin, "x", "t", body, type)), [
    400,
    "MANIFEST_BLOB_UNKNOWN",
  ]);
});

test("B163 four MiB are taken, one byte more is 413, announced or not", async () => {
  await using registry = await serveOn({ storage: memoryStorage() });
  const config = await pushBlob(registry.origin, "x", "{}");
  const filled = (size: number) => {
    const bytes = Buffer.alloc(size, " ");
    manifestOf(config).copy(bytes);
    return bytes;
  };
  assert.equal((await putManifest(registry.origin, "x", "t", filled(4 << 20))).status, 201);
  const more = filled((4 << 20) + 1);
  assert.deepEqual(await refusal(putManifest(registry.origin, "x", "t", more)), [413, "MANIFEST_INVALID"]);
  const body = new Blob([more]).stream();
  const headers = { "Content-Type": mediaTypes.ociManifest };
  const init = { method: "PUT", body, headers, duplex: "half" } as RequestInit;
  assert.deepEqual(await refusal(fetch(`${registry.origin}/v2/x/manifests/t`, init)), [
    413,
    "MANIFEST_INVALID",
  ]);
});

test("B163 by digest: sha512, several tags at once, a wrong one refused", async () => {
  await using registry = await serveOn({ storage: memoryStorage() });
  const bytes = manifestOf(await pushBlob(registry.origin, "x", "{}"));
  const digest = `sha512:${createHash("sha512").update(bytes).digest("hex")}`;
  const put = await putManifest(registry.origin, "x", `${digest}?tag=b&tag=a&tag=b`, bytes);
  assert.deepEqual([put.status, put.headers.get("oci-tag")], [201, "b, a"]);
  for (const key of ["a", "b", digest]) {
    const got = await fetch(`${registry.origin}/v2/x/manifests/${key}`);
    assert.deepEqual(
      [got.headers.get("docker-content-digest"), await got.text()],
      [digest, bytes.toString()],
    );
  }
  const wrong = putManifest(registry.origin, "x", digestOf("other"), bytes);
  assert.deepEqual(await refusal(wrong), [400, "DIGEST_INVALID"]);
  assert.deepEqual(await refusal(putManifest(registry.origin, "x", `${digest}?tag=..`, bytes)), [
    400,
    "TAG_INVALID",
  ]);
});

test("conditions: 304 for what the client has, 412 for what somebody else changed", async () => {
  await using registry = await serveOn({ storage: memoryStorage() });
  const { origin } = registry;
  const [one, two] = [
    await pushSmallImage(origin, "x", "t"),
    await pushSmallImage(origin, "x", "u", { artifactType: "a/b" }),
  ];
  const get = (tag: string) => fetch(`${origin}/v2/x/manifests/t`, { headers: { "If-None-Match": tag } });
  const known = await get(`"${one}"`);
  assert.deepEqual([known.status, known.headers.get("etag"), await known.text()], [304, `"${one}"`, ""]);
  assert.equal((await get(`"${two}"`)).status, 200);
  const blob = await fetch(`${origin}/v2/x/blobs/${digestOf("{}")}`, {
    headers: { "If-None-Match": `"${digestOf("{}")}"` },
  });
  assert.equal(blob.status, 304);
  assert.match(blob.headers.get("cache-control") ?? "", /immutable/);
  const bytes = manifestOf(digestOf("{}"));
  const put = (tag: string, headers: Record<string, string>) => putManifest(origin, "x", tag, bytes, headers);
  assert.equal((await put("t", { "If-Match": `"${two}"` })).status, 412);
  assert.equal((await put("t", { "If-Match": `"${one}"` })).status, 201);
  assert.equal((await put("t", { "If-None-Match": "*" })).status, 412);
  assert.equal((await put("absent", { "If-Match": "*" })).status, 412);
  const firsts = await Promise.all([1, 2, 3, 4].map(() => put("new", { "If-None-Match": "*" })));
  assert.deepEqual(firsts.map(({ status }) => status).sort(), [201, 412, 412, 412]);
  const gone = { method: "DELETE", headers: { "If-Match": `"${two}"` } };
  assert.equal((await fetch(`${origin}/v2/x/manifests/t`, gone)).status, 412);
});

test("B168 by tag: untags. By digest: the revision and all its tags. A blob: its link. Bytes stay", async () => {
  const storage = memoryStorage();
  await using registry = await serveOn({ storage });
  const { origin } = registry;
  const digest = await pushSmallImage(origin, "d", "a");
  for (const tag of ["b", "c"]) await pushSmallImage(origin, "d", tag);
  const other = await pushSmallImage(origin, "d", "other", { artifactType: "a/b" });
  const remove = (path: string) => fetch(`${origin}/v2/d/${path}`, { method: "DELETE" });
  const tags = async () =>
    ((await (await fetch(`${origin}/v2/d/tags/list`)).json()) as { tags: string[] }).tags;
  assert.equal((await remove("manifests/a")).status, 202);
  assert.deepEqual(await tags(), ["b", "c", "other"]);
  assert.equal((await fetch(`${origin}/v2/d/manifests/${digest}`)).status, 200);
  assert.equal((await remove(`manifests/${digest}`)).status, 202);
  assert.deepEqual(await tags(), ["other"]);
  assert.deepEqual(await refusal(fetch(`${origin}/v2/d/manifests/${digest}`)), [404, "MANIFEST_UNKNOWN"]);
  assert.deepEqual(await refusal(remove(`manifests/${digest}`)), [404, "MANIFEST_UNKNOWN"]);
  assert.deepEqual(await refusal(remove("manifests/a")), [404, "MANIFEST_UNKNOWN"]);
  assert.equal((await remove(`manifests/${other}`)).status, 202);
  assert.deepEqual(await tags(), []);
  const blob = digestOf("{}");
  assert.equal((await remove(`blobs/${blob}`)).status, 202);
  assert.deepEqual(await refusal(remove(`blobs/${blob}`)), [404, "BLOB_UNKNOWN"]);
  assert.deepEqual(await refusal(fetch(`${origin}/v2/d/tags/list`)), [404, "NAME_UNKNOWN"]);
  for (const bytes of [blob, digest, other]) {
    const hex = bytes.slice("sha256:".length);
    assert.ok(await storage.stat(`docker/registry/v2/blobs/sha256/${hex.slice(0, 2)}/${hex}/data`));
  }
});

test("B168 where deletion is switched off it is 405, and uploads can still be cancelled", async () => {
  await using registry = await serveOn({ storage: memoryStorage(), deletion: false });
  await pushSmallImage(registry.origin, "x", "t");
  for (const path of ["manifests/t", `blobs/${digestOf("{}")}`]) {
    const answer = await fetch(`${registry.origin}/v2/x/${path}`, { method: "DELETE" });
    assert.match(answer.headers.get("allow") ?? "", /^GET, HEAD/);
    assert.deepEqual(await refusal(answer), [405, "UNSUPPORTED"]);
  }
  const started = await fetch(`${registry.origin}/v2/x/blobs/uploads/`, { method: "POST" });
  const ended = await fetch(started.headers.get("location") as string, { method: "DELETE" });
  assert.equal(ended.status, 204);
});
