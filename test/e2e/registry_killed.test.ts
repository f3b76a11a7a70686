/** `kill -9` of `varve registry serve` in the middle of a stranger's push: its retry or the next push is enough. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { digestOf, mediaTypes, type Manifest } from "../../src/oci/index.ts";
import { filesystemStorage, memoryStorage } from "../../src/registry/index.ts";
import { packTar } from "../../src/tar/index.ts";
import { dockerdSkip, startDockerd } from "../suites/dockerd.ts";
import { heldLine } from "../suites/held_line.ts";
import { pushBlob, pushSmallImage, putManifest, serveOn } from "../suites/registry_requests.ts";
import { scratch, unlessAll, unlessRoot } from "../suites/scratch.ts";
import { bundle, program, unless, type Outcome } from "./support.ts";

const MiB = 1 << 20;

/** `source:1`, whose one layer has 8 MiB that cannot be compressed. */
async function pushSource(origin: string): Promise<Manifest> {
  const owner = {
    mode: 0o644,
    uid: 0,
    gid: 0,
    uname: "",
    gname: "",
    devMajor: 0,
    devMinor: 0,
    mtime: 0,
    mtimeNs: 0,
  };
  const body = randomBytes(8 * MiB);
  const entry = { path: "file", type: "file" as const, linkPath: "", size: body.length, ...owner };
  const tar = Buffer.concat(await Array.fromAsync(packTar([{ entry, body }])));
  const rootfs = { type: "layers", diff_ids: [digestOf(tar)] };
  const config = Buffer.from(JSON.stringify({ architecture: "amd64", os: "linux", config: {}, rootfs }));
  const layer = gzipSync(tar, { level: 1 });
  const described = (mediaType: string, bytes: Buffer) => ({
    mediaType,
    digest: digestOf(bytes),
    size: bytes.length,
  });
  for (const bytes of [config, layer]) await pushBlob(origin, "source", bytes);
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: described(mediaTypes.ociConfig, config),
    layers: [described(mediaTypes.ociLayerGzip, layer)],
  };
  const bytes = Buffer.from(JSON.stringify(manifest));
  assert.equal((await putManifest(origin, "source", "1", bytes)).status, 201);
  return manifest;
}

async function startServer(root: string) {
  const args = ["registry", "serve", "--addr", "127.0.0.1:0", "--root", root];
  const child = spawn(process.execPath, [bundle, ...args], { stdio: ["ignore", "pipe", "ignore"] });
  const ended = once(child, "close");
  const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
  const kill = async (): Promise<void> => {
    child.kill("SIGKILL");
    await ended;
  };
  const address = line.replace("listening on http://", "");
  return { address, origin: `http://${address}`, kill, [Symbol.asyncDispose]: kill };
}

/** Waits until an upload is so far. */
async function uploaded(root: string, bytes: number): Promise<void> {
  const storage = filesystemStorage(root);
  const uploads = "docker/registry/v2/repositories/r/app/_uploads";
  for (;;)
    for await (const { name } of storage.list(uploads))
      if (((await storage.stat(`${uploads}/${name}/data`))?.size ?? 0) >= bytes) return;
}

/** Pushes `source:1` of `seed` to `r/app:1` at `to`. */
type Push = (seed: string, to: string) => Promise<Outcome>;

const clients = {
  skopeo: {
    skip: unless("skopeo"),
    use: async (_: string, act: (push: Push) => Promise<void>) => {
      const options = ["--src-tls-verify=false", "--dest-tls-verify=false"];
      const push: Push = (seed, to) =>
        program("skopeo").run(["copy", ...options, `docker://${seed}/source:1`, `docker://${to}/r/app:1`]);
      await act(push);
    },
  },
  docker: {
    // It waits some seconds before it tries again.
    skip: unlessRoot || dockerdSkip || unlessAll,
    use: async (directory: string, act: (push: Push) => Promise<void>) => {
      await using stack = new AsyncDisposableStack();
      stack.use(await startDockerd(directory, "vfs"));
      const docker = program("docker", "-H", `unix://${directory}/s`);
      await act(async (seed, to) => {
        await docker("pull", `${seed}/source:1`);
        await docker("tag", `${seed}/source:1`, `${to}/r/app:1`);
        return docker.run(["push", `${to}/r/app:1`]);
      });
    },
  },
};

for (const [name, { skip, use }] of Object.entries(clients)) {
  test(`B162 ${name} pushes while the registry is killed and started again`, { skip }, async () => {
    using directory = scratch("killed");
    const at = (part: string): string => join(directory.path, part);
    const root = at("data");
    mkdirSync(at("client"));
    await using seed = await serveOn({ storage: memoryStorage() });
    const source = await pushSource(seed.origin);
    await using victim = await startServer(root);
    for (const tag of ["a", "b"]) await pushSmallImage(victim.origin, "r/app", tag);
    await using line = await heldLine(victim.address);
    await use(at("client"), async (push) => {
      line.left = 4 * MiB;
      const pushing = push(new URL(seed.origin).host, line.address);
      await uploaded(root, MiB);
      await victim.kill();
      await using successor = await startServer(root);
      line.target = successor.address;
      line.left = Infinity;
      const { code, stderr } = await pushing;
      if (code !== 0) {
        assert.match(stderr, /connection|EOF|broken pipe/);
        const again = await push(new URL(seed.origin).host, line.address);
        assert.equal(again.code, 0, again.stderr);
      }
      const base = `${successor.origin}/v2/r/app`;
      const { tags } = (await (await fetch(`${base}/tags/list`)).json()) as { tags: string[] };
      assert.deepEqual(tags, ["1", "a", "b"]);
      for (const tag of tags) assert.equal((await fetch(`${base}/manifests/${tag}`)).status, 200, tag);
      const { config, layers } = (await (await fetch(`${base}/manifests/1`)).json()) as Manifest;
      assert.equal(config.digest, source.config.digest);
      const got = await fetch(`${base}/blobs/${layers[0]?.digest}`);
      assert.equal(digestOf(Buffer.from(await got.arrayBuffer())), layers[0]?.digest);
    });
  });
}
