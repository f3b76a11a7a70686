/** Strangers on both sides of the cache: docker-registry is what it copies, skopeo and podman pull through it. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { digestOf, mediaTypes, type Descriptor, type Digest } from "../../src/oci/index.ts";
import { readConfig, startServer } from "../../src/registry/index.ts";
import { packTar } from "../../src/tar/index.ts";
import { pushBlob, putManifest } from "../suites/registry_requests.ts";
import { scratch } from "../suites/scratch.ts";
import { startRegistry, unless } from "./support.ts";

const execute = promisify(execFile);

/** A layer with one file. */
async function layerOf(name: string): Promise<Buffer> {
  const owner = { mode: 0o644, uid: 0, gid: 0, uname: "", gname: "", devMajor: 0, devMinor: 0 };
  const times = { mtime: 1_700_000_000, mtimeNs: 0 };
  const body = Buffer.from(name.repeat(100_000));
  const file = { path: `${name}.txt`, type: "file" as const, linkPath: "", size: body.length };
  return Buffer.concat(await Array.fromAsync(packTar([{ entry: { ...file, ...owner, ...times }, body }])));
}

/** Pushes an image of two layers as `team/app:1`. */
async function pushImage(origin: string) {
  const tars = await Promise.all(["one", "two"].map(layerOf));
  const push = async (bytes: Buffer, mediaType: string): Promise<Descriptor> => {
    const digest = await pushBlob(origin, "team/app", bytes);
    return { mediaType, digest, size: bytes.length };
  };
  const rootfs = { type: "layers", diff_ids: tars.map((tar) => digestOf(tar)) };
  const config = await push(
    Buffer.from(JSON.stringify({ architecture: "amd64", os: "linux", config: { Cmd: ["/x"] }, rootfs })),
    mediaTypes.ociConfig,
  );
  const layers = [];
  for (const tar of tars) layers.push(await push(gzipSync(tar), mediaTypes.ociLayerGzip));
  const document = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers };
  const bytes = Buffer.from(JSON.stringify(document));
  assert.equal((await putManifest(origin, "team/app", "1", bytes)).status, 201);
  return { digest: digestOf(bytes), blobs: [config, ...layers].map(({ digest }) => digest) };
}

/** A registry whose names below `hub/` are those of the upstream. */
async function startCache(directory: string, upstream: string) {
  const config = await readConfig({
    environment: {},
    overrides: {
      storage: { filesystem: { rootdirectory: directory } },
      http: { addr: "127.0.0.1:0" },
      proxy: { upstreams: [{ prefix: "hub", remoteurl: `http://${upstream}` }] },
    },
  });
  const server = await startServer(config, () => undefined);
  return { address: server.address, [Symbol.asyncDispose]: () => server.stop(AbortSignal.abort()) };
}

test(
  "skopeo and podman pull through the cache, and from it when the upstream has gone",
  {
    skip: unless("docker-registry", "skopeo", "podman"),
  },
  async () => {
    using directory = scratch("registry-proxy");
    const at = (name: string) => join(directory.path, name);
    await using running = new AsyncDisposableStack();
    const mortal = running.use(new AsyncDisposableStack());
    const upstream = mortal.use(await startRegistry(directory.path));
    const { digest, blobs } = await pushImage(`http://${upstream.address}`);
    const cache = running.use(await startCache(at("data"), upstream.address));
    const reference = `${cache.address}/hub/team/app:1`;
    const copy = async (layout: string) => {
      await execute("skopeo", [
        "copy",
        "--src-tls-verify=false",
        `docker://${reference}`,
        `oci:${at(layout)}:1`,
      ]);
      const blob = (each: Digest) => readFileSync(join(at(layout), "blobs/sha256", each.slice(7)));
      for (const each of [digest, ...blobs]) assert.equal(digestOf(blob(each)), each);
    };
    upstream.forget();
    await copy("first");
    const fetched = upstream.requests().filter((line) => line.startsWith("GET") && line.includes("/blobs/"));
    assert.deepEqual(fetched.sort(), blobs.map((each) => `GET /v2/team/app/blobs/${each}`).sort());
    upstream.forget();
    await copy("second");
    assert.deepEqual(
      upstream.requests().filter((line) => line.startsWith("GET")),
      [],
      "only asked whether the tag still leads there",
    );
    const push = execute("skopeo", [
      "copy",
      "--dest-tls-verify=false",
      `oci:${at("second")}:1`,
      `docker://${cache.address}/hub/team/other:1`,
    ]);
    await assert.rejects(push, /can only be pulled from here/);
    await mortal.disposeAsync();
    await copy("third");
    const store = ["--root", at("p"), "--runroot", at("r"), "--storage-driver", "vfs"];
    await execute("podman", [...store, "pull", "--tls-verify=false", reference]);
    const { stdout } = await execute("podman", [
      ...store,
      "image",
      "inspect",
      "--format",
      "{{.Digest}}",
      reference,
    ]);
    assert.equal(stdout.trim(), digest);
  },
);
