/** The registry as strangers use it, plain: each pulls an image, pushes it under a name of its own, and it is the same. */
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { promisify } from "node:util";
import { gunzipSync, gzipSync } from "node:zlib";
import { digestOf, mediaTypes, type Descriptor, type Manifest } from "../../src/oci/index.ts";
import { filesystemStorage } from "../../src/registry/index.ts";
import { packTar } from "../../src/tar/index.ts";
import { dockerdSkip, startDockerd } from "../suites/dockerd.ts";
import { pushBlob, putManifest, serveOn, type ServedRegistry } from "../suites/registry_requests.ts";
import { scratch, unlessRoot } from "../suites/scratch.ts";

const execute = promisify(execFile);
const none = { DOCKER_CONFIG: "/nonexistent-varve-test", NO_PROXY: "127.0.0.1", no_proxy: "127.0.0.1" };
const run = (program: string, ...args: string[]) =>
  execute(program, args, { env: { ...process.env, ...none } });

function unless(...programs: string[]): string | false {
  const path = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/sbin"];
  const missing = programs.find((name) => !path.some((folder) => existsSync(join(folder, name))));
  return missing === undefined ? false : `${missing} is not installed`;
}

async function tarOf(name: string): Promise<Buffer> {
  const owner = { mode: 0o644, uid: 0, gid: 0, uname: "", gname: "", devMajor: 0, devMinor: 0 };
  const times = { mtime: 1_700_000_000, mtimeNs: 0 };
  const body = Buffer.from(name.repeat(1000));
  const file = { path: `${name}.txt`, type: "file" as const, linkPath: "", size: body.length };
  return Buffer.concat(await Array.fromAsync(packTar([{ entry: { ...file, ...owner, ...times }, body }])));
}

/** Pushes an image of two layers as `source:1`; returns its manifest's bytes. */
async function pushSource(origin: string): Promise<Buffer> {
  const tars = await Promise.all(["one", "two"].map(tarOf));
  const rootfs = { type: "layers", diff_ids: tars.map((tar) => digestOf(tar)) };
  const config = Buffer.from(
    JSON.stringify({ architecture: "amd64", os: "linux", config: { Cmd: ["/x"] }, rootfs }),
  );
  const push = async (bytes: Buffer, mediaType: string): Promise<Descriptor> => ({
    mediaType,
    digest: await pushBlob(origin, "source", bytes),
    size: bytes.length,
  });
  const layers = [];
  for (const tar of tars) layers.push(await push(gzipSync(tar), mediaTypes.ociLayerGzip));
  const described = await push(config, mediaTypes.ociConfig);
  const document = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config: described, layers };
  const manifest = Buffer.from(JSON.stringify(document));
  assert.equal((await putManifest(origin, "source", "1", manifest)).status, 201);
  return manifest;
}

/** The same image ID, and layers that unpack to the same tars. */
async function assertSameImage(origin: string, name: string, source: Buffer): Promise<void> {
  const expected = JSON.parse(source.toString()) as Manifest;
  const manifest = (await (await fetch(`${origin}/v2/${name}/manifests/1`)).json()) as Manifest;
  assert.equal(manifest.config.digest, expected.config.digest);
  const blob = async (repository: string, digest: string) =>
    Buffer.from(await (await fetch(`${origin}/v2/${repository}/blobs/${digest}`)).arrayBuffer());
  const tars = (repository: string, { layers }: Manifest) =>
    Promise.all(layers.map(async ({ digest }) => digestOf(gunzipSync(await blob(repository, digest)))));
  assert.deepEqual(await tars(name, manifest), await tars("source", expected));
}

async function assertSameBytes(origin: string, name: string, source: Buffer): Promise<void> {
  const got = await fetch(`${origin}/v2/${name}/manifests/1`);
  assert.deepEqual(Buffer.from(await got.arrayBuffer()), source);
  await assertSameImage(origin, name, source);
}

type Client = (directory: string, address: string) => Promise<void>;

const skopeo: Client = async (directory, address) => {
  const layout = `oci:${join(directory, "layout")}:1`;
  await run("skopeo", "copy", "--src-tls-verify=false", `docker://${address}/source:1`, layout);
  await run("skopeo", "copy", "--dest-tls-verify=false", layout, `docker://${address}/by/skopeo:1`);
};

const podman: Client = async (directory, address) => {
  const own = ["--root", join(directory, "p"), "--runroot", join(directory, "pr"), "--storage-driver", "vfs"];
  // podman wants a DOCKER_CONFIG that is there, or none.
  const start = ["-u", "DOCKER_CONFIG", "podman", ...own];
  await run("env", ...start, "pull", "--tls-verify=false", `${address}/source:1`);
  await run("env", ...start, "push", "--tls-verify=false", `${address}/source:1`, `${address}/by/podman:1`);
};

const docker: Client = async (directory, address) => {
  await using stack = new AsyncDisposableStack();
  stack.use(await startDockerd(directory, "vfs"));
  for (const args of [
    ["pull", `${address}/source:1`],
    ["tag", `${address}/source:1`, `${address}/by/docker:1`],
    ["push", `${address}/by/docker:1`],
  ]) {
    // Not the daemon's own runner: it would stop this process, and the registry is in it.
    await run("docker", "-H", `unix://${directory}/s`, ...args);
  }
};

const ctr: Client = async (directory, address) => {
  const [config, socket] = [join(directory, "containerd.toml"), join(directory, "c.sock")];
  const unwanted = ["aufs", "btrfs", "devmapper", "overlayfs", "zfs"].map(
    (name) => `io.containerd.snapshotter.v1.${name}`,
  );
  const disabled = JSON.stringify([...unwanted, "io.containerd.grpc.v1.cri"]);
  await writeFile(config, `version = 2\ndisabled_plugins = ${disabled}\n`);
  const places = ["--root", join(directory, "c"), "--state", join(directory, "cs"), "-a", socket];
  const daemon = spawn("containerd", ["-c", config, ...places], { stdio: ["ignore", "ignore", "pipe"] });
  const ended = once(daemon, "close");
  try {
    for await (const line of createInterface({ input: daemon.stderr }))
      if (line.includes("successfully booted")) break;
    daemon.stderr.resume();
    const images = ["-a", socket, "images"];
    await run("ctr", ...images, "pull", "--plain-http", "--snapshotter", "native", `${address}/source:1`);
    await run("ctr", ...images, "push", "--plain-http", `${address}/by/ctr:1`, `${address}/source:1`);
  } finally {
    daemon.kill();
    await ended;
  }
};

const strangers: readonly [string, Client, string | false, typeof assertSameBytes][] = [
  ["skopeo", skopeo, unless("skopeo"), assertSameBytes],
  ["podman", podman, unlessRoot || unless("podman"), assertSameImage],
  ["docker", docker, dockerdSkip, assertSameImage],
  ["ctr", ctr, unlessRoot || unless("containerd", "ctr"), assertSameBytes],
];
for (const [name, client, skip, assertSame] of strangers) {
  test(`B162 B163 B164 ${name} pulls from the registry and pushes back what it got`, { skip }, async () => {
    using folder = scratch("clients");
    const work = join(folder.path, "work");
    await mkdir(work);
    await using registry: ServedRegistry = await serveOn({
      storage: filesystemStorage(join(folder.path, "registry")),
    });
    const source = await pushSource(registry.origin);
    await client(work, new URL(registry.origin).host);
    await assertSame(registry.origin, `by/${name}`, source);
  });
}
