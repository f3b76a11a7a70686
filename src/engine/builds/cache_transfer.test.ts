/** `--cache-to` and `--cache-from`, with our registry and with the distribution project's. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { suite, test } from "node:test";
import { sampleLayer } from "../../../test/fixtures/sample_image.ts";
import { scratch, unlessLinux } from "../../../test/suites/scratch.ts";
import {
  engineFixture,
  makeImage,
  signal,
  type EngineFixture,
} from "../../../test/support/engine_fixture.ts";
import type { BuildResult } from "../../build/index.ts";
import { fromBytes } from "../../bytes/index.ts";
import { addLayer } from "../../image/index.ts";
import { chainIds, digestOf, type Digest } from "../../oci/index.ts";
import { serveRegistry } from "../../registry/index.ts";
import { openBuildCache, withSession, type CacheRecord } from "../../store/index.ts";
import { exportCacheOf, importCaches } from "./cache_transfer.ts";
import { parseCacheFrom, parseCacheTo } from "./flags/parse_cache.ts";

const created = "2026-01-01T00:00:00Z";

interface Built {
  readonly result: Pick<BuildResult, "image" | "steps">;
  /** The image's step, and one of a stage that the image has not. */
  readonly own: CacheRecord;
  readonly other: CacheRecord;
}

async function build(builder: EngineFixture): Promise<Built> {
  const { store } = builder.engine;
  const image = await makeImage(builder, { files: { app: "app" } });
  const chain = chainIds(image.config.rootfs.diff_ids ?? [])[0]!;
  const { diffId, size } = (await store.layers.get(chain))!;
  const row = { description: "COPY app /", created, kind: "copy" };
  const own = { key: digestOf("own"), top: chain, layer: { diffId, chainId: chain, size }, ...row };
  await openBuildCache(store).put(own);
  const other = await withSession(store, async (session): Promise<CacheRecord> => {
    const { tar } = await sampleLayer({ compiler: "large" });
    const layer = await addLayer(store, session, undefined, fromBytes(tar), signal);
    const { chainId, diffId, size } = layer;
    const record = { key: digestOf("other"), top: chainId, layer: { diffId, chainId, size }, ...row };
    await openBuildCache(store).put(record);
    return record;
  });
  const steps = [own, other].map(({ layer }) => ({ layer })) as unknown as BuildResult["steps"];
  return { result: { image, steps }, own, other };
}

const noWarning = (message: string): void => assert.fail(message);

async function exported(builder: EngineFixture, { result }: Built, to: string): Promise<void> {
  const { engine } = builder;
  const options = { signal, onWarning: noWarning };
  await exportCacheOf(engine.store, () => engine.remote(), result, parseCacheTo(to), options);
}

/** What another machine gets for a step. */
async function taken(user: EngineFixture, from: string, ...keys: Digest[]) {
  const { engine } = user;
  const options = { signal, onWarning: noWarning };
  const cache = await importCaches(engine.store, () => engine.remote(), [parseCacheFrom(from)], options);
  return withSession(engine.store, async (session) => {
    const found: (CacheRecord | undefined)[] = [];
    for (const key of keys) found.push(await cache?.take(key, session, signal));
    return found;
  });
}

const dockerRegistry = ["/usr/bin", "/usr/local/bin"].some((folder) =>
  existsSync(join(folder, "docker-registry")),
);

/** The distribution project's, on a free port. */
async function startDockerRegistry(
  directory: string,
): Promise<AsyncDisposable & { readonly address: string }> {
  const config = join(directory, "registry.yml");
  const storage = `storage:\n  filesystem:\n    rootdirectory: ${join(directory, "data")}\n`;
  writeFileSync(config, `version: 0.1\n${storage}http:\n  addr: 127.0.0.1:0\n`);
  const child = spawn("docker-registry", ["serve", config], { stdio: ["ignore", "pipe", "pipe"] });
  const listening = Promise.withResolvers<string>();
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on("line", (line) => {
      const address = /listening on (127\.0\.0\.1:\d+)/.exec(line)?.[1];
      if (address !== undefined) listening.resolve(address);
    });
  }
  const closed = once(child, "close");
  void closed.then(() => listening.reject(new Error("docker-registry ended")));
  return {
    address: await listening.promise,
    [Symbol.asyncDispose]: async () => {
      child.kill();
      await closed;
    },
  };
}

