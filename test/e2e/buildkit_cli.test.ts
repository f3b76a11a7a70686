/** A docker CLI that has BuildKit's client in it (18.09 to 20.10, `DOCKER_BUILDKIT=1`) at our daemon and at dockerd. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { test } from "node:test";
import { cannotRun } from "../../src/runtime/container_fixture.ts";
import { serveRegistry } from "../../src/registry/index.ts";
import { dockerdSkip, startDockerd } from "../suites/dockerd.ts";
import { overlaySkip } from "../suites/overlay_skip.ts";
import { scratch, unlessAll } from "../suites/scratch.ts";
import { cliWithBuildkit } from "../support/cli_with_buildkit.ts";
import { daemonFixture } from "../support/daemon_fixture.ts";
import { importBase } from "../support/import_base.ts";
import { program, type Program } from "./support.ts";

const cli = cannotRun === false ? cliWithBuildkit() : undefined;
const skip = cannotRun || overlaySkip || (cli === undefined && "needs a docker CLI of 18.09 to 20.10");

/** Writes a context; its Dockerfiles lie in it, too. */
function writeContext(directory: string, files: Readonly<Record<string, string>>): string {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), text);
  }
  return directory;
}

/** The CLI with a home of its own. */
function cliAt(
  socketPath: string,
  home: string,
): { build(...args: string[]): ReturnType<Program["run"]>; docker: Program } {
  const docker = program(cli as string, "-H", `unix://${socketPath}`);
  const env = { DOCKER_BUILDKIT: "1", HOME: home, DOCKER_CONFIG: home };
  return {
    docker,
    build: (...args) =>
      docker.run(["build", "--progress", "plain", "--network", "none", ...args], { env, cwd: home }),
  };
}

const files = {
  Dockerfile: "FROM base:1\nARG WHO=nobody\nCOPY . /app\nRUN echo hello $WHO; ls /app\n",
  Fails: "FROM base:1\nRUN echo before; exit 3\n",
  a: "text\n",
  "d/b": "more\n",
  "left.log": "",
  ".dockerignore": "*.log\n",
};

