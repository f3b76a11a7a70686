import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { request } from "node:http";
import { buffer } from "node:stream/consumers";
import { test } from "node:test";
import { pushBlob, refusal } from "../../../test/suites/registry_requests.ts";
import { scratch } from "../../../test/suites/scratch.ts";
import type { FaultPlan } from "../faults.ts";
import { filesystemStorage } from "../storage/filesystem.ts";
import { paths } from "../tree.ts";
import { filesIn, mirrored, noise, openGet } from "./proxy_fixture.test.ts";

const MiB = 1 << 20;

async function bytesAt(url: string, headers: Record<string, string> = {}): Promise<Buffer> {
  const answer = await fetch(url, { headers });
  assert.ok(answer.ok, `${answer.status}`);
  return Buffer.from(await answer.arrayBuffer());
}

test("a blob comes through, is kept, and then comes from here, in ranges, too", async () => {
  await using mirror = await mirrored();
  const bytes = noise(300_000, "a");
  const digest = await pushBlob(mirror.upstreamOrigin, "team/app", bytes);
  mirror.asked();
  const url = `${mirror.origin}/v2/up/team/app/blobs/${digest}`;
  const first = await fetch(url);
  assert.equal(first.headers.get("docker-content-digest"), digest);
  assert.equal(first.headers.get("content-length"), String(bytes.length));
  assert.ok(Buffer.from(await first.arrayBuffer()).equals(bytes));
  assert.deepEqual(mirror.asked(), [`GET /v2/team/app/blobs/${digest}`]);
  assert.ok((await bytesAt(url)).equals(bytes));
  assert.ok((await bytesAt(url, { Range: "bytes=5-9" })).equals(bytes.subarray(5, 10)));
  assert.deepEqual(mirror.asked(), []);
  assert.deepEqual(mirror.counts, ["up blob miss", "up blob hit", "up blob hit"]);
  assert.equal(mirror.received.bytes, bytes.length);
});

test("a range of a blob that is not here is answered when it is", async () => {
  await using mirror = await mirrored();
  const bytes = noise(100_000, "range");
  const digest = await pushBlob(mirror.upstreamOrigin, "app", bytes);
  const url = `${mirror.origin}/v2/up/app/blobs/${digest}`;
  const part = await fetch(url, { headers: { Range: "bytes=99990-" } });
  assert.equal(part.status, 206);
  assert.ok(Buffer.from(await part.arrayBuffer()).equals(bytes.subarray(99_990)));
});

test("HEAD asks the upstream and fetches nothing; what neither has is 404, each time anew", async () => {
  await using mirror = await mirrored();
  const missing = `sha256:${"0".repeat(64)}`;
  const digest = await pushBlob(mirror.upstreamOrigin, "app", "some bytes");
  const url = `${mirror.origin}/v2/up/app/blobs`;
  mirror.asked();
  const head = await fetch(`${url}/${digest}`, { method: "HEAD" });
  assert.deepEqual([head.status, head.headers.get("content-length")], [200, "10"]);
  assert.deepEqual(mirror.asked(), [`HEAD /v2/app/blobs/${digest}`]);
  for (const _ of [1, 2]) {
    assert.deepEqual(await refusal(fetch(`${url}/${missing}`)), [404, "BLOB_UNKNOWN"]);
    assert.deepEqual(mirror.asked(), [`GET /v2/app/blobs/${missing}`]);
  }
  assert.deepEqual(await filesIn(mirror.storage), []);
});

test("20 that want the same blob at once are one request to the upstream, and all get the right bytes", async () => {
  const gate = Promise.withResolvers<void>();
  await using mirror = await mirrored({
    faults: async ({ method }) => {
      if (method === "GET") await gate.promise;
      return undefined;
    },
  });
  const bytes = noise(5 * MiB, "twenty");
  const digest = await pushBlob(mirror.upstreamOrigin, "app", bytes);
  mirror.asked();
  const url = `${mirror.origin}/v2/up/app/blobs/${digest}`;
  const arrived: Promise<unknown>[] = [];
  const clients = Array.from({ length: 20 }, async () => {
    const sent = request(url, { agent: false }).end();
    arrived.push(once(sent, "finish"));
    const [response] = (await once(sent, "response")) as [import("node:http").IncomingMessage];
    return buffer(response);
  });
  await Promise.all(arrived);
  gate.resolve();
  for (const got of await Promise.all(clients)) assert.ok(got.equals(bytes));
  assert.deepEqual(mirror.asked(), [`GET /v2/app/blobs/${digest}`]);
});

for (const place of ["memory", "filesystem"] as const) {
  test(`a client that stops reading holds nobody up, and gets the rest when it goes on: ${place}`, async () => {
    using directory = scratch("proxy");
    const storage = place === "memory" ? {} : { storage: filesystemStorage(directory.path) };
    await using mirror = await mirrored(storage);
    const bytes = noise(16 * MiB, "slow");
    const digest = await pushBlob(mirror.upstreamOrigin, "app", bytes);
    const url = `${mirror.origin}/v2/up/app/blobs/${digest}`;
    // More than socket buffers hold lies between it and the end.
    const stopped = await openGet(url);
    assert.ok((await bytesAt(url)).equals(bytes), "beside it");
    assert.ok((await bytesAt(url)).equals(bytes), "after it");
    assert.ok((await buffer(stopped)).equals(bytes));
    assert.equal(mirror.received.bytes, bytes.length, "once");
  });
}

