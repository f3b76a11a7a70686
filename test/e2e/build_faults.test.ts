/** `build` interrupted, on a full disk, beside other builds and beside commands that remove things. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import * as fs from "node:fs";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import * as sys from "../../src/sys/index.ts";
import { footprint } from "../fixtures/hostile/world.ts";
import { probeOverlay } from "../../src/driver/index.ts";
import { faultyDays, scratch } from "../suites/scratch.ts";
import { isHeld } from "./faults_support.ts";
import { makeBase, makeBench, runSkip, varveOn, type Bench, type Outcome, type Program } from "./support.ts";

const options = { skip: runSkip, timeout: 120_000 };

function write(directory: string, files: Readonly<Record<string, string | Uint8Array>>): string {
  fs.mkdirSync(directory, { recursive: true });
  for (const [path, content] of Object.entries(files)) fs.writeFileSync(join(directory, path), content);
  return directory;
}

const build = (varve: Program, ...args: string[]): Promise<Outcome> =>
  varve.run(["build", "--network", "none", "--progress", "plain", ...args]);

async function built(varve: Program, ...args: string[]): Promise<string> {
  const { code, stderr } = await build(varve, ...args);
  assert.equal(code, 0, stderr);
  return stderr;
}

/** What is mounted below the root, but for the images that the erofs driver keeps for the next container. */
function mountsBelow(root: string): string[] {
  return sys
    .mountInfo()
    .filter(
      ({ mountPoint, type }) => mountPoint.startsWith(`${root}/`) && !/^(erofs|fuse\.varve)$/.test(type),
    )
    .map(({ mountPoint }) => mountPoint);
}

/** Starts a build and calls `then` at the first line that matches; resolves to how it ended. */
async function atLine(
  varve: Program,
  args: readonly string[],
  line: RegExp,
  then: (stop: () => void) => void,
): Promise<{ readonly code: number | null; readonly stderr: string }> {
  const child = varve.start(["build", "--network", "none", "--progress", "plain", ...args]);
  child.stdin?.end();
  child.stdout?.resume();
  let stderr = "";
  let seen = false;
  createInterface({ input: child.stderr! }).on("line", (text) => {
    stderr += `${text}\n`;
    if (seen || !line.test(text)) return;
    seen = true;
    then(() => void child.kill("SIGINT"));
  });
  const [code] = (await once(child, "close")) as [number | null];
  return { code, stderr };
}

async function serve(listener: RequestListener): Promise<AsyncDisposable & { readonly url: string }> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** Everything is as before, and nothing is mounted. */
function assertNothingLeft({ root }: Bench, before: readonly string[]): void {
  assert.deepEqual(footprint(root).filter(isHeld), before.filter(isHeld));
  assert.deepEqual(mountsBelow(root), []);
}

test("Ctrl-C during RUN, COPY of a large file, and ADD of a URL", options, async (t) => {
  await using bench = await makeBench("build-ctrl-c");
  const { varve, root, path } = bench;
  await built(varve, write(join(path, "first"), { Dockerfile: "FROM base:1\nRUN true\n" }));
  await varve("builder", "prune", "-a", "-f");
  await varve("system", "gc");
  const before = footprint(root);
  const stopped = async (dockerfile: string, line: RegExp, prepare?: (context: string) => void) => {
    const context = write(fs.mkdtempSync(join(path, "context-")), { Dockerfile: dockerfile });
    prepare?.(context);
    const { code, stderr } = await atLine(varve, ["-t", "never:1", context], line, (stop) => stop());
    assert.equal(code, 130, stderr);
    assert.equal(await varve("images", "-q", "never:1"), "");
    assertNothingLeft(bench, before);
  };
  await t.test("RUN that ignores it", () =>
    stopped("FROM base:1\nRUN trap '' INT TERM; echo began; sleep 86414\n", /began/),
  );
  await t.test("COPY", () =>
    // Nobody reads that to its end.
    stopped("FROM base:1\nCOPY large /\n", / COPY large /, (context) => {
      fs.writeFileSync(join(context, "large"), "");
      fs.truncateSync(join(context, "large"), 2 ** 42);
    }),
  );
  await t.test("ADD", async () => {
    const begun = Promise.withResolvers<void>();
    await using server = await serve((_, answer) => {
      answer.writeHead(200, { "content-length": "1000000" });
      answer.write("some of it");
      begun.resolve();
    });
    const context = write(join(path, "url"), { Dockerfile: `FROM base:1\nADD ${server.url}/file /\n` });
    const { code, stderr } = await atLine(varve, [context], / ADD /, (stop) => void begun.promise.then(stop));
    assert.equal(code, 130, stderr);
    assertNothingLeft(bench, before);
  });
});

