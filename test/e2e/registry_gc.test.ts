/** Garbage collection on real trees: beside `docker-registry`'s own on a quiet one, and under pushes on a busy one. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { digestOf, mediaTypes, type Digest, type Manifest } from "../../src/oci/index.ts";
import {
  collectGarbage,
  filesystemStorage,
  garbageSummary,
  retention,
  type GarbageOptions,
  type StorageDriver,
} from "../../src/registry/index.ts";
import { putManifest, serveOn } from "../suites/registry_requests.ts";
import { scratch } from "../suites/scratch.ts";
import * as tree from "../support/registry_tree.ts";

const execute = promisify(execFile);

function unless(program: string): string | false {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  return folders.some((folder) => existsSync(join(folder, program))) ? false : `${program} is not installed`;
}

async function summaryOf(storage: StorageDriver, options: GarbageOptions): Promise<string> {
  const run = collectGarbage(storage, options);
  for (let step = await run.next(); ; step = await run.next()) {
    if (step.done) return garbageSummary(step.value);
  }
}

const quiet = { quiet: true, grace: 0, trash: 0 };

test(
  "B169 a dry run marks and sweeps what docker-registry's garbage-collect --dry-run does",
  { skip: unless("docker-registry") },
  async () => {
    using space = scratch("gc");
    const directory = space.path;
    const config = join(directory, "config.yml");
    const root = join(directory, "root");
    await writeFile(config, `version: 0.1\nstorage: {filesystem: {rootdirectory: ${root}}}\n`);
    const theirs = async (...flags: string[]): Promise<string> => {
      const { stdout } = await execute("docker-registry", ["garbage-collect", "--dry-run", ...flags, config]);
      return (
        /\d+ blobs marked, \d+ blobs and \d+ manifests eligible for deletion/.exec(stdout)?.[0] ?? stdout
      );
    };
    const storage = filesystemStorage(root);
    await tree.putImage(storage, "a/b", "v1", { label: "1", layers: ["one", "two"] });
    await tree.putImage(storage, "a/b", undefined, { label: "2", layers: ["two", "three"] });
    await tree.putImage(storage, "c", "v1", { label: "1", layers: ["one", "two"] });
    await tree.putBlob(storage, "c", Buffer.from("pushed and forgotten"));
    const dry = { ...quiet, dryRun: true };
    assert.equal(await summaryOf(storage, dry), await theirs());
    assert.equal(await summaryOf(storage, { ...dry, untagged: true }), await theirs("--delete-untagged"));
    const member = await tree.putImage(storage, "d", undefined, { label: "3", layers: ["four"] });
    await tree.putIndex(storage, "d", "multi", [member]);
    assert.equal(await summaryOf(storage, dry), await theirs());
    await summaryOf(storage, { ...quiet, untagged: true });
    await summaryOf(storage, { ...quiet, untagged: true });
    assert.equal(
      await summaryOf(storage, dry),
      "8 blobs marked, 0 blobs and 0 manifests eligible for deletion",
    );
    assert.equal(await theirs(), "8 blobs marked, 0 blobs and 0 manifests eligible for deletion");
  },
);

/** As clients push: HEAD, mount or upload, manifest. False: refused, the client would begin anew. */
async function push(origin: string, name: string, tag: string, blobs: readonly Buffer[]): Promise<boolean> {
  for (const blob of blobs) {
    const digest = digestOf(blob);
    const head = await fetch(`${origin}/v2/${name}/blobs/${digest}`, { method: "HEAD" });
    if (head.status === 200) continue;
    const url = `${origin}/v2/${name}/blobs/uploads/?mount=${digest}&from=shared`;
    const started = await fetch(url, { method: "POST" });
    if (started.status === 201) continue;
    assert.equal(started.status, 202, await started.text());
    const location = new URL(started.headers.get("location") as string);
    location.searchParams.set("digest", digest);
    const done = await fetch(location, { method: "PUT", body: new Uint8Array(blob) });
    assert.equal(done.status, 201, await done.text());
  }
  const [config, ...layers] = blobs.map((blob, i) => ({
    mediaType: i === 0 ? mediaTypes.ociConfig : mediaTypes.ociLayerGzip,
    digest: digestOf(blob),
    size: blob.length,
  }));
  const manifest = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers };
  const answer = await putManifest(origin, name, tag, Buffer.from(JSON.stringify(manifest)));
  const text = await answer.text();
  assert.ok(answer.status === 201 || /MANIFEST_BLOB_UNKNOWN/.test(text), text);
  return answer.status === 201;
}

