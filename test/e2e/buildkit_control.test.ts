/** The calls of `docker buildx` at our daemon and at dockerd: the same builds, told of and ended alike. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { request, type IncomingMessage } from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import { json } from "node:stream/consumers";
import { cannotRun } from "../../src/runtime/container_fixture.ts";
import { dockerdSkip, startDockerd } from "../suites/dockerd.ts";
import { overlaySkip } from "../suites/overlay_skip.ts";
import { scratch, unlessAll } from "../suites/scratch.ts";
import { BuildkitClient, type BuildAsked, type BuildTold } from "../support/buildkit_client.ts";
import { daemonFixture } from "../support/daemon_fixture.ts";
import { importBase } from "../support/import_base.ts";

const skip = cannotRun || overlaySkip;

interface Build extends Omit<BuildAsked, "files"> {
  readonly dockerfile: string;
  readonly files?: Readonly<Record<string, string>>;
}

const named = (name: string) => ({ type: "moby", attributes: { name: `docker.io/library/${name}` } });

/** What is built, one after the other. */
const builds: readonly Build[] = [
  {
    dockerfile:
      "FROM base:1 AS one\nARG V=1\nENV E=$V\nWORKDIR /w\nCOPY f g\nRUN cat g; env | grep ^E=\nFROM base:1\nCOPY --from=one /w/g /h\nLABEL l=m\n",
    files: { f: "text\n" },
    attributes: { "build-arg:V": "2", "label:k": "v" },
    exporter: named("app:1"),
  },
  { dockerfile: "FROM base:1\nRUN echo before; exit 3\n" },
  { dockerfile: "FROM base:1\nCOPY nothing /x\n" },
  {
    dockerfile: "FROM base:1 AS wanted\nRUN true\nFROM base:1\nRUN false\n",
    attributes: { target: "wanted" },
  },
  { dockerfile: "FROM base:1\n", attributes: { target: "none" } },
  {
    dockerfile: "FROM base:1\nRUN --mount=type=secret,id=s cat /run/secrets/s\n",
    secrets: { s: "hidden\n" },
  },
  { dockerfile: "FROM base:1\nRUN --mount=type=secret,id=s,required true\n" },
  {
    dockerfile: "FROM base:1\nRUN cat /etc/hosts | grep 1.2.3.4\n",
    attributes: { "add-hosts": "h=1.2.3.4" },
  },
  { dockerfile: "FROM scratch\nCOPY f /f\n", files: { f: "text" }, exporter: { type: "tar" } },
];

/** dockerd looks images up as vertexes of their own, and shares the base of several stages. */
function comparable({ vertexes, output, error, exported }: BuildTold) {
  const names = vertexes
    .filter((name) => !/^\[internal\] load (metadata|build context)/.test(name) && !/\] FROM /.test(name))
    .map((name) => name.replace("exporting to client tarball", "exporting to client"));
  const hosts = output.replace(/[ \t]+/g, " ");
  return { names: names.sort(), output: hosts, failed: error?.code, hasExported: exported.includes("text") };
}

async function imageOf(socketPath: string, name: string): Promise<unknown> {
  const asked = request({ socketPath, path: `/images/${name}/json` }).end();
  const [answer] = (await once(asked, "response")) as [IncomingMessage];
  const { Config, RootFS, RepoTags } = (await json(answer)) as {
    Config: { Env: string[]; Labels: object | null; WorkingDir: string };
    RootFS: { Layers: string[] };
    RepoTags: string[];
  };
  const { Env, Labels, WorkingDir } = Config;
  return { Env, Labels, WorkingDir, layers: RootFS.Layers.length, RepoTags };
}

async function spend(socketPath: string) {
  await importBase(socketPath);
  using client = await BuildkitClient.open(socketPath);
  const told = [];
  for (const { dockerfile, files = {}, attributes = {}, ...build } of builds) {
    const asked = {
      ...build,
      files: { ...files, Dockerfile: dockerfile },
      attributes: { "force-network-mode": "none", ...attributes },
    };
    told.push(comparable(await client.build(asked)));
  }
  return { told, image: await imageOf(socketPath, "app:1") };
}

test(
  "B179 builds over Control are those of dockerd",
  { skip: skip || unlessAll, timeout: 120_000 },
  async () => {
    await using fixture = await daemonFixture("overlay2");
    const ours = await spend(fixture.socket);
    assert.deepEqual(
      ours.told.map(({ failed }) => failed),
      [undefined, 2, 2, undefined, 2, undefined, 2, undefined, undefined],
    );
    assert.deepEqual(fixture.warnings, []);
    if (dockerdSkip !== false) return;
    using place = scratch("buildkit-dockerd");
    await using dockerd = await startDockerd(place.path, "overlay2");
    assert.ok(dockerd.root);
    assert.deepEqual(ours, await spend(join(place.path, "s")));
  },
);
