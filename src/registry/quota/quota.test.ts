import assert from "node:assert/strict";
import { once } from "node:events";
import { request } from "node:http";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import {
  manifestOf,
  pushBlob,
  pushSmallImage,
  putManifest,
  serveOn,
  startUpload,
} from "../../../test/suites/registry_requests.ts";
import { digestOf, type Digest } from "../../oci/index.ts";
import { bytesText } from "../policy/bytes_text.ts";
import { memoryStorage } from "../storage/memory.ts";
import type { StorageDriver } from "../storage/types.ts";
import { Quota } from "./quota.ts";
import type { QuotaRule } from "./quota_rules.ts";

const hour = 3_600_000;

const quotaOf = (storage: StorageDriver, rules: readonly QuotaRule[]) =>
  new Quota({ storage, rules, grace: hour, recount: 60_000, onProblem: assert.ifError });

/** A registry with limits, and the requests of the tests. */
async function serve(rules: readonly QuotaRule[], storage = memoryStorage()) {
  const quota = quotaOf(storage, rules);
  const served = await serveOn({ storage, policy: quota.policy, hooks: quota.hooks });
  const { origin } = served;
  const used = async () =>
    (await quota.report()).map(({ pool, bytes, tags }) => [pool, bytes.used, tags.used]);
  const whole = (name: string, body: string) =>
    told(fetch(`${origin}/v2/${name}/blobs/uploads/?digest=${digestOf(body)}`, { method: "POST", body }));
  const mount = (name: string, from: string, digest: Digest) =>
    told(fetch(`${origin}/v2/${name}/blobs/uploads/?mount=${digest}&from=${from}`, { method: "POST" }));
  const remove = (path: string) => told(fetch(`${origin}/v2/${path}`, { method: "DELETE" }));
  return { ...served, quota, storage, used, whole, mount, remove };
}

/** The status, and what the refusal says. */
async function told(answer: Promise<Response>): Promise<string> {
  const { status, body } = { status: (await answer).status, body: await (await answer).text() };
  if (status < 400) return String(status);
  const { errors } = JSON.parse(body) as { errors: { code: string; message: string }[] };
  return `${status} ${errors[0]?.code} ${errors[0]?.message}`;
}

const team: QuotaRule = { repositories: "**", per: "namespace", bytes: 1000 };
const exceeded = (used: number, wanted: number, pool = "namespace team") =>
  `403 DENIED quota of ${pool} exceeded: limit 1000 B, used ${bytesText(used)}, wanted ${bytesText(wanted)}`;

test("B172 a push beyond the limit is refused before its bytes are read, and costs nothing", async () => {
  await using registry = await serve([team]);
  assert.equal(await registry.whole("team/a", "x".repeat(600)), "201");
  const path = `/v2/team/b/blobs/uploads/?digest=${digestOf("y")}`;
  const { hostname, port } = new URL(registry.origin);
  const headers = { "Content-Length": 401 };
  const sent = request({ hostname, port, path, method: "POST", headers, agent: false });
  sent.flushHeaders();
  // No byte of the body has been sent.
  const [response] = (await once(sent, "response")) as [import("node:http").IncomingMessage];
  assert.equal(response.statusCode, 403);
  assert.match(await text(response), /limit 1000 B, used 600 B, wanted 401 B/);
  sent.destroy();
  assert.equal(await registry.whole("team/b", "y".repeat(400)), "201");
  assert.equal(
    await told(fetch(`${registry.origin}/v2/team/c/blobs/uploads/`, { method: "POST" })),
    exceeded(1000, 1),
  );
  assert.equal(await registry.whole("other/b", "y".repeat(400)), "201");
  assert.deepEqual(await registry.used(), [
    ["namespace other", 400, 0],
    ["namespace team", 1000, 0],
  ]);
});

