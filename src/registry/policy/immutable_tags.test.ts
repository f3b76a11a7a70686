import assert from "node:assert/strict";
import { test } from "node:test";
import {
  manifestOf,
  pushBlob,
  pushSmallImage,
  putManifest,
  serveOn,
} from "../../../test/suites/registry_requests.ts";
import { digestOf, mediaTypes } from "../../oci/index.ts";
import type { StorageDriver } from "../storage/types.ts";
import { memoryStorage } from "../storage/memory.ts";
import { immutableTags, type ImmutableRule } from "./immutable_tags.ts";

const rules: readonly ImmutableRule[] = [
  { repositories: ["release/**"], tags: ["v*"] },
  { repositories: ["lib", "app"], tags: ["2.0", "1.0"] },
  { repositories: ["all"], tags: ["*"] },
];

const serve = (storage: StorageDriver = memoryStorage()) =>
  serveOn({ storage, policy: immutableTags(storage, rules) });

async function told(answer: Promise<Response>): Promise<string> {
  const { status, ...rest } = { status: (await answer).status, body: await (await answer).text() };
  if (status < 400) return String(status);
  const { errors } = JSON.parse(rest.body) as { errors: { code: string; message: string }[] };
  return `${status} ${errors[0]?.code} ${errors[0]?.message}`;
}

const other = manifestOf(digestOf("{}"), { artifactType: "a/b" });

test("B172 an immutable tag is made, pushed again, and not moved; others move", async () => {
  await using registry = await serve();
  const { origin } = registry;
  const digest = await pushSmallImage(origin, "release/web", "v1");
  await pushSmallImage(origin, "release/web", "v1");
  const put = (name: string, key: string) => told(putManifest(origin, name, key, other));
  const message = `403 DENIED tag v1 of release/web is immutable: it leads to ${digest}`;
  assert.equal(await put("release/web", "v1"), message);
  assert.equal(await put("release/web", `${digestOf(other)}?tag=latest&tag=v1`), message);
  assert.equal((await fetch(`${origin}/v2/release/web/manifests/latest`)).status, 404);
  await pushSmallImage(origin, "release/web", "latest");
  assert.equal(await put("release/web", "latest"), "201");
  await pushSmallImage(origin, "app", "1.0");
  await pushSmallImage(origin, "app", "1.0.1");
  assert.match(await put("app", "1.0"), /^403/);
  assert.equal(await put("app", "1.0.1"), "201");
});

test("B172 an immutable tag, its manifest and what is in it are not deleted", async () => {
  await using registry = await serve();
  const { origin } = registry;
  const child = await pushSmallImage(origin, "release/web", "latest");
  const index = {
    schemaVersion: 2,
    mediaType: mediaTypes.ociIndex,
    manifests: [{ mediaType: mediaTypes.ociManifest, digest: child, size: 1 }],
  };
  const bytes = Buffer.from(JSON.stringify(index));
  const type = { "Content-Type": mediaTypes.ociIndex };
  assert.equal((await putManifest(origin, "release/web", "v1", bytes, type)).status, 201);
  const spare = await pushBlob(origin, "release/web", "spare");
  const remove = (path: string) => told(fetch(`${origin}/v2/release/web/${path}`, { method: "DELETE" }));
  const immutable = "403 DENIED tag v1 of release/web is immutable:";
  assert.equal(await remove("manifests/v1"), `${immutable} it cannot be deleted`);
  assert.equal(await remove(`manifests/${digestOf(bytes)}`), `${immutable} it cannot be deleted`);
  assert.equal(await remove(`manifests/${child}`), `${immutable} it needs ${child}`);
  assert.equal(await remove(`blobs/${digestOf("{}")}`), `${immutable} it needs ${digestOf("{}")}`);
  assert.equal(await remove("manifests/latest"), "202");
  assert.equal(await remove(`blobs/${spare}`), "202");
});

test("B167 B172 clients go on with a list of referrers where all tags are immutable", async () => {
  await using registry = await serve();
  const { origin } = registry;
  const digest = await pushSmallImage(origin, "all", "v1");
  const list = digest.replace(":", "-");
  await pushSmallImage(origin, "all", list);
  assert.equal(await told(putManifest(origin, "all", list, other)), "201");
  assert.match(await told(putManifest(origin, "all", "v1", other)), /^403/);
});

test("B172 of two that make an immutable tag at once, on two instances, one does", async () => {
  const storage = memoryStorage();
  let both = 0;
  const { promise: met, resolve } = Promise.withResolvers<void>();
  // Both have seen that there is no such tag before either writes.
  const write = storage.write.bind(storage);
  storage.write = async (path, bytes) => {
    if (path.includes("/revisions/") && (both += 1) === 2) resolve();
    if (path.includes("/revisions/")) await met;
    return write(path, bytes);
  };
  await using first = await serve(storage);
  await using second = await serve(storage);
  const image = manifestOf(await pushBlob(first.origin, "release/web", "{}"));
  const answers = await Promise.all([
    told(putManifest(first.origin, "release/web", "v1", image)),
    told(putManifest(second.origin, "release/web", "v1", other)),
  ]);
  const denied = "403 DENIED tag v1 was made meanwhile";
  assert.deepEqual(answers.sort(), ["201", denied]);
});