async function roundTrip(address: string): Promise<void> {
  using builder = await engineFixture();
  using user = await engineFixture();
  using another = await engineFixture();
  const built = await build(builder);
  const keys = [built.own.key, built.other.key] as const;
  await exported(builder, built, `type=registry,ref=${address}/cache:min`);
  await exported(builder, built, `type=registry,ref=${address}/cache:max,mode=max`);
  const min = await taken(user, `type=registry,ref=${address}/cache:min`, ...keys);
  assert.deepEqual(min, [built.own, undefined]);
  const max = await taken(another, `type=registry,ref=${address}/cache:max`, ...keys);
  assert.deepEqual(max, [built.own, built.other]);
  // A cache is not an image, and says so.
  await assert.rejects(user.engine.images.pull(`${address}/cache:min`, { signal }), { kind: "unsupported" });
}

suite("--cache-to and --cache-from", { skip: unlessLinux }, () => {
  test("by way of our registry", async () => {
    await using registry = await serveRegistry({ storage: "memory" });
    await roundTrip(registry.address);
  });

  test(
    "by way of docker-registry",
    { skip: dockerRegistry ? false : "docker-registry is not installed" },
    async () => {
      using folder = scratch("registry");
      await using registry = await startDockerRegistry(folder.path);
      await roundTrip(registry.address);
    },
  );

  test("by way of a directory, twice into the same", async () => {
    using folder = scratch("cache");
    using builder = await engineFixture();
    using user = await engineFixture();
    const built = await build(builder);
    const keys = [built.own.key, built.other.key] as const;
    const directory = join(folder.path, "cache");
    await exported(builder, built, `type=local,dest=${directory}`);
    await exported(builder, built, `type=local,dest=${directory},mode=max`);
    assert.deepEqual(await taken(user, `type=local,src=${directory}`, ...keys), [built.own, built.other]);
  });

  test("layers that are here are not fetched", async () => {
    await using registry = await serveRegistry({ storage: "memory" });
    using builder = await engineFixture();
    using user = await engineFixture();
    const built = await build(builder);
    await exported(builder, built, `type=registry,ref=${registry.address}/cache:1`);
    await build(user);
    await openBuildCache(user.engine.store).remove([built.own.key]);
    const from = registry.requests.length;
    assert.deepEqual(await taken(user, `${registry.address}/cache:1`, built.own.key), [built.own]);
    const blobs = registry.requests.slice(from).filter(({ path }) => path.includes("/blobs/"));
    assert.equal(blobs.length, 1, "its config alone");
  });

  test("B076: a build takes from elsewhere what another machine has built", async () => {
    await using registry = await serveRegistry({ storage: "memory" });
    using folder = scratch("cache");
    const context = join(folder.path, "context");
    mkdirSync(context);
    writeFileSync(
      join(context, "Dockerfile"),
      "FROM scratch AS one\nCOPY a /a\nFROM scratch\nCOPY b /b\nWORKDIR /new\nCOPY --from=one /a /two\n",
    );
    for (const name of ["a", "b"]) writeFileSync(join(context, name), name);
    using builder = await engineFixture();
    using user = await engineFixture();
    using other = await engineFixture();
    const place = `${registry.address}/cache`;
    const cacheTo = [`${place}:min`, `type=registry,ref=${place}:max,mode=max`].map(parseCacheTo);
    const onWarning = noWarning;
    const built = await builder.engine.builds.build({ context, cacheTo, signal, onWarning });
    const outcomes = async ({ engine }: EngineFixture, from: string) => {
      const cacheFrom = [parseCacheFrom(from)];
      const again = await engine.builds.build({ context, cacheFrom, signal, onWarning });
      assert.deepEqual(again.image.config.rootfs, built.image.config.rootfs);
      assert.deepEqual(await engine.system.check({ deep: true }), []);
      return again.steps.flatMap(({ cache }) => (cache === undefined ? [] : [cache.hit && cache.from]));
    };
    assert.deepEqual(await outcomes(user, `${place}:min`), [false, "imported", "imported", "imported"]);
    assert.deepEqual(await outcomes(other, `${place}:max`), ["imported", "imported", "imported", "imported"]);
    assert.deepEqual(await outcomes(other, `${place}:max`), ["local", "local", "local", "local"]);
  });

  test("an image brings the cache of its own steps, and is the same image each time", async () => {
    await using registry = await serveRegistry({ storage: "memory" });
    using folder = scratch("cache");
    const context = join(folder.path, "context");
    mkdirSync(context);
    const text = "FROM scratch AS one\nCOPY a /a\nFROM scratch\nCOPY a /b\nCOPY --from=one /a /two\n";
    writeFileSync(join(context, "Dockerfile"), text);
    writeFileSync(join(context, "a"), "a");
    using builder = await engineFixture();
    using user = await engineFixture();
    const name = `${registry.address}/app:1`;
    const request = { context, sourceDateEpoch: 1_700_000_000, signal, onWarning: noWarning };
    const inline = { ...request, tags: [name], push: true, cacheTo: [parseCacheTo("type=inline")] };
    const { image } = await builder.engine.builds.build(inline);
    assert.equal((await builder.engine.builds.build(inline)).image.id, image.id);
    const again = await user.engine.builds.build({
      ...inline,
      push: false,
      cacheFrom: [parseCacheFrom(name)],
    });
    assert.equal(again.image.id, image.id);
    const outcomes = again.steps.flatMap(({ cache }) =>
      cache === undefined ? [] : [cache.hit && cache.from],
    );
    assert.deepEqual(outcomes, [false, "imported", "imported"]);
    const { image: plain } = await builder.engine.builds.build(request);
    assert.notEqual(plain.id, image.id);
    assert.deepEqual(plain.config.rootfs, image.config.rootfs);
  });

  test("a place without a cache is warned of, and the build goes on", async () => {
    await using registry = await serveRegistry({ storage: "memory" });
    using user = await engineFixture();
    const { store } = user.engine;
    const warnings: string[] = [];
    const options = { signal, onWarning: (message: string) => void warnings.push(message) };
    const remote = () => user.engine.remote();
    const places = [`${registry.address}/none:1`, "type=local,src=/nonexistent-varve-test"].map(
      parseCacheFrom,
    );
    assert.equal(await importCaches(store, remote, places, options), undefined);
    assert.equal(warnings.length, 2);
    assert.match(warnings[1]!, /^cache of \/nonexistent-varve-test is not used: no build cache in /);
  });

  test("a place that cannot be written fails, or with ignore-error is warned of", async () => {
    using builder = await engineFixture();
    const built = await build(builder);
    const { engine } = builder;
    await using registry = await serveRegistry({
      storage: "memory",
      faults: ({ method }) => (method === "POST" ? { kind: "answer", status: 403 } : undefined),
    });
    const to = `type=registry,ref=${registry.address}/cache:1`;
    await assert.rejects(exported(builder, built, to));
    const warnings: string[] = [];
    const onWarning = (message: string): void => void warnings.push(message);
    const destination = parseCacheTo(`${to},ignore-error=true`);
    await exportCacheOf(engine.store, () => engine.remote(), built.result, destination, {
      signal,
      onWarning,
    });
    assert.match(warnings.join(), /^cache is not exported to 127\.0\.0\.1:\d+\/cache:1: /);
  });
});