test("B172 an upload that does not say its size is refused when it comes to more than there is room for", async () => {
  await using registry = await serve([team]);
  const upload = (url: string, ...chunks: string[]) =>
    told(fetch(url, { method: "PATCH", body: new Blob(chunks).stream(), duplex: "half" } as RequestInit));
  const first = await startUpload(registry.origin, "team/a");
  assert.equal(await upload(first, "x".repeat(700)), "202");
  const second = await startUpload(registry.origin, "team/b");
  assert.equal(await upload(second, "y".repeat(301)), exceeded(700, 301));
  assert.equal((await fetch(second)).status, 404);
  const third = await startUpload(registry.origin, "team/b");
  assert.equal(await upload(third, "z".repeat(300)), "202");
  // What the first gives back is there for the third.
  assert.equal(await told(fetch(third, { method: "PATCH", body: "z" })), exceeded(700, 301));
  assert.equal((await fetch(first, { method: "DELETE" })).status, 204);
  assert.equal(await registry.whole("team/c", "c".repeat(1000)), "201");
});

test("B172 pushes at the same time cannot come to more than the limit together", async () => {
  await using registry = await serve([team]);
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, i) => registry.whole(`team/r${i}`, `${i}`.padEnd(300, "x"))),
  );
  assert.equal(answers.filter((answer) => answer === "201").length, 3);
  assert.deepEqual(await registry.used(), [["namespace team", 900, 0]]);
});

test("B172 a distinct blob counts once in a namespace; its repositories each have it in full", async () => {
  await using registry = await serve([team, { repositories: "**", per: "repository", bytes: 1000 }]);
  const digest = await pushBlob(registry.origin, "team/a", "x".repeat(600));
  assert.equal(await registry.mount("team/b", "team/a", digest), "201");
  assert.equal(await registry.mount("other", "team/a", digest), "201");
  assert.deepEqual(await registry.used(), [
    ["namespace other", 600, 0],
    ["namespace team", 600, 0],
    ["repository other", 600, 0],
    ["repository team/a", 600, 0],
    ["repository team/b", 600, 0],
  ]);
  assert.equal(await registry.whole("other", "y".repeat(500)), exceeded(600, 500, "namespace other"));
  await registry.remove(`team/a/blobs/${digest}`);
  assert.equal(await registry.whole("team/a", "y".repeat(500)), exceeded(600, 500));
  await registry.remove(`team/b/blobs/${digest}`);
  assert.equal(await registry.whole("team/a", "y".repeat(500)), "201");
});

test("B172 tags are limited; one that is there may move", async () => {
  await using registry = await serve([{ repositories: "team/*", per: "pattern", tags: 2 }]);
  await pushSmallImage(registry.origin, "team/a", "v1");
  await pushSmallImage(registry.origin, "team/b", "v1");
  const other = manifestOf(digestOf("{}"), { artifactType: "a/b" });
  const answer = putManifest(registry.origin, "team/b", "v2", other);
  const message = "quota of repositories team/* exceeded: limit 2 tags, used 2 tags, wanted 1 tags";
  assert.equal(await told(answer), `403 DENIED ${message}`);
  assert.equal((await putManifest(registry.origin, "team/b", "v1", other)).status, 201);
  assert.equal(await registry.remove("team/a/manifests/v1"), "202");
  assert.equal((await putManifest(registry.origin, "team/b", "v2", other)).status, 201);
});

test("B172 a push that comes to nothing costs nothing after an hour, and what a manifest named is free without it", async (t) => {
  t.mock.timers.enable({ apis: ["Date"], now: Date.now() });
  await using registry = await serve([team]);
  const digest = await pushBlob(registry.origin, "team/a", "x".repeat(900));
  assert.equal(await registry.whole("team/b", "y".repeat(900)), exceeded(900, 900));
  t.mock.timers.tick(hour + 1);
  assert.equal(await registry.whole("team/b", "y".repeat(600)), "201");
  assert.deepEqual(await registry.used(), [["namespace team", 600, 0]]);
  // What is there still and does not count has to find room again.
  const manifest = manifestOf(digest);
  const size = manifest.length + 900;
  assert.equal(await told(putManifest(registry.origin, "team/a", "v1", manifest)), exceeded(600, size));
  t.mock.timers.tick(hour + 1);
  const small = await pushSmallImage(registry.origin, "team/c", "v1");
  t.mock.timers.tick(hour + 1);
  const [[, kept]] = (await registry.used()) as [[string, number]];
  assert.equal(kept, 2 + manifestOf(digestOf("{}")).length);
  await registry.remove(`team/c/manifests/${small}`);
  assert.deepEqual(await registry.used(), [["namespace team", 0, 0]]);
});

