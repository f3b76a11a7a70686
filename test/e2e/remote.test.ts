/**
 * Our registry client and our registry against strangers on loopback: skopeo, docker-registry (htpasswd and token
 * authentication), dockerd.
 */
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { digestOf, mediaTypes, type Descriptor } from "../../src/oci/index.ts";
import { serveRegistry, type RunningRegistry } from "../../src/registry/index.ts";
import { createRemote, type Remote, type RemoteOptions } from "../../src/remote/index.ts";
import { packTar } from "../../src/tar/index.ts";
import { dockerdSkip, startDockerd } from "../suites/dockerd.ts";
import { scratch } from "../suites/scratch.ts";
import { serveTokens } from "../support/token_server.ts";

const run = promisify(execFile);
const signal = new AbortController().signal;

function unless(...programs: string[]): string | false {
  const path = (process.env["PATH"] ?? "").split(delimiter);
  const missing = programs.find((program) => !path.some((folder) => existsSync(join(folder, program))));
  return missing === undefined ? false : `${missing} is not installed`;
}

/** A remote that reads nothing of this machine's settings. */
function isolated(options: RemoteOptions = {}): Remote {
  const none = "/nonexistent-varve-test";
  const paths = { dockerConfigPath: `${none}/c`, daemonJsonPath: `${none}/d`, certsDirectory: `${none}/e` };
  return createRemote({ ...paths, environment: {}, ...options });
}

interface Layout {
  readonly path: string;
  readonly manifest: Buffer;
  readonly config: Buffer;
}

/** An OCI layout with one image of two layers, tagged `t`. */
async function makeLayout(path: string): Promise<Layout> {
  const tars = await Promise.all(["one", "two"].map(tarOf));
  const layers = tars.map((tar) => gzipSync(tar));
  const rootfs = { type: "layers", diff_ids: tars.map((tar) => digestOf(tar)) };
  const config = Buffer.from(JSON.stringify({ architecture: "amd64", os: "linux", config: {}, rootfs }));
  const describe = (bytes: Uint8Array, mediaType: string): Descriptor => ({
    mediaType,
    digest: digestOf(bytes),
    size: bytes.length,
  });
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      config: describe(config, mediaTypes.ociConfig),
      layers: layers.map((layer) => describe(layer, mediaTypes.ociLayerGzip)),
    }),
  );
  const blobs = join(path, "blobs", "sha256");
  await mkdir(blobs, { recursive: true });
  for (const bytes of [...layers, config, manifest])
    await writeFile(join(blobs, digestOf(bytes).slice(7)), bytes);
  const named = {
    ...describe(manifest, mediaTypes.ociManifest),
    annotations: { "org.opencontainers.image.ref.name": "t" },
  };
  await writeFile(join(path, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
  await writeFile(join(path, "index.json"), JSON.stringify({ schemaVersion: 2, manifests: [named] }));
  return { path, manifest, config };
}

async function tarOf(content: string): Promise<Buffer> {
  const owner = { mode: 0o644, uid: 0, gid: 0, uname: "", gname: "", devMajor: 0, devMinor: 0 };
  const times = { mtime: 1_700_000_000, mtimeNs: 0 };
  const file = { path: `${content}.txt`, type: "file" as const, linkPath: "", size: content.length };
  const chunks = packTar([{ entry: { ...file, ...owner, ...times }, body: Buffer.from(content) }]);
  return Buffer.concat(await Array.fromAsync(chunks));
}

interface Peer extends AsyncDisposable {
  readonly address: string;
  readonly root: string;
}

/** docker-registry on a free port, as the package installs it. */
async function startDockerRegistry(directory: string, auth = ""): Promise<Peer> {
  const root = join(directory, "registry");
  const config = join(directory, "registry.yml");
  await writeFile(
    config,
    `version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: ${root}\nhttp:\n  addr: 127.0.0.1:0\n${auth}`,
  );
  const child = spawn("docker-registry", ["serve", config], { stdio: ["ignore", "pipe", "pipe"] });
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const said: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on("line", (line) => {
      said.push(line);
      const address = /listening on (127\.0\.0\.1:\d+)/.exec(line)?.[1];
      if (address !== undefined) resolve(address);
    });
  }
  const closed = new Promise<void>((done) => child.once("close", () => done()));
  void closed.then(() => reject(new Error(`docker-registry ended: ${said.slice(-3).join("\n")}`)));
  const stop = async () => {
    child.kill();
    await closed;
  };
  return { address: await promise, root, [Symbol.asyncDispose]: stop };
}

