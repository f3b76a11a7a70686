/** `build` killed at many points: nothing stays mounted or running, the root is whole, and what was done is kept. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { openEngine } from "../../src/engine/index.ts";
import * as sys from "../../src/sys/index.ts";
import { faultyDays, scratch } from "../suites/scratch.ts";
import { footprint } from "../fixtures/hostile/world.ts";
import { tarFile, tarOf } from "../support/tar_help.ts";
import { assertReturned, assertWhole, listed } from "./faults_support.ts";
import { makeBase, runSkip, varveOn, type Program } from "./support.ts";

/** A program that would never end by itself, and is known by its command line. */
const endless = "86413";

const dockerfile = `FROM base:1 AS left
COPY big /left/big
RUN --mount=type=cache,target=/c echo left began && head -c 500000 /left/big > /c/x && cp /c/x /left/copy && echo left ends
WORKDIR /left/deep
FROM base:1 AS right
ADD archive.tar /right
RUN echo right began && mkdir -p /right/made && chmod -R 700 /right && echo right ends
FROM base:1
COPY --from=left /left /left
COPY --from=right --chown=5:6 /right /right
RUN --mount=type=secret,id=s echo last began; [ ! -e /run/secrets/s ] || sleep ${endless}
CMD ["sh"]
`;

/** When the line is said, or as a share of the time that the build takes. */
type Moment = RegExp | number;

const moments: Readonly<
  Record<"overlay2" | "erofs" | "vfs", readonly (readonly [Moment, NodeJS.Signals])[]>
> = {
  overlay2: [
    [0.3, "SIGKILL"],
    [/ COPY big /, "SIGKILL"],
    [/left began/, "SIGKILL"],
    [/ COPY --from=left /, "SIGKILL"],
    [/ COPY --from=right /, "SIGTERM"],
    [/last began/, "SIGKILL"],
    [/last began/, "SIGINT"],
    [0.9, "SIGKILL"],
  ],
  erofs: [
    [/ COPY big /, "SIGKILL"],
    [/left began/, "SIGKILL"],
    [/last began/, "SIGKILL"],
  ],
  vfs: [[/right began/, "SIGKILL"]],
};

function writeContext(directory: string): void {
  fs.mkdirSync(directory);
  fs.writeFileSync(join(directory, "Dockerfile"), dockerfile);
  fs.writeFileSync(join(directory, "secret"), "secret");
}

/** Contents that no build before this one has had. */
function renew(directory: string): void {
  fs.writeFileSync(join(directory, "big"), randomBytes(3_000_000));
  const large = tarFile({ path: "large" }, randomBytes(1_000_000));
  fs.writeFileSync(join(directory, "archive.tar"), tarOf([large]));
}

/** Ends the program at that moment; resolves to what it said and its exit code, null if it was killed. */
async function endAt(
  child: ChildProcess,
  moment: Moment,
  signal: NodeJS.Signals,
  duration: number,
): Promise<{ readonly code: number | null; readonly said: string }> {
  const timer =
    typeof moment === "number" ? setTimeout(() => child.kill(signal), moment * duration) : undefined;
  let said = "";
  createInterface({ input: child.stderr! }).on("line", (line) => {
    said += `${line}\n`;
    if (moment instanceof RegExp && moment.test(line)) child.kill(signal);
  });
  child.stdin?.end();
  child.stdout?.resume();
  const [code] = (await once(child, "close")) as [number | null];
  clearTimeout(timer);
  return { code, said };
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

/** Processes of this machine with the word in their command line. */
function processesWith(word: string): string[] {
  return fs.readdirSync("/proc").filter((name) => {
    if (!/^\d+$/.test(name)) return false;
    try {
      return fs.readFileSync(`/proc/${name}/cmdline`, "utf8").split("\0").includes(word);
    } catch {
      return false;
    }
  });
}

/** Instructions of steps that the build has made, without their number. */
const stepsDone = (said: string, how: RegExp): string[] => {
  const texts = new Map(
    [...said.matchAll(/^#(\d+) \[\S+ \d+\/\d+\] (.*)$/gm)].map(([, number, text]) => [
      number,
      text as string,
    ]),
  );
  return [...said.matchAll(how)]
    .map(([, number]) => texts.get(number as string) ?? "")
    .filter((text) => /^(RUN|COPY|ADD|WORKDIR)/.test(text))
    .sort();
};

async function buildOnce(varve: Program, context: string): Promise<string> {
  const args = ["build", "--network", "none", "--progress", "plain", "-t", "result:1", context];
  const { code, stderr } = await varve.run(args);
  assert.equal(code, 0, stderr);
  return stderr;
}

for (const driver of faultyDays) {
  test(`${driver}: build ended at any moment`, { skip: runSkip, timeout: 180_000 }, async (t) => {
    using folder = scratch("build-kill");
    const root = join(folder.path, "root");
    const context = join(folder.path, "context");
    writeContext(context);
    const varve = varveOn(root, driver);
    await varve("import", makeBase(folder.path, { id: "base" }), "base:1");
    const visible = await listed(await openEngine({ root, driver }));
    renew(context);
    const started = performance.now();
    await buildOnce(varve, context);
    const duration = performance.now() - started;
    await forgetAll(varve);
    const before = footprint(root);
    for (const [moment, signal] of moments[driver]) {
      await t.test(`${signal} at ${moment}`, async () => {
        renew(context);
        // Where a line is waited for, the build has no end of its own: the signal may come late.
        const flags = moment instanceof RegExp ? ["--secret", `id=s,src=${join(context, "secret")}`] : [];
        const args = [
          "build",
          "--network",
          "none",
          "--progress",
          "plain",
          "-t",
          "result:1",
          ...flags,
          context,
        ];
        const { code, said } = await endAt(varve.start(args), moment, signal, duration);
        if (typeof moment === "number" && code === 0) {
          t.diagnostic("it ended before its time");
          return forgetAll(varve);
        }
        assert.equal(code, signal === "SIGKILL" ? null : 130, said);
        // The next command cleans up.
        await varve("ps");
        assert.deepEqual(mountsBelow(root), []);
        assert.deepEqual(processesWith(endless), []);
        assert.deepEqual(bundlesIn(root), []);
        const found = await openEngine({ root, driver }).then(listed);
        // It may have been telling what the image costs.
        const isNamed = typeof moment === "number" && found.some((line) => line.includes("result:1"));
        assert.deepEqual(isNamed ? found.filter((line) => !line.includes("result:1")) : found, visible);
        await assertWhole(root, driver, found);
        const done = stepsDone(said, /^#(\d+) (?:DONE|CACHED)/gm);
        const again = await buildOnce(varve, context);
        const cached = stepsDone(again, /^#(\d+) CACHED/gm);
        assert.deepEqual(
          done.filter((text) => !cached.includes(text)),
          [],
          `${said}\n--- again:\n${again}`,
        );
        await forgetAll(varve);
        await assertReturned(root, driver, before);
      });
    }
  });
}

function bundlesIn(root: string): string[] {
  const folder = join(root, "varve/steps");
  return fs.existsSync(folder) ? fs.readdirSync(folder) : [];
}

async function forgetAll(varve: Program): Promise<void> {
  await varve("rmi", "result:1");
  await varve("builder", "prune", "-a", "-f");
}
