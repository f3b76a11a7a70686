/** Docker's own command line at our daemon and at dockerd: images, registries, archives and builds. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { toFile } from "../../src/bytes/index.ts";
import { treeTar } from "../../src/layer/index.ts";
import { serveRegistry } from "../../src/registry/index.ts";
import { cannotRun, ContainerFixture } from "../../src/runtime/container_fixture.ts";
import { dockerdSkip, startDockerd } from "../suites/dockerd.ts";
import { overlaySkip } from "../suites/overlay_skip.ts";
import { scratch } from "../suites/scratch.ts";
import { daemonFixture } from "../support/daemon_fixture.ts";
import { signal } from "../support/engine_fixture.ts";

const docker = ["/usr/bin/docker", "/usr/local/bin/docker"].find((path) => existsSync(path));
const skip = cannotRun || overlaySkip || (docker === undefined ? "docker is not installed" : false);

interface Bench {
  readonly socket: string;
  /** The directory of what is needed; also where the command keeps its settings. */
  readonly directory: string;
  readonly registry: string;
  readonly guarded: string;
}

/** Runs a command line; what it printed and its exit code, as on a terminal that keeps all lines. */
async function run({ socket, directory }: Bench, line: string, input = ""): Promise<string> {
  const child = spawn(docker as string, ["-H", `unix://${socket}`, ...line.split(" ")], {
    cwd: directory,
    env: {
      PATH: process.env["PATH"] ?? "",
      DOCKER_CONFIG: join(directory, "settings"),
      DOCKER_BUILDKIT: "0",
      no_proxy: "127.0.0.1",
    },
  });
  child.stdin.end(input);
  const ended = once(child, "close") as Promise<[number]>;
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return `$ docker ${line}\n${stdout}${stderr}= ${code}`;
}

/** A working day with images. Each line may bring its standard input. */
function* day({ registry: R, guarded: G, directory }: Bench): Generator<string | readonly [string, string]> {
  yield* ["import base.tar base:1", `tag base:1 ${R}/w/base:1`, `tag base:1 ${R}/w/base:2`, "tag nope a:1"];
  yield* [`push ${R}/w/base:1`, `push -a ${R}/w/base`, `push ${R}/nope:1`, "images --digests"];
  yield* ["images --filter reference=base*", "images --filter dangling=true", "history --no-trunc base:1"];
  yield* [`rmi ${R}/w/base:1 ${R}/w/base:2 base:1`, `pull ${R}/w/base:1`, `pull ${R}/w/base:1`];
  yield* [`pull -a ${R}/w/base`, `pull ${R}/w/nope`, `pull ${G}/x`, `pull -q ${R}/w/base:2`];
  yield `image inspect --format {{.RepoTags}}{{.RepoDigests}}{{.Size}}{{.Config.Cmd}} ${R}/w/base:1`;
  const build = (lines: string): void => writeFileSync(join(directory, "context/Dockerfile"), lines);
  build(
    `ARG V=1\nFROM ${R}/w/base:1 AS one\nARG X\nLABEL v=$X\nRUN echo $X; ulimit -n; echo $X > /f\nFROM one\nCOPY Dockerfile /D\n`,
  );
  yield "build --network none --ulimit nofile=77:99 -t built:1 -t built:x --build-arg X=5 context";
  yield "build --network none --ulimit nofile=77:99 -t built:1 -t built:x --build-arg X=5 context";
  yield "build -q --network none --build-arg X=5 context";
  yield "build --network none --target one --label a=b --build-arg NOPE=1 context";
  build(`FROM ${R}/w/base:1\nRUN echo no; exit 3\n`);
  yield "build --force-rm --network none context";
  build(`FROM ${R}/w/none\n`);
  yield* ["build context", "build -f none context"];
  yield ["build -", `FROM ${R}/w/base:1\nBAD x\n`];
  yield* [
    "save -o saved.tar built:1",
    "rmi built:1",
    "rmi built:x",
    "load -i saved.tar",
    "load -q -i saved.tar",
  ];
  yield* ["save -o other.tar nope", "rmi nope", "image prune -f", "search --limit 200 x"];
  yield [`login -u bob --password-stdin ${G}`, "wrong"];
  yield [`login -u bob --password-stdin ${G}`, "secret"];
  yield* [`tag ${R}/w/base:1 ${G}/w/base:1`, `push ${G}/w/base:1`, `rmi ${G}/w/base:1`, `pull ${G}/w/base:1`];
  yield* [`rmi ${G}/w/base:1`, `logout ${G}`, `pull ${G}/w/base:1`];
}

