/**
 * Each call of the storage fails once, before it has done its work, in the middle, and after: the client gets the right
 * status, nobody sees anything that is half done, and the same requests again succeed.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { faultyDriver, type StorageFault } from "../../test/suites/faulty_driver.ts";
import {
  manifestOf,
  pushBlob,
  pushSmallImage,
  putManifest,
  serveOn,
} from "../../test/suites/registry_requests.ts";
import { scratch, unlessAll } from "../../test/suites/scratch.ts";
import { digestOf, mediaTypes, type Digest, type Manifest } from "../oci/index.ts";
import { filesystemStorage } from "./storage/filesystem.ts";
import { memoryStorage } from "./storage/memory.ts";

const layer = "0123456789".repeat(500);
const config = digestOf("{}");
const subject = digestOf("subject");
const image = JSON.parse(manifestOf(config, { subject }).toString()) as Manifest;
const layers = [{ mediaType: mediaTypes.ociLayerTar, digest: digestOf(layer), size: layer.length }];
const manifest = Buffer.from(JSON.stringify({ ...image, layers }));
const octets = { "Content-Type": "application/octet-stream" };

/** The server could not, and said so. */
class Refused extends Error {}

const brokenOff = "broken off";

/** @throws Refused for 503 UNAVAILABLE, or a blob that broke off; whatever else was not wanted fails the test */
async function ask(url: string, wanted: readonly number[], init: RequestInit = {}): Promise<Response> {
  const isBlob = init.method === undefined && url.includes("/blobs/");
  const cut = (error: unknown): never => {
    throw isBlob ? new Refused(brokenOff) : error;
  };
  const answer = await fetch(url, init).catch(cut);
  const body = await answer.arrayBuffer().catch(cut);
  if (answer.status === 503) {
    const { errors } = JSON.parse(Buffer.from(body).toString() || '{"errors":[]}') as {
      errors: { code: string }[];
    };
    if (init.method !== "HEAD")
      assert.deepEqual(
        errors.map(({ code }) => code),
        ["UNAVAILABLE"],
      );
    throw new Refused("503");
  }
  const what = `${init.method ?? "GET"} ${url}: ${answer.status} ${Buffer.from(body).toString()}`;
  assert.ok(wanted.includes(answer.status), what);
  return new Response(wanted[0] === 204 ? null : body, { headers: answer.headers });
}

async function pushInChunks(origin: string): Promise<void> {
  const begun = await ask(`${origin}/v2/x/blobs/uploads/`, [202], { method: "POST" });
  const url = begun.headers.get("location") as string;
  for (const at of [0, 2000]) {
    const body = layer.slice(at, at + 2000);
    const headers = { ...octets, "Content-Range": `${at}-${at + 1999}` };
    await ask(url, [202], { method: "PATCH", body, headers });
  }
  const rest = { method: "PUT", body: layer.slice(4000), headers: octets };
  await ask(`${url}?digest=${digestOf(layer)}`, [201], rest);
}

/** A client that asks how far it got whenever something fails, and begins anew when nobody knows its session. */
async function pushAndResume(origin: string): Promise<void> {
  const digest = digestOf(layer);
  const again = async <T>(act: () => Promise<T>): Promise<T> => {
    try {
      return await act();
    } catch (error) {
      assert.ok(error instanceof Refused);
      return act();
    }
  };
  const begun = await again(() => ask(`${origin}/v2/x/blobs/uploads/`, [202], { method: "POST" }));
  const url = begun.headers.get("location") as string;
  const go = async () => {
    const state = await fetch(url);
    if (state.status === 404) return ask(`${origin}/v2/x/blobs/${digest}`, [200], { method: "HEAD" });
    if (state.status === 503) throw new Refused("503");
    const [, end] = /^0-(\d+)$/.exec(state.headers.get("range") ?? "") as unknown as [string, string];
    const at = end === "0" ? 0 : Number(end) + 1;
    const headers = { ...octets, "Content-Range": `${at}-${layer.length - 1}` };
    if (at < layer.length) await ask(url, [202], { method: "PATCH", body: layer.slice(at), headers });
    return ask(`${url}?digest=${digest}`, [201], { method: "PUT" });
  };
  await again(go);
}

