import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf, mediaTypes } from "../../oci/index.ts";
import {
  manifestOf,
  pushBlob,
  pushSmallImage,
  putManifest,
  refusal,
  serveOn,
} from "../../../test/suites/registry_requests.ts";
import type { Fault } from "../faults.ts";
import { memoryStorage } from "../storage/memory.ts";
import { filesIn, mirrored, withImage } from "./proxy_fixture.test.ts";
import { Upstreams } from "./upstreams.ts";

const second = 1000;
const answers = (status: number, body = ""): Fault => ({ kind: "answer", status, body });

test("a tag is asked for each time, its manifest fetched once and kept to the byte", async () => {
  await using mirror = await withImage();
  const { digest } = mirror;
  const expected = { status: 200, digest, stale: false };
  assert.deepEqual(await mirror.pull(), expected);
  assert.deepEqual(mirror.asked(), ["HEAD /v2/app/manifests/v1", `GET /v2/app/manifests/${digest}`]);
  assert.deepEqual(await mirror.pull(), expected);
  assert.deepEqual(mirror.asked(), ["HEAD /v2/app/manifests/v1"]);
  assert.deepEqual(await mirror.pull(`${mirror.origin}/v2/up/app/manifests/${digest}`), expected);
  assert.deepEqual(mirror.asked(), [], "a digest is right for good");
  assert.deepEqual(mirror.counts, ["up manifest miss", "up manifest hit", "up manifest hit"]);
});

test("a tag is believed for the time of `revalidate`; then a moved one is followed", async () => {
  await using mirror = await withImage({ settings: { revalidate: 30 * second } });
  await mirror.pull();
  const moved = await pushSmallImage(mirror.upstreamOrigin, "app", "v1", { annotations: { moved: "yes" } });
  mirror.asked();
  assert.equal((await mirror.pull()).digest, mirror.digest);
  assert.deepEqual(mirror.asked(), []);
  mirror.time.now += 31 * second;
  assert.equal((await mirror.pull()).digest, moved);
  const earlier = `${mirror.origin}/v2/up/app/manifests/${mirror.digest}`;
  assert.equal((await mirror.pull(earlier)).status, 200, "the earlier one is still here");
});

for (const [what, fault] of [
  ["answers 500", answers(500)],
  ["answers 503", answers(503)],
  ["has too many requests", answers(429, '{"errors":[{"code":"TOOMANYREQUESTS","message":"slow"}]}')],
] as const) {
  test(`while the upstream ${what}, what is here is given, and told to be stale; what is not is an error`, async () => {
    await using mirror = await withImage();
    await mirror.pull();
    mirror.plan.faults = () => fault;
    assert.deepEqual(await mirror.pull(), { status: 200, digest: mirror.digest, stale: true });
    const [status, code] = await refusal(fetch(`${mirror.origin}/v2/up/app/manifests/other`));
    assert.ok(status === 503 || status === 429, `${status}`);
    assert.ok(code === "UNAVAILABLE" || code === "TOOMANYREQUESTS", `${code}`);
  });
}

test("an upstream that is gone is not asked again for a while, and then it is", async () => {
  await using mirror = await withImage();
  await mirror.pull();
  mirror.plan.faults = () => answers(500);
  await mirror.pull();
  mirror.asked();
  assert.equal((await mirror.pull()).stale, true);
  assert.deepEqual(mirror.asked(), [], "it has just failed");
  mirror.plan.faults = undefined;
  mirror.time.now += 11 * second;
  assert.deepEqual(await mirror.pull(), { status: 200, digest: mirror.digest, stale: false });
  assert.deepEqual(mirror.counts.slice(1), ["up manifest stale", "up manifest stale", "up manifest hit"]);
  assert.ok(mirror.problems.some(({ message }) => message === "stale manifest served"));
});