async function tree(root: string): Promise<string[]> {
  const entries = await readdir(join(root, "docker/registry/v2"), { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return files.map((file) => file.slice(root.length)).sort();
}

function requestLines(registry: RunningRegistry): string[] {
  return registry.requests.map(
    ({ method, path }) => `${method} ${path.replace(/uploads\/[0-9a-f-]{36}$/, "uploads/ID")}`,
  );
}

test(
  "skopeo pushes to our registry and pulls from it; our client reads the same bytes",
  { skip: unless("skopeo") },
  async () => {
    using folder = scratch("remote");
    const layout = await makeLayout(join(folder.path, "in"));
    for (const storage of ["memory", join(folder.path, "storage")]) {
      await using registry = await serveRegistry({ storage });
      const name = `${registry.address}/deep/er/name:v1`;
      await run("skopeo", ["copy", "--dest-tls-verify=false", `oci:${layout.path}:t`, `docker://${name}`]);
      using remote = isolated();
      const image = await remote.resolve(name, { signal });
      assert.deepEqual(Buffer.from(image.manifest?.bytes ?? []), layout.manifest);
      assert.deepEqual(Buffer.from(await image.readConfig({ signal })), layout.config);
      const out = join(folder.path, `out-${randomUUID()}`);
      await run("skopeo", ["copy", "--src-tls-verify=false", `docker://${name}`, `oci:${out}:t`]);
      assert.deepEqual(
        await readFile(join(out, "blobs/sha256", digestOf(layout.manifest).slice(7))),
        layout.manifest,
      );
    }
  },
);

test(
  "B158 B175 our client pushes to docker-registry; our registry makes the same tree, and each serves the other's",
  { skip: unless("skopeo", "docker-registry") },
  async () => {
    using folder = scratch("remote");
    const layout = await makeLayout(join(folder.path, "in"));
    await using ours = await serveRegistry({ storage: join(folder.path, "ours") });
    const source = `${ours.address}/lib/x:v1`;
    await run("skopeo", ["copy", "--dest-tls-verify=false", `oci:${layout.path}:t`, `docker://${source}`]);
    await using theirs = await startDockerRegistry(folder.path);
    using remote = isolated();
    const image = await remote.resolve(source, { signal });
    const pushed = await remote.push(image, `${theirs.address}/lib/x:v1`, { signal });
    assert.equal(pushed.digest, digestOf(layout.manifest));
    assert.deepEqual(await tree(theirs.root), await tree(join(folder.path, "ours")));
    const there = await remote.resolve(`${theirs.address}/lib/x:v1`, { signal });
    assert.equal(there.imageId, digestOf(layout.config));
    assert.deepEqual(await remote.tags(`${theirs.address}/lib/x`, { signal }), ["v1"]);
    // B126 and B127 with a stranger: nothing is sent, the layers are mounted.
    const lines: string[] = [];
    const report = ({ status }: { status: string }) => void lines.push(status);
    await remote.push(there, `${theirs.address}/lib/y:v1`, { signal, report });
    assert.equal(lines.filter((line) => line === "Mounted from lib/x").length, 2);

    await using swapped = await serveRegistry({ storage: theirs.root });
    assert.equal((await remote.resolve(`${swapped.address}/lib/y:v1`, { signal })).imageId, there.imageId);
  },
);

test(
  "B171 docker-registry with htpasswd: login, push, pull",
  { skip: unless("htpasswd", "docker-registry") },
  async () => {
    using folder = scratch("remote");
    const passwords = join(folder.path, "htpasswd");
    await writeFile(passwords, (await run("htpasswd", ["-nbB", "jo", "secret"])).stdout);
    const auth = `auth:\n  htpasswd:\n    realm: test\n    path: ${passwords}\n`;
    await using registry = await startDockerRegistry(folder.path, auth);
    await roundTrip(folder.path, registry);
  },
);

test(
  "B170 docker-registry with token authentication: login, push, pull, mount",
  { skip: unless("openssl", "docker-registry") },
  async () => {
    using folder = scratch("remote");
    await using tokens = await serveTokens(folder.path);
    const parts = {
      realm: tokens.realm,
      service: "test",
      issuer: "test-issuer",
      rootcertbundle: tokens.certificate,
    };
    const auth = `auth:\n  token:\n${Object.entries(parts)
      .map(([key, value]) => `    ${key}: ${value}\n`)
      .join("")}`;
    await using registry = await startDockerRegistry(folder.path, auth);
    await roundTrip(folder.path, registry);
    assert.ok(tokens.scopes.includes("repository:a/b:pull"), tokens.scopes.join());
    assert.ok(tokens.scopes.includes("repository:c:push,pull repository:a/b:pull"), tokens.scopes.join());
  },
);

/** With a registry that knows jo with the password "secret" and nobody else. */
async function roundTrip(directory: string, { address }: Peer): Promise<void> {
  const layout = await makeLayout(join(directory, "layout"));
  const [wrong, right] = ["wrong", "secret"].map(
    (password) => ({ kind: "password", username: "jo", password }) as const,
  );
  const dockerConfigPath = join(directory, "config.json");
  using anonymous = isolated({ dockerConfigPath });
  const refused = { name: "Failure", kind: "unauthorized" };
  await assert.rejects(anonymous.login(address, wrong!, { signal }), refused);
  const kept = await anonymous.login(address, right!, { signal });
  await anonymous.saveCredentials(address, kept, { signal });

  using remote = isolated({ dockerConfigPath });
  const image = await layoutImage(layout);
  const pushed = await remote.push(image, `${address}/a/b:v1`, { signal });
  assert.equal(pushed.digest, digestOf(layout.manifest));
  const there = await remote.resolve(`${address}/a/b:v1`, { signal });
  assert.deepEqual(Buffer.from(await there.readConfig({ signal })), layout.config);
  await remote.push(there, `${address}/c:v1`, { signal });
  assert.equal((await remote.resolve(`${address}/c:v1`, { signal })).imageId, there.imageId);
}

async function layoutImage(layout: Layout) {
  const manifest = JSON.parse(String(layout.manifest)) as { config: Descriptor; layers: Descriptor[] };
  const read = (digest: string) => readFile(join(layout.path, "blobs/sha256", digest.slice(7)));
  return {
    imageId: manifest.config.digest,
    configDescriptor: manifest.config,
    manifest: {
      bytes: layout.manifest,
      descriptor: {
        mediaType: mediaTypes.ociManifest,
        digest: digestOf(layout.manifest),
        size: layout.manifest.length,
      },
    },
    readConfig: async () => layout.config,
    layers: manifest.layers.map((blob) => ({
      blob,
      async openBlob({ offset = 0 }) {
        const bytes = (await read(blob.digest)).subarray(offset);
        return (async function* () {
          yield bytes;
        })();
      },
      openTar: () => Promise.reject(new Error("not needed")),
    })),
  };
}

test("B112 B125 our requests are dockerd's, in its order", { skip: dockerdSkip }, async () => {
  using folder = scratch("remote");
  await using registry = await serveRegistry({ storage: "memory" });
  await using daemon = await startDockerd(folder.path, "vfs");
  assert.ok(daemon.root.startsWith(folder.path));
  // Not `daemon.docker`: that waits without letting our registry answer.
  const docker = (...args: string[]) => run("docker", ["-H", `unix://${folder.path}/s`, ...args]);
  const tar = join(folder.path, "x.tar");
  await writeFile(tar, await tarOf("content"));
  const name = `${registry.address}/lib/x:1`;
  await docker("import", tar, name);
  await docker("push", name);
  const pushes = requestLines(registry);

  using remote = isolated();
  registry.requests.length = 0;
  const image = await remote.resolve(name, { signal });
  await image.readConfig({ signal });
  for await (const _ of await image.layers[0]!.openBlob({ signal })) continue;
  const ours = requestLines(registry);
  await docker("rmi", name);
  registry.requests.length = 0;
  await docker("pull", name);
  const theirs = requestLines(registry);
  assert.deepEqual(ours.slice(0, 3), theirs.slice(0, 3));
  // dockerd fetches config and layers at the same time.
  assert.deepEqual(ours.slice(3).sort(), theirs.slice(3).sort());

  registry.requests.length = 0;
  await remote.head(name, { signal });
  const check = requestLines(registry);
  registry.requests.length = 0;
  const { stdout } = await docker("pull", name);
  assert.match(stdout, /Image is up to date/);
  assert.deepEqual(check, requestLines(registry));

  // A registry without the blobs; we also ask whether it has the layer, which dockerd does only for known ones.
  await using empty = await serveRegistry({ storage: "memory" });
  const layers = image.layers.map((layer) => ({ ...layer, seenAt: [] }));
  const { manifest, ...withoutManifest } = image;
  const pushed = await remote.push({ ...withoutManifest, layers }, `${empty.address}/lib/x:1`, { signal });
  const [ping, firstHead, ...rest] = requestLines(empty);
  assert.equal(firstHead, `HEAD /v2/lib/x/blobs/${layers[0]!.blob!.digest}`);
  assert.deepEqual([ping, ...rest], pushes);
  assert.equal(pushed.digest, manifest?.descriptor.digest, "dockerd's manifest, byte for byte");
});

const pusher = `
const { createRemote } = await import(process.argv[1]);
const { digestOf } = await import(process.argv[2]);
const [address, uploadsDirectory, size, stopAt] = process.argv.slice(3);
const bytes = Buffer.alloc(Number(size), "varve");
const config = Buffer.from("{}");
async function* open({ offset = 0 }) {
  for (let at = offset; at < bytes.length; at += 65536) {
    if (at >= Number(stopAt)) { console.log("waiting"); await new Promise((resolve) => setTimeout(resolve, 1 << 30)); }
    yield bytes.subarray(at, at + 65536);
  }
}
const blob = { mediaType: "application/vnd.oci.image.layer.v1.tar", digest: digestOf(bytes), size: bytes.length };
const image = {
  imageId: digestOf(config),
  configDescriptor: { mediaType: "application/vnd.oci.image.config.v1+json", digest: digestOf(config), size: 2 },
  layers: [{ blob, openBlob: async (options) => open(options) }],
  readConfig: async () => config,
};
const signal = new AbortController().signal;
const { digest } = await createRemote({ uploadsDirectory }).push(image, address + "/a:v1", { signal });
console.log(digest);
`;

test("B129 a push that is killed goes on: less than a chunk is sent twice", async () => {
  using folder = scratch("remote");
  const storage = join(folder.path, "storage");
  const [size, stopAt] = [8 << 20, 5 << 20];
  const source = (name: string) => new URL(`../../src/${name}/index.ts`, import.meta.url).href;
  const start = (address: string, stop: number) => {
    const uploads = join(folder.path, "uploads");
    const args = ["--input-type=module", "-e", pusher, source("remote"), source("oci"), address, uploads];
    return spawn(process.execPath, [...args, String(size), String(stop)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
  };
  const ends = (child: ReturnType<typeof start>) => new Promise((resolve) => child.once("close", resolve));
  const first = await serveRegistry({ storage });
  const killed = start(first.address, stopAt);
  const dead = ends(killed);
  await new Promise((resolve) => killed.stdout.once("data", resolve));
  killed.kill("SIGKILL");
  await dead;
  await first.close();

  const port = Number(first.address.split(":")[1]);
  await using second = await serveRegistry({ storage, port });
  assert.equal(await ends(start(second.address, Infinity)), 0);
  const received = [...first.requests, ...second.requests]
    .filter(({ method }) => method === "PATCH")
    .map((request) => request.received);
  const [before = 0, after = 0] = received;
  assert.ok(before > 0 && before <= stopAt, `${before} bytes came before the kill`);
  assert.ok(before + after - size < 1 << 16, `${before} + ${after} bytes were received for ${size}`);
});