test("a download goes on when its client has gone", async () => {
  await using mirror = await mirrored();
  const bytes = noise(16 * MiB, "gone");
  const digest = await pushBlob(mirror.upstreamOrigin, "app", bytes);
  const url = `${mirror.origin}/v2/up/app/blobs/${digest}`;
  (await openGet(url)).destroy();
  assert.ok((await bytesAt(url)).equals(bytes));
  assert.equal(mirror.received.bytes, bytes.length, "once");
});

/** Breaks GETs of blobs after so many bytes, as often as the list is long. */
function cuts(...after: number[]): FaultPlan {
  return ({ method, path }) => {
    const afterBytes = method === "GET" && path.includes("/blobs/sha") ? after.shift() : undefined;
    return afterBytes === undefined ? undefined : { kind: "cut", afterBytes };
  };
}

test("an upstream that breaks off is asked for the rest", async () => {
  await using mirror = await mirrored({ faults: cuts(100_000, 500_000) });
  const bytes = noise(MiB, "resumed");
  const digest = await pushBlob(mirror.upstreamOrigin, "app", bytes);
  const before = mirror.upstream.requests.length;
  assert.ok((await bytesAt(`${mirror.origin}/v2/up/app/blobs/${digest}`)).equals(bytes));
  const ranges = mirror.upstream.requests.slice(before).map(({ range }) => range);
  assert.deepEqual(ranges, [undefined, "bytes=100000-", "bytes=600000-"]);
});

test("an upstream that dies in the middle breaks the clients, leaves nothing, and spoils nothing for later", async () => {
  await using mirror = await mirrored({ faults: cuts(...Array.from({ length: 6 }, () => 1000)) });
  const bytes = noise(100_000, "dead");
  const digest = await pushBlob(mirror.upstreamOrigin, "app", bytes);
  const url = `${mirror.origin}/v2/up/app/blobs/${digest}`;
  await assert.rejects(fetch(url).then((answer) => answer.arrayBuffer()));
  assert.deepEqual(await filesIn(mirror.storage), []);
  assert.ok((await bytesAt(url)).equals(bytes));
});

test("bytes that are not what the digest says never come whole to a client, nor into the storage", async () => {
  await using mirror = await mirrored();
  const bytes = noise(200_000, "flip");
  const digest = await pushBlob(mirror.upstreamOrigin, "app", bytes);
  const url = `${mirror.origin}/v2/up/app/blobs/${digest}`;
  mirror.plan.faults = ({ method }) => (method === "GET" ? { kind: "flip", at: 10 } : undefined);
  const answers = await Promise.allSettled([1, 2, 3].map(async () => (await fetch(url)).arrayBuffer()));
  assert.deepEqual(
    answers.map(({ status }) => status),
    ["rejected", "rejected", "rejected"],
  );
  assert.deepEqual(await filesIn(mirror.storage), []);
  assert.ok(mirror.problems.some(({ message }) => message === "upstream gave wrong bytes"));
  mirror.plan.faults = undefined;
  assert.ok((await bytesAt(url)).equals(bytes));
});

test("an upstream that says more or less than it sends is not believed", async () => {
  for (const length of ["5", "1000000", "x"]) {
    await using mirror = await mirrored({ idleMs: 50 });
    const digest = await pushBlob(mirror.upstreamOrigin, "app", "0123456789");
    mirror.plan.faults = ({ method }) =>
      method === "GET"
        ? { kind: "answer", status: 200, headers: { "Content-Length": length }, body: "0123456789" }
        : undefined;
    await assert.rejects(bytesAt(`${mirror.origin}/v2/up/app/blobs/${digest}`), `${length}`);
    assert.deepEqual(await filesIn(mirror.storage), []);
  }
});

test("what is kept lies as a push would have left it", async () => {
  using directory = scratch("proxy");
  await using mirror = await mirrored({ storage: filesystemStorage(directory.path) });
  const digest = await pushBlob(mirror.upstreamOrigin, "app", "some bytes");
  await bytesAt(`${mirror.origin}/v2/up/app/blobs/${digest}`);
  assert.equal(await readFile(`${directory.path}/${paths.blob(digest)}`, "utf8"), "some bytes");
  assert.equal(await readFile(`${directory.path}/${paths.layerLink("up/app", digest)}`, "utf8"), digest);
  assert.equal((await filesIn(mirror.storage)).length, 2);
});

test("a server that stops gives up what is on its way, and leaves nothing of it", async () => {
  await using mirror = await mirrored();
  const digest = await pushBlob(mirror.upstreamOrigin, "app", noise(300_000, "stopped"));
  mirror.plan.faults = ({ method }) =>
    method === "GET" ? { kind: "stall", afterBytes: 100_000 } : undefined;
  const client = await openGet(`${mirror.origin}/v2/up/app/blobs/${digest}`);
  const broken = assert.rejects(buffer(client));
  await mirror.upstreams[Symbol.asyncDispose]();
  await broken;
  assert.deepEqual(await filesIn(mirror.storage), []);
});