test(
  "B179 a build of a CLI with BuildKit's client; again, from the cache; one that fails; files of it",
  { skip },
  async () => {
    await using fixture = await daemonFixture("overlay2");
    using home = scratch("buildkit-cli");
    await importBase(fixture.socket);
    const { build } = cliAt(fixture.socket, home.path);
    const context = writeContext(join(home.path, "context"), files);
    const first = await build("-t", "app:1", "--build-arg", "WHO=you", "--iidfile", "iid", context);
    assert.equal(first.code, 0, first.stderr);
    assert.match(first.stderr, /^#\d+ [\d.]+ hello you$/m);
    assert.match(first.stderr, /^#\d+ \[internal\] load build context$/m);
    assert.doesNotMatch(first.stderr, /left\.log/);
    const { id } = await fixture.engine.images.inspect("app:1").then(({ Id }) => ({ id: Id }));
    assert.equal(readFileSync(join(home.path, "iid"), "utf8"), id);
    const again = await build("-q", "-t", "app:1", "--build-arg", "WHO=you", context);
    assert.deepEqual([again.code, again.stdout], [0, `${id}\n`]);
    const failed = await build("-f", join(context, "Fails"), context);
    assert.equal(failed.code, 1);
    assert.match(failed.stderr, /did not complete successfully: exit code: 3/);
    writeFileSync(join(context, "Out"), "FROM scratch\nCOPY d /\n");
    assert.equal((await build("-o", "out", "-f", join(context, "Out"), context)).code, 0);
    assert.equal(readFileSync(join(home.path, "out/b"), "utf8"), "more\n");
    assert.deepEqual(fixture.warnings, []);
  },
);

/** What a client sees of each kind of build, as far as the two daemons have it in common. */
async function spend(socketPath: string, registry: string): Promise<Record<string, unknown>> {
  using home = scratch("buildkit-cli");
  await importBase(socketPath);
  const { build, docker } = cliAt(socketPath, home.path);
  const context = writeContext(join(home.path, "context"), files);
  symlinkSync("a", join(context, "link"));
  const auths = { [registry]: { auth: Buffer.from("bob:secret").toString("base64") } };
  writeFileSync(join(home.path, "config.json"), JSON.stringify({ auths }));
  writeFileSync(join(home.path, "secret"), "hidden\n");
  /** Lines that commands have printed. */
  const says = async (dockerfile: string, ...args: string[]): Promise<unknown> => {
    writeFileSync(join(context, "Now"), dockerfile);
    const { code, stderr } = await build("--no-cache", ...args, "-f", join(context, "Now"), context);
    const lines = [...stderr.matchAll(/^#\d+ \d+\.\d+ (.*)$/gm)].map(([, line]) => line);
    return { code, lines };
  };
  const env = { DOCKER_CONFIG: home.path };
  const quietly = async (...args: string[]): Promise<number> => (await docker.run(args, { env })).code;
  const base = `${registry}/base:1`;
  await docker("tag", "base:1", base);
  const pushed = await quietly("push", base);
  await docker("rmi", base);
  const tar = execFileSync("tar", ["-C", context, "-cz", "."]);
  const run = async (input: string | Uint8Array, ...args: string[]): Promise<unknown> => {
    const environment = { DOCKER_BUILDKIT: "1", HOME: home.path, DOCKER_CONFIG: home.path };
    const all = ["build", "--network", "none", ...args];
    const { code } = await docker.run(all, { env: environment, cwd: home.path, input });
    return code;
  };
  const from = "FROM base:1\n";
  return {
    pushed,
    pulled: await says(`FROM ${base}\nRUN echo pulled\n`, "--pull"),
    files: await says(
      `${from}COPY . /app\nRUN find /app | sort; cat /app/link; ls -ld /app/d | cut -c1-10\n`,
    ),
    ignored: await says(`${from}COPY left.log /\n`),
    secret: await says(
      `${from}RUN --mount=type=secret,id=s cat /run/secrets/s\nRUN --mount=type=secret,id=t cat /run/secrets/t 2>/dev/null || echo none\n`,
      "--secret",
      "id=s,src=secret",
    ),
    missingSecret: await says(`${from}RUN --mount=type=secret,id=t,required=true true\n`),
    missingAgent: await says(`${from}RUN --mount=type=ssh,required=true true\n`),
    hosts: await says(`${from}RUN grep 1.2.3.4 /etc/hosts | tr '\\t' ' '\n`, "--add-host", "h:1.2.3.4"),
    target: await says(`FROM base:1 AS one\nRUN echo one\nFROM base:1\nRUN false\n`, "--target", "one"),
    unknown: await says(`${from}FOO x\n`),
    tarOut: [
      await run("", "-o", "type=tar,dest=out.tar", "-f", join(context, "Dockerfile"), context),
      execFileSync("tar", ["-tf", join(home.path, "out.tar"), "app/a", "app/d/b"], { encoding: "utf8" }),
    ],
    tarIn: await run(tar, "-t", "tar:1", "-"),
    dockerfileIn: await run(`${from}RUN true\n`, "-"),
    dockerfileBeside: await run(`${from}COPY a /\n`, "-f", "-", context),
    labels: [
      await run("", "--label", "l=1", "-t", "label:1", context),
      await docker("inspect", "-f", "{{.Config.Labels}}", "label:1"),
    ],
  };
}

test(
  "B179 builds of such a CLI are those of dockerd",
  { skip: skip || unlessAll, timeout: 300_000 },
  async () => {
    await using registry = await serveRegistry({
      storage: "memory",
      auth: { kind: "basic", users: { bob: "secret" } },
    });
    await using fixture = await daemonFixture("overlay2");
    const ours = await spend(fixture.socket, registry.address);
    assert.deepEqual(fixture.warnings, []);
    assert.deepEqual((ours as { secret: unknown }).secret, { code: 0, lines: ["hidden", "none"] });
    if (dockerdSkip !== false) return;
    using place = scratch("buildkit-cli-dockerd");
    await using dockerd = await startDockerd(place.path, "overlay2");
    assert.ok(dockerd.root);
    assert.deepEqual(ours, await spend(join(place.path, "s"), registry.address));
  },
);

test(
  "B179 a build that its CLI gives up ends; so does one whose CLI is gone",
  { skip: skip || unlessAll, timeout: 120_000 },
  async () => {
    await using fixture = await daemonFixture("overlay2");
    using home = scratch("buildkit-cli");
    await importBase(fixture.socket);
    const { docker } = cliAt(fixture.socket, home.path);
    const context = writeContext(join(home.path, "c"), {
      Dockerfile: "FROM base:1\nRUN echo begun; exec sleep 1000\n",
    });
    const env = { DOCKER_BUILDKIT: "1", HOME: home.path, DOCKER_CONFIG: home.path };
    for (const signal of ["SIGINT", "SIGKILL"] as const) {
      const child = docker.start(["build", "--network=none", "--no-cache", "--progress=plain", context], {
        env,
      });
      const ended = once(child, "close");
      const begun = Promise.withResolvers<void>();
      createInterface({ input: child.stderr as Readable }).on("line", (line) => {
        if (/^#\d+ \S+ begun$/.test(line)) begun.resolve();
      });
      await begun.promise;
      child.kill(signal);
      await ended;
      // Its container, its mounts and what it has claimed are gone, however long that takes.
      const { root } = fixture.engine.store;
      while (readdirSync(join(root, "varve/sessions")).length > 0)
        await new Promise((resolve) => setTimeout(resolve, 20));
      assert.deepEqual(readdirSync(join(root, "varve/steps")), []);
    }
    assert.deepEqual(fixture.warnings, []);
  },
);
