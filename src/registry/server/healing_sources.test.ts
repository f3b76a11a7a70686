/** Damaged blobs from elsewhere, and from the next push. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import {
  manifestOf,
  pushBlob,
  pushSmallImage,
  putManifest,
  rawRequest,
  serveOn,
  type ServedRegistry,
} from "../../../test/suites/registry_requests.ts";
import { digestOf, type Digest } from "../../oci/index.ts";
import { fsck } from "../gc/fsck/fsck.ts";
import { findingText } from "../gc/fsck/finding.ts";
import { memoryStorage } from "../storage/memory.ts";
import type { StorageDriver } from "../storage/types.ts";
import { paths } from "../tree.ts";
import { readConfig } from "./config/read_config.ts";
import { HealingSources } from "./healing_sources.ts";

const config = digestOf("{}");
const manifest = digestOf(manifestOf(config));

interface Damaged extends AsyncDisposable {
  readonly storage: StorageDriver;
  readonly served: ServedRegistry;
}

/** A registry with an image of which these are not what they were. */
async function damaged(...digests: Digest[]): Promise<Damaged> {
  const storage = memoryStorage();
  const served = await serveOn({ storage });
  await pushSmallImage(served.origin, "team/app", "v1");
  for (const digest of digests) await storage.write(paths.blob(digest), Buffer.from("rotten"));
  return { storage, served, [Symbol.asyncDispose]: () => served[Symbol.asyncDispose]() };
}

async function repair(storage: StorageDriver, keys: Record<string, unknown>, mirrors: string[] = []) {
  const problems: string[] = [];
  const overrides = { storage: "inmemory", ...keys };
  const settings = await readConfig({ environment: {}, overrides });
  await using sources = new HealingSources(settings, (text) => void problems.push(text), mirrors);
  const found = await Array.fromAsync(fsck(storage, { repair: true, fetchBlob: sources.fetchBlob }));
  return { found: found.map((finding) => findingText(finding).replace(/ docker.*/, "")), problems };
}

const statusOf = async ({ served }: Damaged, path: string) =>
  (await rawRequest(served.origin, "HEAD", `/v2/team/app/${path}`)).status;

test("blobs and manifests are healed from a mirror, another one if the first has something else", async () => {
  await using registry = await damaged(config, manifest);
  await using good = await serveOn({ storage: memoryStorage() });
  await pushSmallImage(good.origin, "team/app", "other-tag");
  // It has the same names, and is damaged as well.
  await using bad = await damaged(config);
  const upstreams = [{ remoteurl: bad.served.origin }, { remoteurl: good.origin }];
  const { found, problems } = await repair(registry.storage, { fsck: { upstreams } });
  assert.deepEqual(found, ["healed: corrupt blob", "healed: corrupt blob"]);
  assert.deepEqual(problems, []);
  const pulled = await fetch(`${registry.served.origin}/v2/team/app/manifests/v1`);
  assert.deepEqual(Buffer.from(await pulled.arrayBuffer()), manifestOf(config));
  assert.equal(await (await fetch(`${registry.served.origin}/v2/team/app/blobs/${config}`)).text(), "{}");
});

test("a mirror that does not answer is told of, and heals nothing; the next push does", async () => {
  await using registry = await damaged(config, manifest);
  const gone = await serveOn({ storage: memoryStorage() });
  await gone[Symbol.asyncDispose]();
  assert.equal(await statusOf(registry, `blobs/${config}`), 200, "nobody has looked yet");
  const { found, problems } = await repair(registry.storage, {}, [gone.origin]);
  assert.deepEqual(found, ["set aside: corrupt blob", "set aside: corrupt blob"]);
  assert.match(problems[0] ?? "", new RegExp(new URL(gone.origin).host));
  for (const path of [`blobs/${config}`, "manifests/v1", `manifests/${manifest}`])
    assert.equal(await statusOf(registry, path), 404, path);
  // As a client pushes: what HEAD says is there is not sent.
  const { origin } = registry.served;
  await pushBlob(origin, "team/app", "{}");
  assert.equal((await putManifest(origin, "team/app", "v1", manifestOf(config))).status, 201);
  assert.equal(await (await fetch(`${origin}/v2/team/app/blobs/${config}`)).text(), "{}");
  assert.deepEqual((await repair(registry.storage, {})).found, []);
});

test("a copy is healed from its own upstream, under the name that it has there", async () => {
  const storage = memoryStorage();
  await using served = await serveOn({ storage });
  await pushSmallImage(served.origin, "hub/team/app", "v1");
  await using upstream = await serveOn({ storage: memoryStorage() });
  await pushSmallImage(upstream.origin, "team/app", "v1");
  for (const digest of [config, manifest]) await storage.write(paths.blob(digest), Buffer.from("rotten"));
  const proxy = { upstreams: [{ prefix: "hub", remoteurl: upstream.origin }] };
  const { found } = await repair(storage, { proxy });
  assert.deepEqual(found, ["healed: corrupt blob", "healed: corrupt blob"]);
});

test("a source that breaks off is told of, and the next one is asked", async () => {
  await using registry = await damaged(config);
  const broken = createServer((_, response) => {
    response.writeHead(200, { "Content-Type": "application/octet-stream" });
    response.write("{", () => response.destroy());
  });
  broken.listen(0, "127.0.0.1");
  await once(broken, "listening");
  using _ = { [Symbol.dispose]: () => void broken.close() };
  const first = `http://127.0.0.1:${(broken.address() as AddressInfo).port}`;
  await using good = await serveOn({ storage: memoryStorage() });
  await pushSmallImage(good.origin, "team/app", "v1");
  const { found, problems } = await repair(registry.storage, {}, [first, good.origin]);
  assert.deepEqual(found, ["healed: corrupt blob"]);
  assert.ok(problems.length > 0);
});