const pushWhole = async (origin: string): Promise<void> => {
  const url = `${origin}/v2/x/blobs/uploads/?digest=${digestOf(layer)}`;
  await ask(url, [201], { method: "POST", body: layer });
};

async function pushManifest(origin: string): Promise<void> {
  const headers = { "Content-Type": mediaTypes.ociManifest };
  await ask(`${origin}/v2/x/manifests/t`, [201], { method: "PUT", body: manifest, headers });
}

async function pull(origin: string): Promise<void> {
  const repository = `${origin}/v2/x`;
  await ask(`${repository}/tags/list`, [200]);
  await ask(`${origin}/v2/_catalog`, [200]);
  const referrers = await (await ask(`${repository}/referrers/${subject}`, [200])).text();
  assert.match(referrers, new RegExp(digestOf(manifest)));
  await ask(`${repository}/manifests/t`, [200], { method: "HEAD" });
  const got = await ask(`${repository}/manifests/t`, [200]);
  assert.deepEqual(Buffer.from(await got.arrayBuffer()), manifest);
  await ask(`${repository}/blobs/${digestOf(layer)}`, [200], { method: "HEAD" });
  assert.equal(await (await ask(`${repository}/blobs/${digestOf(layer)}`, [200])).text(), layer);
}

async function prepareBlobs(origin: string): Promise<void> {
  for (const bytes of ["{}", layer]) await pushBlob(origin, "x", bytes);
}

/** `t`, and `u` that leads to the same manifest. */
async function prepareImage(origin: string): Promise<void> {
  await prepareBlobs(origin);
  await pushManifest(origin);
  assert.equal((await putManifest(origin, "x", "u", manifest)).status, 201);
}

const remove =
  (path: string) =>
  async (origin: string): Promise<void> => {
    // What is gone already, is gone.
    await ask(`${origin}/v2/x/${path}`, [202, 404], { method: "DELETE" });
  };
const mount = async (origin: string): Promise<void> => {
  const query = `mount=${digestOf(layer)}&from=x`;
  await ask(`${origin}/v2/y/blobs/uploads/?${query}`, [201], { method: "POST" });
};

interface Scenario {
  readonly prepare?: (origin: string) => Promise<unknown>;
  readonly act: (origin: string) => Promise<void>;
  /** On files: blobs are sent another way. Else in memory. */
  readonly onDisk?: true;
  /** Paths below `/v2/` with what they answer in the end. */
  readonly ends: Readonly<Record<string, number>>;
}

const blob = `blobs/${digestOf(layer)}`;
const byDigest = `manifests/${digestOf(manifest)}`;
const scenarios: Readonly<Record<string, Scenario>> = {
  "push in chunks": { act: pushInChunks, ends: { [`x/${blob}`]: 200 } },
  "push, resumed": { act: pushAndResume, ends: { [`x/${blob}`]: 200 } },
  "push in one request": { act: pushWhole, ends: { [`x/${blob}`]: 200 } },
  "push of a manifest": { prepare: prepareBlobs, act: pushManifest, ends: { "x/manifests/t": 200 } },
  "push over a tag": {
    prepare: async (origin) => {
      await prepareBlobs(origin);
      await pushSmallImage(origin, "x", "t");
    },
    act: pushManifest,
    ends: { "x/manifests/t": 200 },
  },
  mount: { prepare: (origin) => pushBlob(origin, "x", layer), act: mount, ends: { [`y/${blob}`]: 200 } },
  pull: { prepare: prepareImage, act: pull, ends: { "x/manifests/t": 200 } },
  "pull of files": { onDisk: true, prepare: prepareImage, act: pull, ends: { "x/manifests/t": 200 } },
  "delete of a tag": {
    prepare: prepareImage,
    act: remove("manifests/t"),
    ends: { "x/manifests/t": 404, "x/manifests/u": 200 },
  },
  "delete of a manifest": {
    prepare: prepareImage,
    act: remove(byDigest),
    ends: { "x/manifests/t": 404, "x/manifests/u": 404, [`x/${byDigest}`]: 404 },
  },
  "delete of a blob": {
    prepare: (origin) => pushBlob(origin, "x", layer),
    act: remove(blob),
    ends: { [`x/${blob}`]: 404 },
  },
};

