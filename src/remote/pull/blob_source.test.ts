import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { isFailure } from "../../errors.ts";
import { digestOf, mediaTypes, type Descriptor } from "../../oci/index.ts";
import {
  memoryStorage,
  serveRegistry,
  type Fault,
  type FaultRequest,
  type RunningRegistry,
} from "../../registry/index.ts";
import {
  bytesOf,
  describe,
  FakeClock,
  failure,
  noise,
  seed,
  seedBlob,
  signal,
  testImage,
  testRemote,
} from "../testing.test.ts";

const content = noise(300_000);
const blob = describe(content, mediaTypes.ociLayerTar);
const path = `/v2/a/blobs/${blob.digest}`;

/** A registry with the blob, and a plan for the requests for it: number of the request (from 0) to fault. */
async function serveBlob(plan: (attempt: number, request: FaultRequest) => Fault | undefined) {
  let attempt = 0;
  const registry = await serveRegistry({
    storage: "memory",
    faults: (request) => (request.path === path ? plan(attempt++, request) : undefined),
  });
  await seedBlob(registry, "a", content);
  return registry;
}

function ranges(registry: RunningRegistry): (string | undefined)[] {
  return registry.requests.filter((request) => request.path === path).map(({ range }) => range);
}

test("B120 reading starts at any offset: only the rest is transferred", async () => {
  await using registry = await serveBlob(() => undefined);
  using remote = testRemote();
  const open = (offset: number) => remote.openBlob(`${registry.address}/a`, blob, { signal, offset });
  assert.deepEqual(await bytesOf(await open(299_990)), Buffer.from(content.subarray(299_990)));
  assert.deepEqual(await bytesOf(await open(300_000)), Buffer.alloc(0));
  assert.deepEqual(ranges(registry), ["bytes=299990-"]);
  assert.equal(registry.requests.find(({ range }) => range !== undefined)?.sent, 10);
});

test("B120 after a broken connection the rest is asked for, up to five times without progress", async () => {
  await using registry = await serveBlob((attempt) =>
    attempt < 5 ? { kind: "cut", afterBytes: 1000 } : undefined,
  );
  const clock = new FakeClock();
  using remote = testRemote({ clock });
  const bytes = await bytesOf(await remote.openBlob(`${registry.address}/a`, blob, { signal }));
  assert.deepEqual(bytes, content);
  assert.deepEqual(ranges(registry), [
    undefined,
    ...[1000, 2000, 3000, 4000, 5000].map((offset) => `bytes=${offset}-`),
  ]);
  assert.equal(clock.sleeps.length, 5);
});

test("breaks after good progress do not count together", async () => {
  await using registry = await serveBlob((attempt) =>
    attempt < 3 ? { kind: "cut", afterBytes: 70_000 } : undefined,
  );
  const clock = new FakeClock();
  using remote = testRemote({ clock });
  assert.deepEqual(await bytesOf(await remote.openBlob(`${registry.address}/a`, blob, { signal })), content);
  assert.ok(clock.sleeps.every((sleep) => sleep <= 500));
});

test("a layer is asked for again as often as is said", async () => {
  await using registry = await serveBlob(() => ({ kind: "cut", afterBytes: 0 }));
  using remote = testRemote({ downloadRetries: 2 });
  await assert.rejects(bytesOf(await remote.openBlob(`${registry.address}/a`, blob, { signal })));
  assert.equal(ranges(registry).length, 3);
});

test("a connection that keeps breaking is given up", async () => {
  await using registry = await serveBlob(() => ({ kind: "cut", afterBytes: 10 }));
  using remote = testRemote();
  const source = await remote.openBlob(`${registry.address}/a`, blob, { signal });
  await assert.rejects(bytesOf(source), failure("unavailable", /^Get "http:.*": connection reset by peer$/));
  assert.equal(ranges(registry).length, 6);
});

test("a registry that restarts in the middle is waited for", async () => {
  const storage = memoryStorage();
  const faults = ({ path: asked }: FaultRequest) =>
    asked === path ? ({ kind: "cut", afterBytes: 1000 } as const) : undefined;
  const first = await serveRegistry({ storage, faults });
  await seedBlob(first, "a", content);
  const clock = new FakeClock();
  let second: RunningRegistry | undefined;
  clock.sleep = async () => {
    clock.sleeps.push(0);
    if (clock.sleeps.length === 1) await first.close();
    if (clock.sleeps.length === 3)
      second = await serveRegistry({ storage, port: Number(first.address.split(":")[1]) });
  };
  using remote = testRemote({ clock });
  assert.deepEqual(await bytesOf(await remote.openBlob(`${first.address}/a`, blob, { signal })), content);
  assert.deepEqual(second && ranges(second), ["bytes=1000-"]);
  await second?.close();
});