test("with the upstream's process gone, tags, manifests, blobs and the list of tags are still there", async () => {
  await using mirror = await withImage();
  const config = digestOf("{}");
  await mirror.pull();
  assert.equal((await fetch(`${mirror.origin}/v2/up/app/blobs/${config}`)).status, 200);
  await mirror.upstream.close();
  assert.deepEqual(await mirror.pull(), { status: 200, digest: mirror.digest, stale: true });
  assert.equal((await fetch(`${mirror.origin}/v2/up/app/blobs/${config}`)).status, 200);
  const tags = await fetch(`${mirror.origin}/v2/up/app/tags/list`);
  assert.deepEqual(await tags.json(), { name: "up/app", tags: ["v1"] });
  assert.deepEqual(await refusal(fetch(`${mirror.origin}/v2/up/other/tags/list`)), [503, "UNAVAILABLE"]);
});

test("what the upstream does not have is 404, each time anew, and a tag that it has lost goes here too", async () => {
  await using mirror = await withImage();
  const other = `${mirror.origin}/v2/up/app/manifests/other`;
  assert.deepEqual(await refusal(fetch(other)), [404, "MANIFEST_UNKNOWN"]);
  await pushSmallImage(mirror.upstreamOrigin, "app", "other");
  assert.equal((await fetch(other)).status, 200, "a 404 is not kept");
  await fetch(`${mirror.upstreamOrigin}/v2/app/manifests/other`, { method: "DELETE" });
  assert.deepEqual(await refusal(fetch(other)), [404, "MANIFEST_UNKNOWN"]);
  mirror.plan.faults = () => answers(500);
  assert.deepEqual(await refusal(fetch(other)), [503, "UNAVAILABLE"]);
});

test("a 404 of something between us and the registry takes no tag away", async () => {
  await using mirror = await withImage();
  await mirror.pull();
  mirror.plan.faults = () => answers(404, "no such host");
  assert.deepEqual(await refusal(fetch(mirror.tag)), [404, "MANIFEST_UNKNOWN"]);
  await mirror.upstream.close();
  assert.deepEqual(await mirror.pull(), { status: 200, digest: mirror.digest, stale: true });
});

test("an upstream that denies is told of as one that denies, with and without a copy here", async () => {
  await using mirror = await withImage();
  await mirror.pull();
  for (const status of [401, 403]) {
    mirror.plan.faults = () => answers(status, '{"errors":[{"code":"DENIED","message":"not for you"}]}');
    for (const tag of ["v1", "v2"]) {
      const answer = await fetch(`${mirror.origin}/v2/up/app/manifests/${tag}`);
      assert.equal(answer.status, 403);
      const text = await answer.text();
      assert.match(text, /"DENIED"/);
      assert.ok(text.includes(mirror.upstream.address));
    }
  }
});