/** Asserts that all that is listed is there, whole. */
async function assertWhole(origin: string): Promise<void> {
  const whole = async (url: string, digest: string | null): Promise<Buffer> => {
    const answer = await fetch(url);
    assert.equal(answer.status, 200, url);
    const bytes = Buffer.from(await answer.arrayBuffer());
    assert.equal(digestOf(bytes), digest ?? answer.headers.get("docker-content-digest"), url);
    return bytes;
  };
  for (const name of ["x", "y"]) {
    const base = `${origin}/v2/${name}`;
    const { tags = [] } = (await (await fetch(`${base}/tags/list`)).json()) as { tags?: string[] };
    const { manifests } = (await (await fetch(`${base}/referrers/${subject}`)).json()) as {
      manifests: { digest: Digest }[];
    };
    const found = await Promise.all([
      ...tags.map((tag) => whole(`${base}/manifests/${tag}`, null)),
      ...manifests.map(({ digest }) => whole(`${base}/manifests/${digest}`, digest)),
    ]);
    for (const {
      config: { digest },
      layers: below,
    } of found.map((bytes) => JSON.parse(bytes.toString()) as Manifest))
      for (const each of [digest, ...below.map((layerOf) => layerOf.digest)])
        await whole(`${base}/blobs/${each}`, each);
    const there = await fetch(`${base}/${blob}`);
    if (there.status === 200) assert.equal(await there.text(), layer);
    else assert.equal(there.status, 404);
  }
}

/** Runs the scenario with a fault at its `at`th call. Returns how many calls there were. */
async function run(
  { prepare, act, onDisk, ends }: Scenario,
  at: number,
  fault: StorageFault,
): Promise<number> {
  using directory = scratch("faults");
  const storage = onDisk ? filesystemStorage(directory.path) : memoryStorage();
  let armed = Infinity;
  const faulty = faultyDriver(storage, ({ number }) => (number === armed ? fault : undefined));
  await using registry = await serveOn({ storage: faulty });
  const { origin } = registry;
  await prepare?.(origin);
  const before = faulty.calls.length;
  armed = before + at;
  await act(origin).catch((error: unknown) => {
    if (!(error instanceof Refused)) throw error;
    // Where not even the first byte could be had, the status says so.
    if (error.message === brokenOff) assert.notEqual(fault, "before");
  });
  const count = faulty.calls.length - before;
  const hit = faulty.calls[armed - 1];
  armed = Infinity;
  await using other = await serveOn({ storage });
  try {
    await assertWhole(other.origin);
    await act(origin);
    for (const [path, status] of Object.entries(ends))
      assert.equal((await fetch(`${other.origin}/v2/${path}`)).status, status, path);
  } catch (error) {
    throw new Error(`after a fault ${fault} ${hit?.method} ${hit?.path}`, { cause: error });
  }
  return count;
}

const kinds = ["before", "after", "middle"] as const;

/** With `VARVE_LIVE=all` each call fails in each way, else in one of them. */
describe("the storage fails at each call", () => {
  for (const [name, scenario] of Object.entries(scenarios)) {
    test(`B162 B163 B168 ${name}: 503 UNAVAILABLE or success, all that is visible is whole, once more succeeds`, async () => {
      const count = await run(scenario, Infinity, "before");
      assert.ok(count > 0);
      for (let at = 1; at <= count; at++)
        for (const fault of unlessAll ? [kinds[at % 3]!] : kinds) await run(scenario, at, fault);
    });
  }
});