async function pull(origin: string, name: string, tag: string): Promise<void> {
  const answer = await fetch(`${origin}/v2/${name}/manifests/${tag}`);
  const bytes = Buffer.from(await answer.arrayBuffer());
  assert.equal(answer.status, 200, `${name}:${tag}: ${bytes.toString()}`);
  const { config, layers } = JSON.parse(bytes.toString()) as Manifest;
  for (const { digest } of [config, ...layers]) {
    const blob = await fetch(`${origin}/v2/${name}/blobs/${digest}`);
    const content = Buffer.from(await blob.arrayBuffer());
    assert.equal(digestOf(content), digest, `${name}:${tag}: blob ${digest}: ${blob.status}`);
  }
}

test("B169 two servers, pushes through both, and garbage collection all the while: no tag loses anything", async (t) => {
  using space = scratch("gc");
  const root = space.path;
  const storage = filesystemStorage(root);
  await using first = await serveOn({ storage: filesystemStorage(root) });
  await using second = await serveOn({ storage: filesystemStorage(root) });
  const origins = [first.origin, second.origin];
  const layers = [0, 1, 2, 3, 4].map((i) => Buffer.alloc(i === 0 ? 200_000 : 500, `layer ${i}`));
  const state = { pushing: true, collections: 0, pushes: 0, refused: 0 };
  // Far shorter than a busy registry permits, so that every stage is passed many times.
  const hasty = { quiet: true, grace: 150, trash: 1_500, untagged: true };
  const collector = async (): Promise<void> => {
    while (state.pushing) {
      const rules = [{ repositories: ["*"], tags: ["old*"], keep: { last: 1 } }];
      for await (const _ of retention(storage, rules, { apply: true, grace: 150 }));
      await summaryOf(storage, hasty);
      state.collections += 1;
    }
  };
  const client = async (number: number): Promise<void> => {
    for (let turn = 0; turn < 24; turn++) {
      const origin = origins[turn % 2] as string;
      const name = turn % 3 === 0 ? "shared" : `repo${number}`;
      const config = Buffer.from(JSON.stringify({ number, turn: turn % 7 }));
      const picked = [layers[turn % 5] as Buffer, layers[(turn * number) % 5] as Buffer];
      const tag = turn % 4 === 3 ? `old${number}-${turn}` : `tag${number}`;
      while (!(await push(origin, name, tag, [config, ...picked]))) state.refused += 1;
      state.pushes += 1;
      if (tag === `tag${number}`) await pull(origins[(turn + 1) % 2] as string, name, tag);
    }
  };
  const collectors = [collector(), collector()];
  await Promise.all([1, 2, 3].map(client)).finally(() => (state.pushing = false));
  await Promise.all(collectors);
  for (const number of [1, 2, 3]) {
    await pull(first.origin, `repo${number}`, `tag${number}`);
    await pull(second.origin, "shared", `tag${number}`);
  }
  t.diagnostic(JSON.stringify(state));
  assert.ok(state.collections > 3);
  for (let run = 0; run < 3; run++) await summaryOf(storage, { ...quiet, untagged: true });
  const left = await summaryOf(storage, { ...quiet, untagged: true, dryRun: true });
  assert.match(left, /^\d+ blobs marked, 0 blobs and 0 manifests/);
  // Sentences over tags wait for the next retention.
  const ours = (await tree.filesBelow(storage, "varve")).filter((path) => !path.endsWith("/current/link"));
  assert.deepEqual(ours, []);
});

test(
  "B169 what skopeo pushed survives a collection, and skopeo pulls it",
  { skip: unless("skopeo") },
  async () => {
    using space = scratch("gc");
    const directory = space.path;
    const storage = filesystemStorage(join(directory, "root"));
    await using served = await serveOn({ storage });
    const image: Digest = await tree.putImage(storage, "from", "1", { label: "{}", layers: [] });
    const host = served.origin.replace("http://", "docker://");
    const copy = (from: string, to: string) =>
      execute("skopeo", [
        "--insecure-policy",
        "copy",
        "--src-tls-verify=false",
        "--dest-tls-verify=false",
        from,
        to,
      ]);
    await copy(`${host}/from:1`, `${host}/to:1`);
    await tree.putBlob(storage, "to", Buffer.from("forgotten"));
    await summaryOf(storage, { ...quiet, untagged: true });
    await copy(`${host}/to:1`, `dir:${join(directory, "pulled")}`);
    assert.equal(
      await summaryOf(storage, { ...quiet, dryRun: true }),
      "2 blobs marked, 0 blobs and 0 manifests eligible for deletion",
    );
    assert.ok(image);
  },
);
