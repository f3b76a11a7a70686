import assert from "node:assert/strict";
import { test } from "node:test";
import type { ImageView } from "../../bytes/index.ts";
import { digestOf } from "../../oci/index.ts";
import { readConfig, serveRegistry, startServer, type RunningRegistry } from "../../registry/index.ts";
import {
  failure,
  log,
  noise,
  seedBlob,
  signal,
  testImage,
  testRemote,
  withoutManifest,
} from "../testing.test.ts";

const image = testImage([noise(20_000, 7), noise(30_000, 8)]);
const [bottom, top] = image.blobs.map((blob) => digestOf(blob)) as [`sha256:${string}`, `sha256:${string}`];
const names = { [bottom]: "BOTTOM", [top]: "TOP", [image.imageId]: "CONFIG" };

async function push(address: string, name: string, what: ImageView) {
  using remote = testRemote();
  return remote.push(what, `${address}/${name}`, { signal, concurrency: 1 });
}

const serve = (extensions: boolean) => serveRegistry({ storage: "memory", extensions });

/** The requests of the latest push. */
async function requestsOf(registry: RunningRegistry, name: string, what: ImageView): Promise<string[]> {
  registry.requests.length = 0;
  await push(registry.address, name, what);
  return log(registry, names);
}

const upload = (name: string) => [
  "POST /v2/a/blobs/uploads/",
  "PATCH /v2/a/blobs/uploads/ID",
  "PUT /v2/a/blobs/uploads/ID",
  `HEAD /v2/a/blobs/${name}`,
];

test("B172 a registry that takes plans is asked once what it has, and not for each blob", async () => {
  await using registry = await serve(true);
  const plan = ["GET /v2/", "POST /v2/a/_varve/plan"];
  const manifest = "PUT /v2/a/manifests/v1";
  assert.deepEqual(await requestsOf(registry, "a:v1", image), [
    ...plan,
    ...["TOP", "BOTTOM", "CONFIG"].flatMap(upload),
    manifest,
  ]);
  assert.deepEqual(await requestsOf(registry, "a:v1", image), [...plan, manifest]);
});

test("B172 as many requests fewer as there are blobs, but one; none more where no plan is taken", async () => {
  const layers = Array.from({ length: 20 }, (_, i) => noise(100, i + 1));
  const many = testImage(layers);
  const counts = await Promise.all(
    [true, false].map(async (extensions) => {
      await using registry = await serve(extensions);
      const first = await requestsOf(registry, "a:v1", many);
      const again = await requestsOf(registry, "a:v1", many);
      return [first.length, again.length];
    }),
  );
  assert.deepEqual(counts, [
    [1 + 1 + 21 * 4 + 1, 3],
    [1 + 21 * 5 + 1, 1 + 21 + 1],
  ]);
});

test("B172 a planned mount needs no further question", async () => {
  await using registry = await serve(true);
  for (const blob of image.blobs) await seedBlob(registry, "b", blob);
  const seenAt = image.blobs.map((blob) => [{ digest: digestOf(blob), repository: `${registry.address}/b` }]);
  const layers = image.layers.map((layer, i) => ({ ...layer, seenAt: seenAt[i]! }));
  const requests = await requestsOf(registry, "a:v1", { ...image, layers });
  assert.deepEqual(requests.slice(0, 4), [
    "GET /v2/",
    "POST /v2/a/_varve/plan",
    "POST /v2/a/blobs/uploads/",
    "POST /v2/a/blobs/uploads/",
  ]);
  assert.deepEqual(requests.slice(4), [...upload("CONFIG"), "PUT /v2/a/manifests/v1"]);
});

test("B172 a blob that the registry has anywhere is mounted from there", async () => {
  await using registry = await serve(true);
  await seedBlob(registry, "b", image.blobs[0] as Uint8Array);
  // The registry has forgotten where.
  await fetch(`http://${registry.address}/v2/b/blobs/${bottom}`, { method: "DELETE" });
  const requests = await requestsOf(registry, "a:v1", image);
  assert.deepEqual(requests.slice(2, 7), [...upload("TOP"), "POST /v2/a/blobs/uploads/"]);
  assert.deepEqual(requests.slice(7), [...upload("CONFIG"), "PUT /v2/a/manifests/v1"]);
});

test("B172 an image whose layers must be compressed first is planned as far as it is known", async () => {
  await using registry = await serve(true);
  const layers = image.layers.map(({ blob, ...layer }) => ({ ...layer, compress: async () => blob! }));
  const requests = await requestsOf(registry, "a:v1", { ...withoutManifest(image), layers });
  const [, plan] = requests;
  assert.equal(plan, "POST /v2/a/_varve/plan");
  assert.equal(requests.filter((line) => line === "HEAD /v2/a/blobs/TOP").length, 2);
  assert.equal(requests.filter((line) => line === "HEAD /v2/a/blobs/CONFIG").length, 1);
});

test("B172 a push beyond the quota, or over an immutable tag, ends before anything is sent", async () => {
  const keys = {
    storage: "inmemory",
    http: { addr: "127.0.0.1:0" },
    quota: { limits: [{ repositories: "full/**", bytes: 40_000 }] },
    policy: { immutable: [{ repositories: ["a"], tags: ["v*"] }] },
  };
  const lines: string[] = [];
  const config = await readConfig({ environment: {}, overrides: keys });
  const server = await startServer(config, (line) => void lines.push(line));
  await using stack = new AsyncDisposableStack();
  stack.defer(() => server.stop(AbortSignal.abort()));
  const { address } = server;
  const quota =
    /^denied: quota of repositories full\/\*\* exceeded: limit 39.06 KiB, used 0 B, wanted 4\d\.\d+ KiB$/;
  await assert.rejects(push(address, "full/b:v1", image), failure("denied", quota));
  const sending = (from: number) =>
    lines.slice(from).filter((line) => / method=PATCH | method=PUT /.test(line));
  assert.deepEqual(sending(0), []);
  const { digest } = await push(address, "a:v1", image);
  assert.equal(sending(0).length, 7);
  assert.equal((await push(address, "a:v1", image)).digest, digest);
  const other = testImage([noise(100, 9)]);
  const immutable = `denied: tag v1 of a is immutable: it leads to ${digest}`;
  const sent = lines.length;
  await assert.rejects(push(address, "a:v1", other), failure("denied", immutable));
  assert.deepEqual(sending(sent), []);
});

test("B172 a registry whose plan makes no sense, or that takes none now, is pushed to as any other", async () => {
  for (const body of ["<html>", "{}", '{"blobs":[null,{"digest":"x"},{"digest":1}]}', undefined]) {
    await using registry = await serveRegistry({
      storage: "memory",
      extensions: true,
      faults: ({ path }) =>
        path.endsWith("/plan")
          ? { kind: "answer", status: body === undefined ? 404 : 200, body: body ?? "" }
          : undefined,
    });
    await push(registry.address, "a:v1", image);
    assert.equal(registry.requests.filter(({ method }) => method === "HEAD").length, 6);
  }
});
