import assert from "node:assert/strict";
import { test } from "node:test";
import {
  manifestOf,
  pushBlob,
  pushSmallImage,
  putManifest,
  refusal,
  serveOn,
} from "../../test/suites/registry_requests.ts";
import { digestOf, mediaTypes, type Digest } from "../oci/index.ts";
import { memoryStorage } from "./storage/memory.ts";

interface Listed {
  readonly mediaType: string;
  readonly manifests: { digest: Digest; size: number; artifactType?: string; annotations?: object }[];
}
const referrers = async (origin: string, path: string): Promise<[Response, Listed]> => {
  const answer: Response = await fetch(`${origin}/v2/${path}`);
  assert.deepEqual([answer.status, answer.headers.get("content-type")], [200, mediaTypes.ociIndex]);
  return [answer, (await answer.json()) as Listed];
};
const subject = digestOf("an image that is not even here");

test("B167 manifests with the subject are listed with type and annotations, filtered, and gone when deleted", async () => {
  await using registry = await serveOn({ storage: memoryStorage() });
  const { origin } = registry;
  assert.deepEqual((await referrers(origin, `nobody/referrers/${subject}`))[1].manifests, []);
  const annotations = { "org.example.k": "v" };
  const signature = await pushSmallImage(origin, "r", "s", {
    subject,
    artifactType: "application/x.sig",
    annotations,
  });
  const plain = await pushSmallImage(origin, "r", "p", { subject });
  await pushSmallImage(origin, "r", "unrelated");
  const [, all] = await referrers(origin, `r/referrers/${subject}`);
  const byDigest = new Map(all.manifests.map((each) => [each.digest, each]));
  assert.deepEqual([...byDigest.keys()], [signature, plain].sort());
  assert.equal(byDigest.get(plain)?.artifactType, mediaTypes.ociConfig);
  assert.deepEqual(byDigest.get(signature)?.annotations, annotations);
  const [filtered, some] = await referrers(origin, `r/referrers/${subject}?artifactType=application/x.sig`);
  assert.equal(filtered.headers.get("oci-filters-applied"), "artifactType");
  assert.deepEqual(
    some.manifests.map(({ digest }) => digest),
    [signature],
  );
  await fetch(`${origin}/v2/r/manifests/${signature}`, { method: "DELETE" });
  assert.deepEqual(
    (await referrers(origin, `r/referrers/${subject}`))[1].manifests.map(({ digest }) => digest),
    [plain],
  );
  assert.deepEqual(await refusal(fetch(`${origin}/v2/r/referrers/sha256:zz`)), [400, "DIGEST_INVALID"]);
});

test("B167 a client without the API maintains the tag of the subject: the API tells what it lists, while it is there", async () => {
  await using registry = await serveOn({ storage: memoryStorage() });
  const { origin } = registry;
  const [kept, gone] = [
    await pushSmallImage(origin, "r", "a", { subject, artifactType: "application/x.sig" }),
    await pushSmallImage(origin, "r", "b", { subject }),
  ];
  const other = await pushSmallImage(origin, "r", "c");
  const type = { "Content-Type": mediaTypes.ociIndex };
  const list = async (...digests: Digest[]) => {
    const manifests = digests.map((digest) => ({ mediaType: mediaTypes.ociManifest, digest, size: 1 }));
    const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests };
    return putManifest(origin, "r", subject.replace(":", "-"), Buffer.from(JSON.stringify(index)), type);
  };
  const told = async () =>
    (await referrers(origin, `r/referrers/${subject}`))[1].manifests.map(({ digest }) => digest);
  assert.equal((await list(kept)).status, 201);
  assert.equal((await list(kept, gone, other)).status, 201);
  assert.deepEqual(await told(), [gone, kept].sort(), "and none without that subject");
  assert.equal((await fetch(`${origin}/v2/r/manifests/${gone}`, { method: "DELETE" })).status, 202);
  assert.deepEqual(await told(), [kept]);
  const later = await pushSmallImage(origin, "r", "d", { subject, annotations: { later: "yes" } });
  assert.equal((await list(kept, gone, later)).status, 201, "a list with a member that is gone");
  assert.deepEqual(await told(), [kept, later].sort());
  const got = await fetch(`${origin}/v2/r/manifests/${subject.replace(":", "-")}`);
  const { manifests } = (await got.json()) as Listed;
  assert.deepEqual(
    manifests.map(({ digest }) => digest),
    [kept, gone, later],
    "as the client wrote it",
  );
});

test("B167 manifests that another server took, and a restart, change nothing; the cache is only a cache", async () => {
  const storage = memoryStorage();
  const expected: Digest[] = [];
  const cache = "docker/registry/v2/repositories/many/_manifests/referrers.json";
  {
    await using registry = await serveOn({ storage });
    const config = await pushBlob(registry.origin, "many", "{}");
    for (let i = 0; i < 60; i++) {
      const bytes = manifestOf(config, { annotations: { i: String(i) }, ...(i % 10 === 0 && { subject }) });
      await putManifest(registry.origin, "many", digestOf(bytes), bytes);
      if (i % 10 === 0) expected.push(digestOf(bytes));
    }
    const [, listed] = await referrers(registry.origin, `many/referrers/${subject}`);
    assert.deepEqual(
      listed.manifests.map(({ digest }) => digest),
      expected.sort(),
    );
    assert.ok(await storage.stat(cache));
  }
  for (const damage of [undefined, "{", '{"sha256:x":1}', "[]"]) {
    if (damage !== undefined) await storage.write(cache, Buffer.from(damage));
    await using registry = await serveOn({ storage });
    const [, listed] = await referrers(registry.origin, `many/referrers/${subject}`);
    assert.deepEqual(
      listed.manifests.map(({ digest }) => digest),
      expected,
      damage ?? "as written",
    );
  }
});

test("B167 lists that fit no index come in pages", async () => {
  await using registry = await serveOn({ storage: memoryStorage() });
  const expected: Digest[] = [];
  for (const k of ["a", "b", "c"]) {
    const annotations = { k: k.repeat(2_000_000) };
    expected.push(await pushSmallImage(registry.origin, "r", k, { subject, annotations }));
  }
  const seen: Digest[] = [];
  let path: string = `r/referrers/${subject}`;
  while (path !== "") {
    const [answer, { manifests }] = await referrers(registry.origin, path);
    seen.push(...manifests.map(({ digest }) => digest));
    path = /^<\/v2\/(.*)>; rel="next"$/.exec(answer.headers.get("link") ?? "")?.[1] ?? "";
  }
  assert.deepEqual(seen, expected.sort());
});
