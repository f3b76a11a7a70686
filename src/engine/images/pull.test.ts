import assert from "node:assert/strict";
import { test } from "node:test";
import {
  engineFixture,
  makeImage,
  named,
  signal,
  type EngineFixture,
} from "../../../test/support/engine_fixture.ts";
import { unlessLinux } from "../../../test/suites/scratch.ts";
import { digestOf, hostPlatform, mediaTypes } from "../../oci/index.ts";
import { serveRegistry, type RunningRegistry } from "../../registry/index.ts";
import type { StoredImage } from "../../store/index.ts";

const skip = unlessLinux;

/** What was asked since `from`, digests by the names that `known` gives them. */
function requests(
  registry: RunningRegistry,
  from: number,
  known: Readonly<Record<string, string>> = {},
): string[] {
  return registry.requests
    .slice(from)
    .map(
      ({ method, path }) =>
        `${method} ${Object.entries(known).reduce((text, [id, name]) => text.replace(id, name), path)}`,
    );
}

async function publish(publisher: EngineFixture, name: string, text: string): Promise<StoredImage> {
  const image = await makeImage(publisher, { names: [name], files: { text } });
  await publisher.engine.images.push(name, { signal });
  return image;
}

test(
  "B112 B114 B123 pull asks no more than it must: first, again, and after the tag has moved",
  { skip },
  async () => {
    using publisher = await engineFixture();
    using user = await engineFixture();
    await using registry = await serveRegistry({ storage: "memory" });
    const name = `${registry.address}/a:1`;
    const first = await publish(publisher, name, "one");
    const pull = () => user.engine.images.pull(name, { signal });
    let from = registry.requests.length;
    const lines: string[] = [];
    const pulled = await user.engine.images.pull(name, {
      signal,
      report: ({ id, status }) => lines.push(`${id}: ${status}`),
    });
    assert.equal(lines[0], "1: Pulling from a");
    assert.deepEqual([pulled.imageId, pulled.upToDate], [first.id, false]);
    const blob = (await publisher.engine.store.blobs.list())[0]?.digest as string;
    const known = { [pulled.digest]: "MANIFEST", [first.id]: "CONFIG", [blob]: "LAYER" };
    assert.deepEqual(requests(registry, from, known), [
      "GET /v2/",
      "HEAD /v2/a/manifests/1",
      "GET /v2/a/manifests/MANIFEST",
      "GET /v2/a/blobs/CONFIG",
      "GET /v2/a/blobs/LAYER",
    ]);

    from = registry.requests.length;
    assert.deepEqual(await pull(), { ...pulled, upToDate: true, bytesFetched: 0 });
    assert.deepEqual(requests(registry, from), ["GET /v2/", "HEAD /v2/a/manifests/1"]);

    const second = await publish(publisher, name, "two");
    from = registry.requests.length;
    const moved = await pull();
    assert.deepEqual([moved.imageId, moved.upToDate], [second.id, false]);
    const asked = requests(registry, from, { [moved.digest]: "MANIFEST" });
    assert.deepEqual(asked.slice(0, 3), [
      "GET /v2/",
      "HEAD /v2/a/manifests/1",
      "GET /v2/a/manifests/MANIFEST",
    ]);
    assert.equal(asked.length, 5);
    assert.deepEqual(await user.engine.store.names.namesOf(first.id), [
      named(`${registry.address}/a@${pulled.digest}`),
    ]);
  },
);

test(
  "B114 B123 an image that came by another way is up to date once its digest is known",
  { skip },
  async () => {
    using publisher = await engineFixture();
    using user = await engineFixture();
    await using registry = await serveRegistry({ storage: "memory" });
    const name = `${registry.address}/a:1`;
    const image = await publish(publisher, name, "one");
    await user.engine.images.load(await publisher.engine.images.save([name], { signal }), { signal });
    const from = registry.requests.length;
    const pulled = await user.engine.images.pull(name, { signal });
    assert.deepEqual([pulled.imageId, pulled.upToDate, pulled.bytesFetched], [image.id, true, 0]);
    assert.deepEqual(requests(registry, from, { [pulled.digest]: "MANIFEST" }), [
      "GET /v2/",
      "HEAD /v2/a/manifests/1",
      "GET /v2/a/manifests/MANIFEST",
    ]);
    assert.deepEqual(
      await user.engine.store.names.get(named(`${registry.address}/a@${pulled.digest}`)),
      image.id,
    );
  },
);

