/** `varve build` as a command: what it prints where, its exit codes, and what interrupted builds leave. */
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, test } from "node:test";
import {
  besideDockerdSkip,
  bundle,
  dockerOn,
  json,
  makeBench,
  runSkip,
  unless,
  type Bench,
} from "./support.ts";
import { startDockerd } from "../suites/dockerd.ts";

const options = { skip: runSkip, timeout: 120_000 };

/** A directory with this Dockerfile. */
function context({ path }: Bench, dockerfile: string): string {
  const directory = fs.mkdtempSync(join(path, "context-"));
  fs.writeFileSync(join(directory, "Dockerfile"), dockerfile);
  return directory;
}

const failing = "FROM base:1\nRUN echo out; echo err >&2; exit 7\n";

test("a failing RUN: its output once, exit code and line; the old builder's exit code", options, async () => {
  await using bench = await makeBench("build-fail");
  const { varve } = bench;
  const directory = context(bench, failing);
  const command = "The command '/bin/sh -c echo out; echo err >&2; exit 7' returned a non-zero code: 7";
  const where = "Dockerfile:2: RUN echo out; echo err >&2; exit 7";

  const plain = await varve.run(["build", "-t", "failed:1", "--progress", "plain", directory]);
  assert.deepEqual([plain.code, plain.stdout], [1, ""]);
  assert.equal(plain.stderr.match(/^#2 [\d.]+ out$/gm)?.length, 1);
  assert.match(plain.stderr, /^#2 ERROR: exit code: 7$/m);
  assert.ok(plain.stderr.endsWith(`varve: ${command}\n${where}\n`), plain.stderr);

  const quiet = await varve.run(["build", "-q", directory]);
  assert.deepEqual([quiet.code, quiet.stdout], [1, ""]);
  // Two pipes: nobody knows which of the lines came first.
  const told = `varve: ${command}\n${where}\nIts last output:\n`;
  assert.ok([`${told}out\nerr\n`, `${told}err\nout\n`].includes(quiet.stderr), quiet.stderr);

  const classic = await varve.run(["build", "--classic", directory]);
  assert.deepEqual([classic.code, classic.stderr], [7, `varve: ${command}\n${where}\n`]);
  assert.ok(classic.stdout.includes("out\n") && classic.stdout.includes("\x1b[91merr\n"));

  const events = await varve.run(["--json", "build", directory]);
  const last = events.stderr
    .trimEnd()
    .split("\n")
    .map((line) => json<Record<string, unknown>>(line));
  assert.deepEqual(last.at(-1), { kind: "failed", message: command, hint: where, exitCode: 1 });
  assert.equal(events.stdout, "");
  assert.equal(await varve("images", "-q", "failed"), "");
});

test(
  "B074 the exit code of a failing RUN is that of docker build",
  { ...options, skip: besideDockerdSkip },
  async () => {
    await using bench = await makeBench("build-code");
    await using dockerd = await startDockerd(bench.path, "overlay2");
    void dockerd;
    const docker = dockerOn(bench.path);
    await docker("import", join(bench.path, "base.tar"), "base:1");
    const directory = context(bench, failing);
    const theirs = await docker.run(["build", "--network", "none", directory]);
    const ours = await bench.varve.run(["build", "--classic", "--network", "none", directory]);
    assert.deepEqual([ours.code, theirs.code], [7, 7]);
  },
);

test(
  "what cannot be parsed: file, line, column, the line and a guess, before anything runs",
  options,
  async () => {
    await using bench = await makeBench("build-parse");
    const directory = context(bench, "FROM base:1\nRUN touch /x\nCOPPY a b\n");
    assert.deepEqual(await bench.varve.run(["build", directory]), {
      code: 1,
      stdout: "",
      stderr: [
        "varve: dockerfile parse error line 3: unknown instruction: COPPY",
        "Dockerfile:3:1",
        "3 | COPPY a b",
        "  | ^^^^^ did you mean COPY?",
        "",
      ].join("\n"),
    });
  },
);

test("results go where they are asked for", options, async (t) => {
  await using bench = await makeBench("build-results");
  const { varve, path } = bench;
  const directory = context(bench, 'FROM base:1\nRUN echo hi > /hi\nCMD ["sh"]\n');
  const id = await varve("build", "-q", "-t", "app:1", "--iidfile", join(path, "iid"), directory);
  assert.match(id, /^sha256:[0-9a-f]{64}$/);
  assert.equal(fs.readFileSync(join(path, "iid"), "utf8"), id);

  await t.test("--json and --progress json: one result on standard output, events beside", async () => {
    const outcomes = [
      await varve.run(["--json", "build", "-t", "app:1", directory]),
      await varve.run(["build", "--progress", "json", "-t", "app:1", directory]),
    ];
    for (const { code, stdout, stderr } of outcomes) {
      assert.equal(code, 0);
      const result = json<{ image: string; names: string[]; costs: object[]; findings: object[] }>(stdout);
      assert.deepEqual([result.image, result.names], [id, ["app:1"]]);
      assert.ok(result.costs.length > 0 && result.findings.length > 0);
      const kinds = stderr
        .trimEnd()
        .split("\n")
        .map((line) => json<{ kind: string }>(line).kind);
      assert.deepEqual([kinds[0], kinds.at(-1)], ["plan", "done"]);
    }
  });

  await t.test("--metadata-file", async () => {
    await varve("build", "-q", "-t", "app:1", "--metadata-file", join(path, "metadata"), directory);
    const metadata = json<Record<string, unknown>>(fs.readFileSync(join(path, "metadata"), "utf8"));
    assert.equal(metadata["containerimage.config.digest"], id);
    assert.match(String(metadata["image.name"]), /app:1$/);
  });

  await t.test("-o -: standard output is the tar alone", async () => {
    for (const flags of [["--progress", "plain"], ["--progress", "json"], ["-q"]]) {
      const child = varve.start(["build", "-o", "-", ...flags, directory]);
      child.stdin?.end();
      const tar = spawn("tar", ["-tf", "-"], { stdio: [child.stdout!, "pipe", "pipe"] });
      child.stderr?.resume();
      const [names, errors] = await Promise.all([text(tar.stdout!), text(tar.stderr!)]);
      assert.match(names, /^(\.\/)?hi$/m, flags.join(" "));
      assert.equal(errors, "", flags.join(" "));
    }
  });

  await t.test("on a terminal: steps, the costs, what could be better, the name", async (t) => {
    if (unless("script") !== false) return t.skip("script is not installed");
    const { code, stdout } = await onTerminal(bench, ["build", "-t", "app:1", directory]);
    assert.equal(code, 0, stdout);
    assert.match(stdout, /=> \[stage-0 2\/3\] RUN echo hi > \/hi +CACHED/);
    assert.match(stdout, /\[\+\] Building [\d.]+s \(3\/3\) FINISHED/);
    assert.match(stdout, /LINE +INSTRUCTION +LAYER/);
    assert.match(stdout, /MissingUser, line 1/);
    assert.match(stdout, new RegExp(`Built ${id} as app:1`));
  });
});

test("--check needs no store; its exit code is by severity", options, async () => {
  await using bench = await makeBench("build-check");
  const { varve, path, root } = bench;
  const directory = context(bench, "FROM base:1\nCOPY ignored /\nCMD sh\n");
  fs.writeFileSync(join(directory, ".dockerignore"), "ignored\n");
  const check = (...args: string[]) =>
    varve.run(["--root", join(path, "none"), "build", "--check", ...args, directory]);
  const found = await check();
  assert.deepEqual([found.code, found.stderr], [1, ""]);
  assert.match(found.stdout, /JSONArgsRecommended/);
  assert.match(found.stdout, /CopyIgnoredFile/);
  assert.equal(fs.existsSync(join(path, "none")), false);
  assert.equal((await check("--check-error", "error")).code, 0);
  assert.equal((await check("--check-error", "never")).code, 0);
  const all = await check("--check-skip", "all", "--check-error", "info");
  assert.deepEqual([all.code, all.stdout], [0, "Check complete, no warnings found.\n"]);
  const wrong = await check("--check-skip", "MisingUser");
  assert.deepEqual([wrong.code, wrong.stderr.split("\n")[1]], [1, "Did you mean MissingUser?"]);
  const sarif = json<{ version: string; runs: { results: object[] }[] }>(
    (await check("--sarif", "-")).stdout,
  );
  assert.equal(sarif.version, "2.1.0");
  assert.equal((await check("--call=check")).code, 1);
  const built = await varve.run(["build", "-q", "--check-error=info", context(bench, "FROM base:1\n")]);
  assert.equal(built.code, 1);
  assert.ok(fs.existsSync(root));
});

test("flags of docker build: taken where they change nothing, else refused", options, async () => {
  await using bench = await makeBench("build-flags");
  const { varve } = bench;
  const directory = context(bench, "FROM base:1\nENV A=b\n");
  for (const name of [
    ["image", "build"],
    ["builder", "build"],
    ["buildx", "build"],
  ])
    await varve(...name, "-q", "--load", "--rm", "--force-rm", "--provenance=false", directory);
  const refused = await varve.run(["build", "-m", "1g", directory]);
  assert.deepEqual([refused.code, refused.stdout], [1, ""]);
  assert.match(refused.stderr, /^varve: --memory is not supported: /);
});

test("--init writes a Dockerfile for a Node project, and none over another", options, async () => {
  await using bench = await makeBench("build-init");
  const { varve, path } = bench;
  const project = join(path, "project");
  fs.mkdirSync(project);
  fs.writeFileSync(join(project, "package.json"), '{"main":"main.js"}');
  const without = await varve.run(["build", project]);
  assert.equal(without.code, 1);
  assert.ok(without.stderr.includes(`\`varve build --init ${project}\``), without.stderr);
  assert.equal(await varve("build", "--init", project), `Wrote Dockerfile and .dockerignore in ${project}`);
  assert.match(fs.readFileSync(join(project, "Dockerfile"), "utf8"), /CMD \["node", "main.js"\]/);
  const again = await varve.run(["build", "--init", project]);
  assert.deepEqual([again.code, again.stderr], [1, `varve: ${join(project, "Dockerfile")} exists\n`]);
});

test("--on-error=shell: a shell where the step has failed, on our terminal", options, async (t) => {
  if (unless("script") !== false) return t.skip("script is not installed");
  await using bench = await makeBench("build-shell");
  const directory = context(bench, "FROM base:1\nWORKDIR /w\nENV A=b\nRUN echo made > f; exit 3\n");
  const build = ["build", "--network", "none", "--on-error", "shell", "-t", "shell:1", directory];
  const typed = "echo in $PWD $A $(cat f) $((40+2)); tty; exit 5\n";
  const { code, stdout } = await onTerminal(bench, build, { when: "/w #", typed });
  assert.match(stdout, /^in \/w b made 42\r$/m);
  assert.match(stdout, /^\/dev\/(pts\/\d+|console)\r$/m);
  assert.match(stdout, /returned a non-zero code: 3/);
  assert.equal(code, 1);
  assert.equal(await bench.varve("images", "-q", "shell"), "");
  assertNothingMounted(bench);
});

/** Runs varve with a terminal for all three streams; types when it is asked to. */
async function onTerminal(
  { root }: Bench,
  args: readonly string[],
  input?: { readonly when: string; readonly typed: string },
): Promise<{ readonly code: number; readonly stdout: string }> {
  const words = [process.execPath, bundle, "--root", root, ...args].map((word) => `'${word}'`);
  const child = spawn("script", ["-qefc", words.join(" "), "/dev/null"], {
    env: { ...process.env, TERM: "xterm", DOCKER_CONFIG: "/nonexistent-varve-test" },
  });
  let [stdout, hasTyped] = ["", false];
  child.stdout.on("data", (chunk: Buffer) => {
    stdout += chunk.toString();
    if (input === undefined || hasTyped || !stdout.includes(input.when)) return;
    hasTyped = true;
    child.stdin.write(input.typed);
  });
  const [code] = (await once(child, "close")) as [number | null];
  return { code: code ?? -1, stdout };
}

function assertNothingMounted({ path }: Bench): void {
  const mounts = fs.readFileSync("/proc/self/mountinfo", "utf8").split("\n");
  assert.deepEqual(
    mounts.filter((line) => line.includes(path)),
    [],
  );
}

/** Processes that have this word on their command line. */
function processesWith(word: string): string[] {
  return fs.readdirSync("/proc").filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return fs.readFileSync(`/proc/${pid}/cmdline`, "latin1").split("\0").includes(word);
    } catch {
      // It has ended meanwhile.
      return false;
    }
  });
}