test("B172 a reservation that nobody uses ends, and one that is used does not", async (t) => {
  t.mock.timers.enable({ apis: ["Date"], now: Date.now() });
  await using registry = await serve([team]);
  const url = await startUpload(registry.origin, "team/a");
  assert.equal(await told(fetch(url, { method: "PATCH", body: "x".repeat(900) })), "202");
  assert.equal(await registry.whole("team/b", "y".repeat(200)), exceeded(900, 200));
  t.mock.timers.tick(16 * 60_000);
  assert.equal(await registry.whole("team/b", "y".repeat(200)), "201");
  assert.equal(await told(fetch(url, { method: "PATCH", body: "x" })), exceeded(200, 901));
});

test("B172 nothing is remembered that the tree does not say: another instance has the same use, and a crash frees what was promised", async () => {
  const storage = memoryStorage();
  await using first = await serve([team], storage);
  await pushSmallImage(first.origin, "team/a", "v1");
  const url = await startUpload(first.origin, "team/b");
  await fetch(url, { method: "PATCH", body: "x".repeat(700) });
  await using second = await serve([team], storage);
  assert.deepEqual(await second.used(), await first.used());
  assert.equal(
    await first.whole("team/c", "c".repeat(600)),
    exceeded(700 + Number((await first.used())[0]?.[1]), 600),
  );
  assert.equal(await second.whole("team/c", "c".repeat(600)), "201");
});

test("B172 two instances on one storage come to at most twice what was free, and no further", async (t) => {
  t.mock.timers.enable({ apis: ["Date"], now: Date.now() });
  const storage = memoryStorage();
  await using first = await serve([team], storage);
  await using second = await serve([team], storage);
  // Each has counted once.
  await Promise.all([first.whole("team/a", "a"), second.whole("team/a", "a")]);
  for (let i = 0; i < 5; i++) {
    for (const [name, { whole }] of Object.entries({ first, second }))
      await whole(`team/${name}`, `${name}${i}`.padEnd(300, "x"));
  }
  const tree = await quotaOf(storage, [team]).report();
  assert.equal(tree[0]?.bytes.used, 1801);
  t.mock.timers.tick(61_000);
  for (const { whole } of [first, second]) assert.equal(await whole("team/a", "b"), exceeded(1801, 1));
});

test("B172 a manifest that came while nobody was asked is counted", async () => {
  const storage = memoryStorage();
  const quota = quotaOf(storage, [team]);
  // As if its reservation had ended, or another part of the server had put it there.
  await using registry = await serveOn({ storage, hooks: quota.hooks });
  assert.deepEqual(await quota.report(), []);
  await pushSmallImage(registry.origin, "team/a", "v1");
  const [counted] = await quota.report();
  await pushSmallImage(registry.origin, "team/a", "v2", { artifactType: "a/b" });
  const [later] = await quota.report();
  assert.deepEqual(
    [counted, later],
    [
      { ...counted, tags: { limit: undefined, used: 1, promised: 0 } },
      (await quotaOf(storage, [team]).report())[0],
    ],
  );
});

test("B172 what garbage collection or another server has done is seen before anybody is refused", async (t) => {
  t.mock.timers.enable({ apis: ["Date"], now: Date.now() });
  const storage = memoryStorage();
  await using registry = await serve([team], storage);
  await registry.whole("team/a", "a".repeat(900));
  await storage.remove("docker/registry/v2/repositories/team/a/_layers");
  t.mock.timers.tick(6000);
  const streamed = await startUpload(registry.origin, "team/b");
  assert.equal(await registry.whole("team/a", "b".repeat(900)), "201");
  await storage.remove("docker/registry/v2/repositories/team/a/_layers");
  t.mock.timers.tick(6000);
  const body = new Blob(["c".repeat(900)]).stream();
  const answer = fetch(streamed, { method: "PATCH", body, duplex: "half" } as RequestInit);
  assert.equal(await told(answer), "202");
});