test(
  "by digest: a tag beside it means nothing, and what is here is not asked for again",
  { skip },
  async () => {
    using publisher = await engineFixture();
    using user = await engineFixture();
    await using registry = await serveRegistry({ storage: "memory" });
    const image = await publish(publisher, `${registry.address}/a:1`, "one");
    const { digest } = (await publisher.engine.store.names.namesOf(image.id)).find(
      (name) => name.digest !== undefined,
    ) as { digest: string };
    const name = `${registry.address}/a:other@${digest}`;
    await user.engine.images.pull(name, { signal });
    assert.deepEqual([...(await user.engine.store.names.all()).keys()], [`${registry.address}/a@${digest}`]);
    const from = registry.requests.length;
    assert.equal((await user.engine.images.pull(name, { signal })).upToDate, true);
    assert.deepEqual(requests(registry, from), []);
  },
);

test("B113 after another platform was pulled, the host's is pulled all the same", { skip }, async () => {
  using publisher = await engineFixture();
  using user = await engineFixture();
  await using registry = await serveRegistry({ storage: "memory" });
  const repository = `${registry.address}/multi`;
  const host = hostPlatform();
  const manifests: object[] = [];
  const ids = new Map<string, string>();
  for (const architecture of [host.architecture, "s390x"]) {
    const name = `${repository}:${architecture}`;
    const image = await makeImage(publisher, {
      names: [name],
      files: { architecture },
      edit: (config) => void (config.architecture = architecture),
    });
    const { digest, size } = await publisher.engine.images.push(name, { signal });
    ids.set(architecture, image.id);
    manifests.push({
      mediaType: mediaTypes.dockerManifest,
      digest,
      size,
      platform: { os: "linux", architecture },
    });
  }
  const index = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests }));
  const put = await fetch(`http://${registry.address}/v2/multi/manifests/1`, {
    method: "PUT",
    body: index,
    headers: { "content-type": mediaTypes.ociIndex },
  });
  assert.equal(put.status, 201);
  const pull = (platform?: string) =>
    user.engine.images.pull(`${repository}:1`, {
      signal,
      ...(platform !== undefined && { platform: { os: "linux", architecture: platform } }),
    });
  const other = await pull("s390x");
  assert.deepEqual([other.imageId, other.digest], [ids.get("s390x"), digestOf(index)]);
  const mine = await pull();
  assert.deepEqual(
    [mine.imageId, mine.upToDate, mine.digest],
    [ids.get(host.architecture), false, digestOf(index)],
  );
  const from = registry.requests.length;
  assert.equal((await pull()).upToDate, true);
  assert.deepEqual(requests(registry, from), ["GET /v2/", "HEAD /v2/multi/manifests/1"]);
  await assert.rejects(pull("riscv64"), {
    kind: "unsupported",
    message: "no matching manifest for linux/riscv64 in the manifest list entries",
  });
});

test("B118 a pull that fails leaves names and images as they were", { skip }, async () => {
  using publisher = await engineFixture();
  using user = await engineFixture();
  let broken = false;
  await using registry = await serveRegistry({
    storage: "memory",
    faults: ({ method, path }) =>
      broken && method === "GET" && path.includes("/blobs/") ? { kind: "answer", status: 404 } : undefined,
  });
  const name = `${registry.address}/a:1`;
  const image = await publish(publisher, name, "one");
  await user.engine.images.pull(name, { signal });
  const before = [...(await user.engine.store.names.all())];
  await publish(publisher, name, "two");
  broken = true;
  await assert.rejects(user.engine.images.pull(name, { signal }));
  assert.deepEqual([...(await user.engine.store.names.all())], before);
  assert.deepEqual(await user.engine.store.images.list(), [image.id]);
  await assert.rejects(user.engine.images.pull(`${registry.address}/none`, { signal }), {
    kind: "not-found",
    message: `manifest for ${registry.address}/none:latest not found: manifest unknown: manifest unknown`,
  });
});

test("as many layers are fetched at once as the operator says", { skip }, async () => {
  using publisher = await engineFixture();
  using user = await engineFixture();
  const all = Promise.withResolvers<void>();
  let waiting = 0;
  let config = "";
  await using registry = await serveRegistry({
    storage: "memory",
    faults: async ({ method, path }) => {
      if (method !== "GET" || !path.includes("/blobs/") || path.endsWith(config)) return undefined;
      // None is answered before all are asked for: more than Docker would ask for.
      waiting += 1;
      if (waiting === 5) all.resolve();
      await all.promise;
      return undefined;
    },
  });
  const name = `${registry.address}/tall:1`;
  let base: StoredImage | undefined;
  for (const text of ["1", "2", "3", "4", "5"])
    base = await makeImage(publisher, { names: [name], files: { [text]: text }, ...(base && { base }) });
  config = String(base?.id);
  await publisher.engine.images.push(name, { signal });
  user.engine.reachRegistries({ concurrentDownloads: 5 });
  assert.equal((await user.engine.images.pull(name, { signal })).imageId, base?.id);
});