test("a connection on which nothing comes is broken off and the rest asked for", async () => {
  await using registry = await serveBlob((attempt) =>
    attempt === 0 ? { kind: "stall", afterBytes: 1000 } : undefined,
  );
  using remote = testRemote({ idleMs: 300 });
  assert.deepEqual(await bytesOf(await remote.openBlob(`${registry.address}/a`, blob, { signal })), content);
  assert.deepEqual(ranges(registry), [undefined, "bytes=1000-"]);
});

test("a slow consumer is not an idle connection", async (t) => {
  await using registry = await serveBlob(() => undefined);
  using remote = testRemote({ idleMs: 60_000 });
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const source = await remote.openBlob(`${registry.address}/a`, blob, { signal });
  let size = 0;
  for await (const chunk of source) {
    size += chunk.length;
    t.mock.timers.tick(120_000);
  }
  assert.equal(size, content.length);
  assert.equal(ranges(registry).length, 1);
});

test("a registry that overlooks Range still gives the right bytes", async () => {
  await using registry = await serveBlob((attempt) =>
    attempt === 0 ? { kind: "cut", afterBytes: 1234 } : { kind: "ignore-range" },
  );
  using remote = testRemote();
  assert.deepEqual(await bytesOf(await remote.openBlob(`${registry.address}/a`, blob, { signal })), content);
});

test("bytes from another range than asked for are refused", async () => {
  const headers = { "Content-Range": "bytes 5-9/300000" };
  await using registry = await serveBlob(() => ({ kind: "answer", status: 206, headers, body: "12345" }));
  using remote = testRemote();
  await assert.rejects(
    remote.openBlob(`${registry.address}/a`, blob, { signal, offset: 7 }),
    failure("unavailable", /asked for bytes from 7, got them from 5$/),
  );
});

const lengths: readonly [string, number, RegExp][] = [
  ["longer", 299_999, /^blob sha256:\w+ is longer than the 299999 bytes that the manifest says$/],
  ["shorter", 300_001, /^blob sha256:\w+ ended after 300000 of 300001 bytes$/],
];
for (const [name, size, message] of lengths) {
  test(`a blob ${name} than announced is refused`, async () => {
    await using registry = await serveBlob(() => undefined);
    using remote = testRemote();
    const wrong: Descriptor = { ...blob, size };
    const source = await remote.openBlob(`${registry.address}/a`, wrong, { signal });
    await assert.rejects(bytesOf(source), failure("corrupt", message));
  });
}

test("B117 a flipped byte in a layer is found at the end of its tar", async () => {
  await using registry = await serveBlob(() => ({ kind: "flip", at: 200_000 }));
  const image = testImage([content]);
  const manifest = { ...JSON.parse(String(image.manifest.bytes)), layers: [blob] };
  await seed(registry, "a", { ...image, manifest: manifestOf(manifest) });
  using remote = testRemote();
  const view = await remote.resolve(`${registry.address}/a:1`, { signal });
  const message = `filesystem layer verification failed for digest ${blob.digest}`;
  await assert.rejects(bytesOf(await view.layers[0]!.openTar({ signal })), (error) => {
    return isFailure(error, "corrupt") && error.message.startsWith(message);
  });
});

function manifestOf(value: object) {
  const bytes = Buffer.from(JSON.stringify(value));
  return { bytes, descriptor: { ...describe(bytes, mediaTypes.ociManifest), digest: digestOf(bytes) } };
}

test("429 and 503 are waited for as long as Retry-After says", async () => {
  const clock = new FakeClock();
  const date = new Date(clock.now() + 7_000 + 9_000).toUTCString();
  await using registry = await serveBlob((attempt) => {
    if (attempt === 0) return { kind: "answer", status: 429, headers: { "Retry-After": "7" } };
    if (attempt === 1) return { kind: "answer", status: 503, headers: { "Retry-After": date } };
    return undefined;
  });
  using remote = testRemote({ clock });
  assert.deepEqual(await bytesOf(await remote.openBlob(`${registry.address}/a`, blob, { signal })), content);
  assert.deepEqual(clock.sleeps, [7_000, 9_000]);
});