/** Resolves when the program has printed it on standard error. */
async function seen(child: ChildProcess, words: string): Promise<void> {
  let printed = "";
  const found = Promise.withResolvers<void>();
  child.stderr!.on("data", (chunk) => {
    printed += String(chunk);
    if (printed.includes(words)) found.resolve();
  });
  child.on("close", () => found.reject(new Error(`it ended without "${words}": ${printed}`)));
  await found.promise;
}

describe("a build that is interrupted in the middle of a RUN", () => {
  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGKILL", null],
  ] as const) {
    test(`${signal}: nothing stays mounted, alive or tagged, and the next build works`, options, async () => {
      await using bench = await makeBench("build-interrupted");
      const { varve, root } = bench;
      const seconds = `8${String(process.pid).padStart(7, "0")}`;
      const directory = context(
        bench,
        `FROM base:1\nRUN echo one > /one\nARG QUICK\nRUN echo begun; [ -n "$QUICK" ] || sleep ${seconds}\n`,
      );
      const build = ["build", "--network", "none", "--progress", "plain", "-t", "stopped:1"];
      const child = varve.start([...build, directory]);
      child.stdout?.resume();
      await seen(child, " begun\n");
      const closed = once(child, "close");
      child.kill(signal);
      assert.deepEqual((await closed)[0], code);
      // After kill -9 it is the next command that cleans.
      assert.equal(await varve("images", "-q", "stopped"), "");
      assertNothingMounted(bench);
      assert.deepEqual(processesWith(seconds), []);
      const steps = join(root, "varve/steps");
      assert.deepEqual(fs.existsSync(steps) ? fs.readdirSync(steps) : [], []);
      const next = await varve.run([...build, "--build-arg", "QUICK=1", directory]);
      assert.equal(next.code, 0, next.stderr);
      assert.match(next.stderr, /^#2 CACHED$/m);
      // Directories that the killed build has left without a name: garbage, as after any killed command.
      await varve("system", "gc");
      const checked = await varve.run(["system", "check"]);
      assert.equal(checked.code, 0, checked.stdout + checked.stderr);
    });
  }
});

test("two builds at once on one root share the cache, and both succeed", options, async () => {
  await using bench = await makeBench("build-two");
  const { varve } = bench;
  const directory = context(
    bench,
    "FROM base:1 AS a\nRUN echo a > /a\nFROM base:1\nCOPY --from=a /a /a\nRUN cat /a > /b; echo done\n",
  );
  const build = ["build", "--network", "none", "--progress", "plain"];
  const outcomes = await Promise.all(
    ["two:1", "two:2", "two:3"].map((name) => varve.run([...build, "-t", name, directory])),
  );
  for (const { code, stderr } of outcomes) assert.equal(code, 0, stderr);
  const { stderr } = await varve.run([...build, directory]);
  assert.equal(stderr.match(/ CACHED$/gm)?.length, 3, stderr);
  assert.equal((await varve("images", "-q", "two")).split("\n").length, 3);
  await varve("system", "check");
});