test("a step that fails ends the stages beside it", options, async () => {
  await using bench = await makeBench("build-cancel");
  const { varve, path, root } = bench;
  const dockerfile = `FROM base:1 AS slow
RUN trap '' INT TERM; echo began > /shared/began; sleep 86415
FROM base:1 AS bad
RUN --mount=type=cache,target=/shared until [ -e /shared/began ]; do sleep 0.1; done; echo last words; exit 7
FROM base:1
COPY --from=slow / /
COPY --from=bad / /
`.replace("RUN trap", "RUN --mount=type=cache,target=/shared trap");
  const context = write(join(path, "c"), { Dockerfile: dockerfile });
  const { code, stderr } = await build(varve, "-t", "never:1", context);
  assert.equal(code, 1, stderr);
  assert.match(stderr, /^varve: The command '.*exit 7' returned a non-zero code: 7$/m);
  assert.match(stderr, /^#6 [\d.]+ last words$/m);
  assert.equal(await varve("images", "-q", "never:1"), "");
  assert.deepEqual(mountsBelow(root), []);
  assert.equal(await varve("system", "check", "--deep"), "no problems found");
});

const shared = `FROM base:1 AS one
COPY a /a
RUN cat /a > /b; head -c 300000 /dev/urandom > /random
FROM base:1 AS two
RUN echo two > /two; head -c 300000 /dev/urandom > /random
FROM base:1
COPY --from=one /a /random /one/
COPY --from=two /two /random /two/
WORKDIR /w
`;

test(
  "builds at once of one Dockerfile share the cache, and later ones give one image",
  options,
  async (t) => {
    for (const count of [2, 8]) {
      await t.test(`${count} builds`, async () => {
        await using bench = await makeBench("build-at-once");
        const { varve, path, root } = bench;
        const context = write(join(path, "c"), { Dockerfile: shared, a: "a" });
        const numbers = Array.from({ length: count }, (_, i) => i);
        const outcomes = await Promise.all(numbers.map((i) => build(varve, "-t", `at:${i}`, context)));
        for (const { code, stderr } of outcomes) assert.equal(code, 0, stderr);
        const names = (await varve("images", "--format", "{{.Tag}}", "at")).split("\n");
        assert.deepEqual(names.sort(), numbers.map(String));
        const again = await built(varve, "-t", "again:1", context);
        assert.equal(again.match(/^#\d+ CACHED$/gm)?.length, 6, again);
        assert.deepEqual(mountsBelow(root), []);
        assert.equal(await varve("system", "check", "--deep"), "no problems found");
      });
    }
  },
);

test("rmi, gc and builder prune while builds are under way", options, async () => {
  await using bench = await makeBench("build-beside");
  const { varve, path, root } = bench;
  const contexts = [0, 1, 2].map((i) =>
    write(join(path, `c${i}`), { Dockerfile: shared, a: `a${i}`, b: randomBytes(100_000) }),
  );
  await built(varve, "-t", "old:1", contexts[0] as string);
  const builds = Promise.all(contexts.map((context, i) => build(varve, "-t", `new:${i}`, context)));
  const others: string[][] = [
    ["builder", "prune", "-a", "-f"],
    ["system", "gc"],
    ["rmi", "old:1"],
    ["builder", "prune", "-f"],
    ["image", "prune", "-f"],
    ["system", "gc"],
  ];
  for (const args of others) {
    const { code, stderr } = await varve.run(args);
    assert.equal(code, 0, `${args.join(" ")}: ${stderr}`);
  }
  for (const { code, stderr } of await builds) assert.equal(code, 0, stderr);
  assert.equal(await varve("system", "check", "--deep"), "no problems found");
  for (const i of [0, 1, 2]) {
    const said = await varve("run", "--rm", "--network", "none", `new:${i}`, "cat", "/one/a", "/two/two");
    assert.equal(said, `a${i}two`);
  }
  assert.deepEqual(mountsBelow(root), []);
});

/** The reason to skip, or false. */
function smallDiskSkip(): string | false {
  if (runSkip !== false) return runSkip;
  using folder = scratch("build-disk");
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "varve-test", folder.path]);
  } catch (error) {
    return `cannot mount a tmpfs: ${(error as Error).message.split("\n")[0]}`;
  }
  try {
    const probe = probeOverlay(folder.path);
    return probe.ok ? false : probe.reason;
  } finally {
    execFileSync("umount", [folder.path]);
  }
}

const MiB = 1 << 20;

for (const driver of faultyDays) {
  test(
    `${driver}: a full disk fails the build, and says so`,
    { ...options, skip: smallDiskSkip() },
    async (t) => {
      using folder = scratch("build-disk");
      const root = join(folder.path, "root");
      fs.mkdirSync(root);
      const resize = (how: string, size: number): void =>
        void execFileSync("mount", ["-t", "tmpfs", "-o", `${how}size=${size},mode=711`, "varve-test", root]);
      resize("", 40 * MiB);
      try {
        const varve = varveOn(root, driver);
        await varve("import", makeBase(folder.path, { id: "base" }), "base:1");
        const context = write(join(folder.path, "c"), { large: randomBytes(60 * MiB) });
        const cases: Readonly<Record<string, readonly [string, RegExp]>> = {
          COPY: ["COPY large /large", /^varve: .*no space left on device/m],
          RUN: ["RUN dd if=/dev/urandom of=/large bs=1000000 count=80", /no space left on device/i],
        };
        for (const [title, [instruction, message]] of Object.entries(cases)) {
          await t.test(title, async () => {
            fs.writeFileSync(join(context, "Dockerfile"), `FROM base:1\n${instruction}\n`);
            const { code, stderr } = await build(varve, "-t", "never:1", context);
            assert.equal(code, 1, stderr);
            assert.match(stderr, message);
            assert.doesNotMatch(stderr, /internal error/);
            assert.equal(await varve("images", "-q", "never:1"), "");
            assert.deepEqual(mountsBelow(root), []);
            assert.equal(await varve("system", "check", "--deep"), "no problems found");
            resize("remount,", 400 * MiB);
            await built(varve, "-t", "now:1", context);
            await varve("rmi", "now:1");
            await varve("builder", "prune", "-a", "-f");
            fs.rmSync(join(root, "varve/blobs"), { recursive: true, force: true });
            resize("remount,", 40 * MiB);
          });
        }
      } finally {
        execFileSync("umount", [root]);
      }
    },
  );
}