/** What differs from run to run or by intent is named alike. */
function comparable(output: string, { registry, guarded, directory }: Bench): string[] {
  const lines = output
    .replaceAll(registry, "REGISTRY")
    .replaceAll(guarded, "GUARDED")
    .replaceAll(directory, "DIRECTORY")
    .replace(/sha256:[0-9a-f]{64}/g, "DIGEST")
    .replace(/\b[0-9a-f]{12}\b/g, "ID")
    .replace(/(Less than a second|\d+ seconds?) ago */g, "AGO ")
    .replace(/^.*credential.*$\n|^WARNING.*$\n/gim, "")
    .replace(/repository name( \(\S+\))? must/g, "repository name must")
    .replace(/\blimit 200\b/gi, "limit 200")
    .replace("No such image: nope:latest", "No such image: nope")
    .replace(/ {2,}/g, "  ")
    // Sizes in manifests depend on the compressor.
    .replace(/size: \d+/g, "size: SIZE")
    // dockerd has the base's layer still, in images of builds that were pruned later.
    .split("\n")
    .filter(
      (line) => !/^ID: |^(deleted|untagged): |^Deleted: |^Total reclaimed|^(Digest|Status): |^$/.test(line),
    );
  // The command lists an image's repositories in the order of a Go map: in none.
  return lines[0]?.startsWith("$ docker images") === true ? lines.sort() : lines;
}

async function spend(bench: Bench): Promise<string[]> {
  mkdirSync(join(bench.directory, "context"), { recursive: true });
  const shown: string[] = [];
  for (const step of day(bench)) {
    const [line, input] = typeof step === "string" ? [step, ""] : step;
    shown.push(await run(bench, line, input));
  }
  return shown;
}

async function withBench<T>(socket: string, work: (bench: Bench) => Promise<T>): Promise<T> {
  using directory = scratch("api-images");
  using base = await ContainerFixture.create();
  await toFile(treeTar(base.rootfs, { signal }), join(directory.path, "base.tar"), { signal });
  await using registry = await serveRegistry({ storage: "memory" });
  await using guarded = await serveRegistry({
    storage: "memory",
    auth: { kind: "basic", users: { bob: "secret" } },
  });
  return await work({
    socket,
    directory: directory.path,
    registry: registry.address,
    guarded: guarded.address,
  });
}

test(
  "B177 B179 B183 the docker command works with images, registries and builds",
  { skip, timeout: 120_000 },
  async () => {
    await using fixture = await daemonFixture("overlay2");
    await withBench(fixture.socket, async (bench) => {
      const shown = (await spend(bench)).map((output) => comparable(output, bench));
      const of = (start: string): string[] => {
        const found = shown.find(([line]) => line?.startsWith(`$ docker ${start}`));
        assert.ok(found, start);
        return found;
      };
      assert.deepEqual(of("push -a").at(-1), "= 0");
      assert.deepEqual(of("build --force-rm").slice(-3), [
        "Removing intermediate container ID",
        "The command '/bin/sh -c echo no; exit 3' returned a non-zero code: 3",
        "= 3",
      ]);
      assert.deepEqual(of("load -i").slice(1), ["Loaded image: built:1", "= 0"]);
      assert.match(
        (await run(bench, "search alpine")).split("\n")[1] ?? "",
        /^Error response from daemon: Get /,
      );
      assert.deepEqual(fixture.warnings, []);
      if (dockerdSkip !== false) return;
      using place = scratch("api-images-dockerd");
      await using dockerd = await startDockerd(place.path, "overlay2");
      assert.ok(dockerd.root);
      await withBench(join(place.path, "s"), async (other) => {
        const theirs = (await spend(other)).map((output) => comparable(output, other));
        assert.deepEqual(shown, theirs);
      });
    });
  },
);
