/** Clients of registries, each as a function that pulls `source:1` and pushes what it got under another name. */
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { dockerdSkip, startDockerd } from "../suites/dockerd.ts";
import { unlessRoot } from "../suites/scratch.ts";
import type { Place } from "./registry_ways.ts";
import { bundle, unless } from "./support.ts";

const execute = promisify(execFile);

/** @param directory an empty one of the client's own @param target repository to push to; the tag is 1 */
type RoundTrip = (place: Place, directory: string, target: string) => Promise<void>;

/** Runs a program where the registry is, with the place's credentials where Docker's clients look for them. */
async function run(place: Place, directory: string, ...command: string[]): Promise<void> {
  const [program, ...args] = [...place.within, ...command] as [string, ...string[]];
  const env = { DOCKER_CONFIG: directory, NO_PROXY: "*", no_proxy: "*" };
  await execute(program, args, { env: { ...process.env, ...env }, cwd: directory });
}

/** Writes Docker's `config.json`, which all but ctr read. */
function writeCredentials({ address, user }: Place, directory: string): string {
  const auth = user && Buffer.from(`${user.name}:${user.password}`).toString("base64");
  const path = join(directory, "config.json");
  writeFileSync(path, JSON.stringify({ auths: auth === undefined ? {} : { [address]: { auth } } }));
  return path;
}

/** Copies into a layout and back, with something to be done to it in between. */
const copying =
  (inBetween: (layout: string, directory: string) => Promise<void>): RoundTrip =>
  async (place, directory, target) => {
    const layout = join(directory, "layout");
    const copy = async (from: string, to: string) => {
      const options = ["--authfile", writeCredentials(place, directory)];
      if (!place.tls) options.push("--src-tls-verify=false", "--dest-tls-verify=false");
      await run(place, directory, "skopeo", "copy", ...options, from, to);
    };
    await copy(`docker://${place.address}/source:1`, `oci:${layout}:1`);
    await inBetween(layout, directory);
    await copy(`oci:${layout}:1`, `docker://${place.address}/${target}:1`);
  };

async function unpack(layout: string, directory: string): Promise<void> {
  const out = join(directory, "bundle");
  await execute("umoci", ["unpack", "--rootless", "--image", `${layout}:1`, out]);
  for (const name of ["one", "two"])
    assert.equal(readFileSync(join(out, "rootfs", `${name}.txt`), "utf8"), name.repeat(1000));
}

/** podman and buildah, which are called alike. */
const containersStorage =
  (program: string): RoundTrip =>
  async (place, directory, target) => {
    const own = [
      "--root",
      join(directory, "p"),
      "--runroot",
      join(directory, "r"),
      "--storage-driver",
      "vfs",
    ];
    const options = ["--authfile", writeCredentials(place, directory), `--tls-verify=${place.tls}`];
    const source = `${place.address}/source:1`;
    await run(place, directory, program, ...own, "pull", ...options, source);
    await run(
      place,
      directory,
      program,
      ...own,
      "push",
      ...options,
      source,
      `docker://${place.address}/${target}:1`,
    );
  };

/** docker and varve, which are called alike. */
async function pullTagPush(
  place: Place,
  directory: string,
  target: string,
  ...client: string[]
): Promise<void> {
  const [from, to] = [`${place.address}/source:1`, `${place.address}/${target}:1`];
  writeCredentials(place, directory);
  for (const args of [
    ["pull", from],
    ["tag", from, to],
    ["push", to],
  ])
    await run(place, directory, ...client, ...args);
}

const docker: RoundTrip = async (place, directory, target) => {
  await using stack = new AsyncDisposableStack();
  stack.use(await startDockerd(directory, "vfs", place.within));
  await pullTagPush(place, directory, target, "docker", "-H", `unix://${directory}/s`);
};

const varve: RoundTrip = (place, directory, target) =>
  pullTagPush(
    place,
    directory,
    target,
    process.execPath,
    bundle,
    "--root",
    join(directory, "v"),
    "--driver",
    "vfs",
  );

const ctr: RoundTrip = async (place, directory, target) => {
  await using containerd = await startContainerd(directory);
  const images = ["ctr", "-a", containerd.socket, "images"];
  const options = place.tls ? ["--hosts-dir", "/etc/docker/certs.d"] : ["--plain-http"];
  if (place.user) options.push("--user", `${place.user.name}:${place.user.password}`);
  const source = `${place.address}/source:1`;
  await run(place, directory, ...images, "pull", ...options, "--snapshotter", "native", source);
  await run(place, directory, ...images, "push", ...options, `${place.address}/${target}:1`, source);
};

/** containerd alone, with the snapshotter that needs nothing of the kernel. */
export async function startContainerd(
  directory: string,
): Promise<{ readonly socket: string } & AsyncDisposable> {
  const [config, socket] = [join(directory, "containerd.toml"), join(directory, "c.sock")];
  const unwanted = ["aufs", "btrfs", "devmapper", "overlayfs", "zfs"].map(
    (name) => `io.containerd.snapshotter.v1.${name}`,
  );
  const disabled = JSON.stringify([...unwanted, "io.containerd.grpc.v1.cri"]);
  writeFileSync(config, `version = 2\ndisabled_plugins = ${disabled}\n`);
  const places = ["--root", join(directory, "c"), "--state", join(directory, "cs"), "-a", socket];
  const daemon = spawn("containerd", ["-c", config, ...places], { stdio: ["ignore", "ignore", "pipe"] });
  const ended = once(daemon, "close");
  for await (const line of createInterface({ input: daemon.stderr }))
    if (line.includes("successfully booted")) break;
  daemon.stderr.resume();
  const stop = async () => {
    daemon.kill();
    await ended;
  };
  return { socket, [Symbol.asyncDispose]: stop };
}

export interface Stranger {
  readonly roundTrip: RoundTrip;
  readonly skip: string | false;
  /**
   * What is the same after a round trip. `manifest`: each byte. `layers`: all blobs; the manifest is written anew in
   * Docker's schema 2. `image`: the config, so the image's ID, and what the layers unpack to; they are compressed anew.
   */
  readonly keeps: "manifest" | "layers" | "image";
}

export const strangers = {
  docker: { roundTrip: docker, skip: dockerdSkip, keeps: "layers" },
  podman: { roundTrip: containersStorage("podman"), skip: unlessRoot || unless("podman"), keeps: "image" },
  buildah: { roundTrip: containersStorage("buildah"), skip: unlessRoot || unless("buildah"), keeps: "image" },
  skopeo: { roundTrip: copying(async () => undefined), skip: unless("skopeo"), keeps: "manifest" },
  umoci: { roundTrip: copying(unpack), skip: unless("skopeo", "umoci"), keeps: "manifest" },
  ctr: { roundTrip: ctr, skip: unlessRoot || unless("containerd", "ctr"), keeps: "manifest" },
  varve: { roundTrip: varve, skip: unlessRoot, keeps: "layers" },
} as const satisfies Readonly<Record<string, Stranger>>;
