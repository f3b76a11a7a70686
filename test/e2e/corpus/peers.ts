/** The builders that varve is measured by. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { startDockerd } from "../../suites/dockerd.ts";
import { dockerOn, program, type Outcome, type Program } from "../support.ts";
import type { PreparedCase } from "./prepare_context.ts";
import type { RawConfig } from "./summary.ts";
import { treeOfDirectory, type ImageTree } from "./tree_lines.ts";
import type { Case } from "./types.ts";
import { buildFlags, type Surroundings } from "./build_flags.ts";

export interface PeerImage {
  readonly raw: RawConfig;
  /** All of it, the base image's files too. */
  readonly tree: ImageTree;
}

export interface Peer extends AsyncDisposable {
  /** For people: which program, which version. */
  readonly version: string;
  /** What it says when it fails is the string. */
  build(given: Case, prepared: PreparedCase): Promise<PeerImage | string>;
}

const nameOf = (given: Case): string => `${given.name.toLowerCase()}:1`;

/** Builds base.Dockerfile, if the case has one, and the case. */
async function buildBoth(
  builder: Program,
  first: readonly string[],
  given: Case,
  { context, beside }: PreparedCase,
  flags: readonly string[],
): Promise<Outcome> {
  const base = join(beside, "base.Dockerfile");
  if (fs.existsSync(base)) {
    const name = `${given.name.toLowerCase()}-base:1`;
    const built = await builder.run([...first, "--network", "none", "-t", name, "-f", base, context]);
    assert.equal(built.code, 0, `${given.name}: ${built.stdout}${built.stderr}`);
  }
  return builder.run([...first, ...flags, "-t", nameOf(given), context]);
}

/** dockerd's classic builder. @param archive a `docker save` of the base image */
export async function dockerdPeer(directory: string, archive: string, around: Surroundings): Promise<Peer> {
  const daemon = await startDockerd(directory, "overlay2");
  const docker = dockerOn(directory);
  await docker("load", "-q", "-i", archive);
  const version = `dockerd ${await docker("version", "-f", "{{.Server.Version}}")}`;
  return {
    version,
    build: async (given, prepared) => {
      const flags = buildFlags(given, prepared, around);
      const { code, stdout, stderr } = await buildBoth(docker, ["build"], given, prepared, flags);
      if (code !== 0) return `${stdout}${stderr}`;
      const [{ Id, GraphDriver }] = JSON.parse(await docker("image", "inspect", nameOf(given))) as [
        Inspected,
      ];
      const config = join(daemon.root, "image/overlay2/imagedb/content/sha256", Id.replace("sha256:", ""));
      return {
        raw: JSON.parse(fs.readFileSync(config, "utf8")) as RawConfig,
        tree: treeOfLayers(join(directory, "merged"), GraphDriver.Data),
      };
    },
    [Symbol.asyncDispose]: () => daemon[Symbol.asyncDispose](),
  };
}

interface Inspected {
  readonly Id: string;
  readonly GraphDriver: { readonly Data: { readonly UpperDir: string; readonly LowerDir?: string } };
}

function treeOfLayers(at: string, { UpperDir, LowerDir }: Inspected["GraphDriver"]["Data"]): ImageTree {
  if (LowerDir === undefined) return treeOfDirectory(UpperDir);
  fs.mkdirSync(at, { recursive: true });
  execFileSync("mount", ["-t", "overlay", "overlay", "-o", `ro,lowerdir=${UpperDir}:${LowerDir}`, at]);
  try {
    return treeOfDirectory(at);
  } finally {
    execFileSync("umount", [at]);
  }
}

/** `buildah bud`, with a layer for each instruction. */
export async function buildahPeer(directory: string, archive: string, around: Surroundings): Promise<Peer> {
  const at = (name: string): string => join(directory, name);
  const storage = ["--root", at("storage"), "--runroot", at("run"), "--storage-driver", "overlay"];
  const policy = join(directory, "policy.json");
  fs.mkdirSync(directory, { recursive: true });
  fs.writeFileSync(policy, '{"default":[{"type":"insecureAcceptAnything"}]}');
  // It wants the file of credentials to be there that DOCKER_CONFIG names.
  const buildah = program("env", "-u", "DOCKER_CONFIG", "buildah", ...storage);
  await buildah("pull", "-q", "--signature-policy", policy, `docker-archive:${archive}`);
  const version = (await buildah("version")).match(/^Version:\s*(\S+)/m)?.[1] ?? "";
  const first = ["bud", "--signature-policy", policy, "--format", "docker", "--layers", "--pull-never"];
  first.push("--runtime", "runc", "--isolation", "oci", "--identity-label=false");
  return {
    version: `buildah ${version}`,
    build: async (given, prepared) => {
      const flags = buildFlags(given, prepared, around);
      const { code, stdout, stderr } = await buildBoth(buildah, first, given, prepared, flags);
      if (code !== 0) return `${stdout}${stderr}`;
      const inspected = await buildah("inspect", "--type", "image", nameOf(given));
      const { Config } = JSON.parse(inspected) as { Config: string };
      const container = await buildah("from", "--pull-never", nameOf(given));
      const tree = treeOfDirectory(await buildah("mount", container));
      await buildah("rm", container);
      return { raw: JSON.parse(Config) as RawConfig, tree };
    },
    [Symbol.asyncDispose]: async () => {
      await buildah.run(["rm", "--all"]);
    },
  };
}
