import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf } from "../../oci/index.ts";
import { pushSmallImage } from "../../../test/suites/registry_requests.ts";
import { collectGarbage } from "../gc/collect_garbage.ts";
import { paths } from "../tree.ts";
import { evictUnused } from "./evict_unused.ts";
import { filesIn, mirrored, withImage } from "./proxy_fixture.test.ts";

const hour = 3_600_000;

test("a manifest that nobody pulled for its time goes with its tags; who is pulled stays, and so does what is our own", async () => {
  await using mirror = await withImage({ settings: { ttl: 8 * hour } });
  const used = await pushSmallImage(mirror.upstreamOrigin, "app", "used", { annotations: { used: "yes" } });
  await pushSmallImage(mirror.origin, "own", "v1");
  const { signal } = new AbortController();
  const ttlOf = (name: string) => mirror.upstreams.of(name)?.settings.ttl ?? 0;
  const evict = () => Array.fromAsync(evictUnused(mirror.storage, ttlOf, mirror.time.now, signal));
  const start = mirror.time.now;
  await mirror.pull();
  await mirror.pull(`${mirror.origin}/v2/up/app/manifests/used`);
  mirror.time.now = start + 7 * hour;
  assert.deepEqual(await evict(), []);
  // The storage has the machine's time: the use counts from now on as if it had been then.
  mirror.time.now = start + 9 * hour;
  const link = paths.revisionLink("up/app", used);
  const { storage } = mirror;
  const stat = storage.stat.bind(storage);
  storage.stat = async (path) => {
    const found = await stat(path);
    return path === link && found ? { ...found, modified: mirror.time.now } : found;
  };
  assert.deepEqual(await evict(), [{ repository: "up/app", digest: mirror.digest, tags: ["v1"] }]);
  mirror.asked();
  assert.equal((await mirror.pull()).digest, mirror.digest, "fetched again");
  assert.ok(mirror.asked().includes(`GET /v2/app/manifests/${mirror.digest}`));
  assert.equal((await fetch(`${mirror.origin}/v2/own/manifests/v1`)).status, 200);
});

test("a pull is noted by writing the manifest's link, eight times in its life at most", async () => {
  await using mirror = await withImage({ settings: { ttl: 8 * hour } });
  const writes: string[] = [];
  const { storage } = mirror;
  const write = storage.write.bind(storage);
  storage.write = async (path, bytes) => {
    if (path === paths.revisionLink("up/app", mirror.digest)) writes.push(path);
    await write(path, bytes);
  };
  await mirror.pull();
  assert.equal(writes.length, 1, "as it came");
  for (let minutes = 0; minutes < 120; minutes += 10) {
    mirror.time.now += hour / 6;
    await mirror.pull();
  }
  assert.equal(writes.length, 3);
});

test("what was evicted is garbage, and the rest is not; what a copy never had is not missing", async () => {
  await using mirror = await mirrored();
  const { origin, storage, upstreamOrigin } = mirror;
  const member = await pushSmallImage(upstreamOrigin, "app", "member");
  const index = { schemaVersion: 2, manifests: [{ mediaType: "application/x", digest: member, size: 5 }] };
  const type = { "Content-Type": "application/vnd.oci.image.index.v1+json" };
  const body = JSON.stringify(index);
  const put = await fetch(`${upstreamOrigin}/v2/app/manifests/v1`, { method: "PUT", body, headers: type });
  assert.equal(put.status, 201);
  await pushSmallImage(origin, "own", "v1");
  const before = await filesIn(storage);
  assert.equal((await fetch(`${origin}/v2/up/app/manifests/v1`)).status, 200);
  const collect = async (isCopy: (name: string) => boolean) => {
    const options = { quiet: true, grace: 0, trash: 0, isCopy };
    return (await Array.fromAsync(collectGarbage(storage, options))).map(({ action }) => action);
  };
  assert.ok((await collect(() => false)).includes("missing"), "as of a repository of our own");
  const ofCopy = await collect((name) => name === "up/app");
  assert.ok(!ofCopy.includes("missing"));
  assert.equal((await fetch(`${origin}/v2/up/app/manifests/v1`)).status, 200);
  const { signal } = new AbortController();
  const evicted = await Array.fromAsync(
    evictUnused(storage, (name) => (name === "up/app" ? 1 : 0), Date.now() + hour, signal),
  );
  assert.deepEqual(evicted, [{ repository: "up/app", digest: digestOf(body), tags: ["v1"] }]);
  for (let run = 0; run < 3; run++) await collect((name) => name === "up/app");
  assert.deepEqual(await filesIn(storage), before);
});