test("a registry that stays busy, or wants hours, is told to the user", async () => {
  const body = '{"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your pull rate limit."}]}';
  const expected = failure("unavailable", "toomanyrequests: You have reached your pull rate limit.");
  await using busy = await serveBlob(() => ({ kind: "answer", status: 429, body }));
  using remote = testRemote();
  await assert.rejects(remote.openBlob(`${busy.address}/a`, blob, { signal }), expected);
  assert.equal(ranges(busy).length, 6);
  const headers = { "Retry-After": "21600" };
  await using hours = await serveBlob(() => ({ kind: "answer", status: 429, headers, body }));
  await assert.rejects(remote.openBlob(`${hours.address}/a`, blob, { signal }), expected);
  assert.equal(ranges(hours).length, 1);
});

test("a redirect to another host is followed, with Range but without credentials", async () => {
  await using store = await serveRegistry({ storage: "memory" });
  await seedBlob(store, "a", content);
  store.requests.length = 0;
  const auth = { kind: "basic", users: { jo: "secret" } } as const;
  await using registry = await serveRegistry({
    storage: "memory",
    auth,
    faults: ({ path: asked, range }) =>
      asked === path && range !== "bytes=0-1"
        ? { kind: "answer", status: 307, headers: { Location: `http://${store.address}${path}` } }
        : undefined,
  });
  const jo = { kind: "password", username: "jo", password: "secret" } as const;
  using remote = testRemote({ credentials: { [registry.address]: jo } });
  const source = await remote.openBlob(`${registry.address}/a`, blob, { signal, offset: 5 });
  assert.deepEqual(await bytesOf(source), Buffer.from(content.subarray(5)));
  assert.equal(registry.requests.at(-1)?.authorization, "Basic");
  assert.deepEqual(
    store.requests.map(({ method, authorization, range }) => [method, authorization, range]),
    [["GET", undefined, "bytes=5-"]],
  );
});

test("a redirect without end is given up", async () => {
  await using registry = await serveBlob(() => ({
    kind: "answer",
    status: 302,
    headers: { Location: path },
  }));
  using remote = testRemote();
  const opening = remote.openBlob(`${registry.address}/a`, blob, { signal });
  await assert.rejects(opening, failure("unavailable", /: stopped after 10 redirects$/));
});

test("B121 several layers are on their way at once", async () => {
  const image = testImage(["one", "two", "three"]);
  let arrived = 0;
  const { promise: all, resolve } = Promise.withResolvers<undefined>();
  await using registry = await serveRegistry({
    storage: "memory",
    faults: ({ method, path }) => {
      if (method !== "GET" || !path.includes("/blobs/")) return undefined;
      // No answer before the third request is there.
      if (++arrived === 3) resolve(undefined);
      return all;
    },
  });
  await seed(registry, "a", image);
  using remote = testRemote();
  const view = await remote.resolve(`${registry.address}/a:1`, { signal });
  const tars = await Promise.all(view.layers.map(async (layer) => bytesOf(await layer.openTar({ signal }))));
  assert.deepEqual(tars.map(String), ["one", "two", "three"]);
});

test("cancelling breaks off at once, while waiting for an answer and in the middle of a body", async () => {
  await using registry = await serveBlob(() => ({ kind: "stall", afterBytes: 100_000 }));
  using remote = testRemote();
  const stop = new AbortController();
  const source = await remote.openBlob(`${registry.address}/a`, blob, { signal: stop.signal });
  const reading = bytesOf(source);
  stop.abort();
  await assert.rejects(reading, failure("cancelled", "context canceled"));
  const opening = remote.openBlob(`${registry.address}/a`, blob, { signal: stop.signal });
  await assert.rejects(opening, failure("cancelled", "context canceled"));
});

test("a foreign layer comes from its own URL when the registry has it not", async () => {
  await using store = await serveRegistry({ storage: "memory" });
  await seedBlob(store, "a", content);
  await using registry = await serveRegistry({ storage: "memory" });
  using remote = testRemote();
  const urls = ["ftp://ignored/x", `http://${store.address}/none`, `http://${store.address}${path}`];
  const source = await remote.openBlob(`${registry.address}/a`, { ...blob, urls }, { signal });
  assert.deepEqual(await bytesOf(source), content);
});

test("whatever breaks where, the bytes are right", async () => {
  let cuts: readonly number[] = [];
  await using registry = await serveBlob(() => {
    const [afterBytes, ...rest] = cuts;
    cuts = rest;
    return afterBytes === undefined ? undefined : { kind: "cut", afterBytes };
  });
  using remote = testRemote();
  const anyCuts = fc.array(fc.nat(content.length), { maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(anyCuts, fc.nat(content.length), async (plan, offset) => {
      cuts = plan;
      const bytes = await bytesOf(await remote.openBlob(`${registry.address}/a`, blob, { signal, offset }));
      assert.ok(bytes.equals(content.subarray(offset)));
    }),
    { numRuns: 30 },
  );
});