test("20 that want the same tag at once are one GET", async () => {
  const [asked, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  await using mirror = await withImage();
  mirror.plan.faults = async () => {
    asked.resolve();
    await gate.promise;
    return undefined;
  };
  const pulls = Array.from({ length: 20 }, () => mirror.pull());
  await asked.promise;
  gate.resolve();
  for (const { digest } of await Promise.all(pulls)) assert.equal(digest, mirror.digest);
  const gets = mirror.asked().filter((each) => each.startsWith("GET"));
  assert.deepEqual(gets, [`GET /v2/app/manifests/${mirror.digest}`]);
});

for (const [what, fault] of [
  ["another manifest than the digest's", answers(200, '{"schemaVersion":2,"manifests":[]}')],
  ["a manifest of more than 4 MiB", answers(200, " ".repeat((4 << 20) + 1))],
  ["what is no manifest", answers(200, "<html>log in</html>")],
] as const) {
  test(`an upstream that gives ${what} leaves nothing here`, async () => {
    await using mirror = await withImage();
    mirror.plan.faults = ({ method }) => (method === "GET" ? fault : undefined);
    assert.deepEqual(await refusal(fetch(mirror.tag)), [503, "UNAVAILABLE"]);
    assert.deepEqual(await filesIn(mirror.storage), []);
  });
}

test("an upstream that tells no digest is asked for the manifest, whose digest is computed", async () => {
  await using mirror = await withImage();
  mirror.plan.faults = ({ method }) => (method === "HEAD" ? answers(200) : undefined);
  assert.deepEqual(await mirror.pull(), { status: 200, digest: mirror.digest, stale: false });
});

test("a media type that the bytes do not tell comes through", async () => {
  await using mirror = await mirrored();
  const bytes = Buffer.from('{"schemaVersion":2,"anything":true}');
  const type = { "Content-Type": "application/vnd.example.thing+json" };
  assert.equal((await putManifest(mirror.upstreamOrigin, "app", "v1", bytes, type)).status, 201);
  const answer = await fetch(`${mirror.origin}/v2/up/app/manifests/v1`);
  assert.equal(answer.headers.get("content-type"), type["Content-Type"]);
  assert.equal(await answer.text(), bytes.toString());
});

test("a copy is only pulled from; other names are pushed to and deleted as before", async () => {
  await using mirror = await withImage();
  await mirror.pull();
  for (const [method, path] of [
    ["PUT", "manifests/v1"],
    ["DELETE", "manifests/v1"],
    ["DELETE", `blobs/${digestOf("{}")}`],
    ["POST", "blobs/uploads/"],
    ["PATCH", "blobs/uploads/00000000-0000-0000-0000-000000000001"],
  ] as const) {
    const answer = await fetch(`${mirror.origin}/v2/up/app/${path}`, { method });
    assert.equal(answer.status, 405, `${method} ${path}`);
    assert.match(await answer.text(), /UNSUPPORTED.*up\/app is a copy of a repository of 127\.0\.0\.1:\d+/);
  }
  for (const name of ["own/app", "upper/app", "up"]) {
    await pushSmallImage(mirror.origin, name, "v1");
    const answer = await fetch(`${mirror.origin}/v2/${name}/manifests/v1`);
    assert.equal(answer.status, 200, name);
  }
  const catalog = await fetch(`${mirror.origin}/v2/_catalog`);
  assert.deepEqual(await catalog.json(), { repositories: ["own/app", "up", "up/app", "upper/app"] });
});

test("tags are listed page by page as the upstream has them, under our name", async () => {
  await using mirror = await withImage();
  for (const tag of ["v2", "v3"]) await pushSmallImage(mirror.upstreamOrigin, "app", tag);
  const first = await fetch(`${mirror.origin}/v2/up/app/tags/list?n=2`);
  assert.deepEqual(await first.json(), { name: "up/app", tags: ["v1", "v2"] });
  const link = first.headers.get("link");
  assert.equal(link, '</v2/up/app/tags/list?last=v2&n=2>; rel="next"');
  const next = await fetch(`${mirror.origin}${/<(.*)>/.exec(link as string)?.[1]}`);
  assert.deepEqual(await next.json(), { name: "up/app", tags: ["v3"] });
  assert.deepEqual(await refusal(fetch(`${mirror.origin}/v2/up/none/tags/list`)), [404, "NAME_UNKNOWN"]);
});

test("of a hostile list of tags only tags are passed on", async () => {
  await using mirror = await withImage();
  const list = (tags: unknown) => answers(200, JSON.stringify({ tags }));
  mirror.plan.faults = () => list(["../x", "ok", 5, "a\nb"]);
  const answer = await fetch(`${mirror.origin}/v2/up/app/tags/list`);
  assert.deepEqual(await answer.json(), { name: "up/app", tags: ["ok"] });
  mirror.plan.faults = () => list("v1");
  assert.deepEqual(await refusal(fetch(`${mirror.origin}/v2/up/app/tags/list`)), [503, "UNAVAILABLE"]);
});

test("referrers are the upstream's; without it those that are here, and never an empty list", async () => {
  await using mirror = await withImage();
  const signature = { artifactType: "application/vnd.example.signature", subject: mirror.digest };
  const config = await pushBlob(mirror.upstreamOrigin, "app", "{}");
  const bytes = manifestOf(config, signature);
  assert.equal((await putManifest(mirror.upstreamOrigin, "app", digestOf(bytes), bytes)).status, 201);
  const url = `${mirror.origin}/v2/up/app/referrers/${mirror.digest}`;
  const listed = async () => {
    const answer = await fetch(url);
    assert.equal(answer.headers.get("content-type"), mediaTypes.ociIndex);
    return ((await answer.json()) as { manifests: { digest: string }[] }).manifests.map(
      ({ digest }) => digest,
    );
  };
  assert.deepEqual(await listed(), [digestOf(bytes)]);
  const filtered = await fetch(`${url}?artifactType=application/other`);
  assert.equal(filtered.headers.get("oci-filters-applied"), "artifactType");
  assert.deepEqual(((await filtered.json()) as { manifests: unknown[] }).manifests, []);
  await mirror.pull(`${mirror.origin}/v2/up/app/manifests/${digestOf(bytes)}`);
  mirror.plan.faults = () => answers(500);
  assert.deepEqual(await listed(), [digestOf(bytes)]);
  const other = `${mirror.origin}/v2/up/app/referrers/sha256:${"0".repeat(64)}`;
  assert.deepEqual(await refusal(fetch(other)), [503, "UNAVAILABLE"]);
  mirror.plan.faults = () => answers(404, "404 page not found");
  assert.deepEqual(await refusal(fetch(url)), [404, "NAME_UNKNOWN"], "the client looks for the tag then");
});

test("where names without a slash are the library's, they are asked for there", async () => {
  await using mirror = await mirrored({ settings: { library: true } });
  await pushSmallImage(mirror.upstreamOrigin, "library/alpine", "v1");
  await pushSmallImage(mirror.upstreamOrigin, "team/app", "v1");
  for (const name of ["alpine", "library/alpine", "team/app"]) {
    assert.equal((await fetch(`${mirror.origin}/v2/up/${name}/manifests/v1`)).status, 200, name);
  }
});

for (const kind of ["basic", "token"] as const) {
  test(`credentials go to an upstream that wants them (${kind}), and into no message`, async () => {
    const auth = { kind, users: { robot: "s3cret" } };
    const source = memoryStorage();
    await using open = await serveOn({ storage: source });
    const digest = await pushSmallImage(open.origin, "app", "v1");
    for (const [password, status] of [
      ["s3cret", 200],
      ["wr0ng", 403],
    ] as const) {
      await using mirror = await mirrored({
        upstream: { auth, storage: source },
        settings: { credentials: { username: "robot", password } },
      });
      const answer = await fetch(`${mirror.origin}/v2/up/app/manifests/${digest}`);
      assert.equal(answer.status, status);
      const told = `${await answer.text()} ${JSON.stringify(mirror.problems)}`;
      assert.doesNotMatch(told, new RegExp(`${password}|${btoa(`robot:${password}`)}`));
      if (status === 200)
        assert.equal((await fetch(`${mirror.origin}/v2/up/app/blobs/${digestOf("{}")}`)).status, 200);
    }
  });
}

test("a registry that is its own upstream says so instead of asking for ever", async () => {
  const seen: string[] = [];
  const watch = {
    counted: () => undefined,
    received: () => undefined,
    problem: (text: string) => void seen.push(text),
  };
  const settings = { prefix: "a", url: "http://127.0.0.1:1", credentials: undefined, ttl: 0, revalidate: 0 };
  const upstreams: Upstreams[] = [];
  // Where it listens is known only then.
  const late = { of: (name: string) => upstreams[0]?.of(name) } as Upstreams;
  await using served = await serveOn({ storage: memoryStorage(), upstreams: late });
  await using own = new Upstreams([{ ...settings, url: served.origin, library: false }], watch);
  upstreams.push(own);
  for (const path of ["manifests/v1", `blobs/sha256:${"0".repeat(64)}`, "tags/list"]) {
    const answer = await fetch(`${served.origin}/v2/a/a/a/b/${path}`);
    assert.equal(answer.status, 503);
    assert.match(await answer.text(), /leads back to this registry|508 Loop Detected/);
  }
});

test("of two upstreams the one with the longer prefix has the name", async () => {
  const watch = { counted: () => undefined, received: () => undefined, problem: () => undefined };
  const one = (prefix: string) => ({
    prefix,
    url: "http://127.0.0.1:1",
    credentials: undefined,
    ttl: 0,
    revalidate: 0,
    library: false,
  });
  await using upstreams = new Upstreams([one("a"), one("a/b"), one("")], watch);
  const prefixes = ["a/c", "a/b/c", "a/b", "ab/c", "z"].map((name) => upstreams.of(name)?.settings.prefix);
  assert.deepEqual(prefixes, ["a", "a/b", "a", "", ""]);
});
