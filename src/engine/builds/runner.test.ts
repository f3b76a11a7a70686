/** Steps that really run: exit codes, output, what the command sees, and what is left afterwards. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import {
  cannotStep,
  makeBase,
  newStep,
  signal,
  testSteps,
  tracesOf,
} from "../../../test/support/step_fixture.ts";
import { scratch } from "../../../test/suites/scratch.ts";
import { openWorkspace } from "../../build/workspace.ts";
import { isFailure } from "../../errors.ts";
import { exitCodeOfFailure } from "../../runtime/index.ts";
import { collectGarbage, withSession } from "../../store/index.ts";
import { openEngine } from "../index.ts";
import { createStepRunner } from "./runner.ts";
import { settleSteps } from "./step_bundles.ts";

testSteps(
  "B075: a command runs, its exit code and output come back, its changes are the layer",
  async (steps) => {
    const outcome = await steps.run("echo out; echo err >&2; echo new > /made; rm /etc/group; exit 3");
    assert.deepEqual(outcome, {
      code: 3,
      stdout: "out\n",
      stderr: "err\n",
      layer: ["directory etc/", "file etc/.wh.group", "file made"],
    });
    assert.deepEqual(steps.traces(), []);
  },
);

testSteps("B072: what a container needs mounted is no change", async (steps) => {
  const outcome = await steps.run(
    "cat /etc/hosts /etc/resolv.conf > /dev/null; ls /dev/shm /proc/1 > /dev/null",
  );
  assert.deepEqual(outcome, { code: 0, stdout: "", stderr: "", layer: [] });
});

const one = ["overlay2"] as const;

testSteps(
  "a signal's number is in the exit code",
  async (steps) => {
    const onOutput = (): void => void killWhenKnown(steps.root);
    const { code } = await steps.run("echo; sleep 1000", { onOutput });
    assert.equal(code, 128 + 9);
  },
  one,
);

async function killWhenKnown(root: string): Promise<void> {
  while (!bundleFiles(root).includes("pid")) await new Promise(setImmediate);
  const folder = join(root, "varve/steps");
  const bundle = readdirSync(folder).find((name) => !name.endsWith(".lock")) as string;
  process.kill(Number(readFileSync(join(folder, bundle, "pid"), "utf8")), "SIGKILL");
}

testSteps(
  "what cannot be started is told in Docker's words, and nothing of it as output",
  async (steps) => {
    const fails = async (args: readonly string[], text: RegExp, code: number): Promise<void> =>
      assert.rejects(steps.run(args), (error) => {
        assert.match((error as Error).message, text);
        assert.match(
          (error as Error).message,
          /^failed to create shim task: OCI runtime create failed: .*: unknown$/,
        );
        assert.equal(exitCodeOfFailure(error), code);
        return isFailure(error, "invalid");
      });
    await fails(["nosuch"], /exec: "nosuch": executable file not found in \$PATH/, 127);
    await fails(["/etc/not-executable"], /exec: "\/etc\/not-executable": permission denied/, 126);
    await assert.rejects(steps.run("true", { user: "nobody" }), {
      message: "unable to find user nobody: no matching entries in passwd file",
    });
    assert.deepEqual(steps.traces(), []);
  },
  one,
);

testSteps(
  "user, directory, environment, hosts and network are the step's",
  async (steps) => {
    const { stdout } = await steps.run(
      "id -u; id -g; pwd; echo $A; hostname; tail -n 1 /etc/hosts; ls /sys/class/net",
      {
        user: "jo",
        workingDir: "/var/lib",
        env: ["PATH=/bin", "A=b c"],
        network: "none",
        addHosts: [{ name: "there", address: "10.1.2.3" }],
      },
    );
    const lines = ["1000", "1001", "/var/lib", "b c", "buildkitsandbox", "10.1.2.3\tthere", "lo"];
    assert.deepEqual(stdout.trim().split("\n"), lines);
  },
  one,
);

testSteps(
  "a step has Docker's capabilities and no more, unless security is off; the host's network is the default",
  async (steps) => {
    const show = "grep CapEff /proc/self/status; readlink /proc/self/ns/net; grep Seccomp: /proc/self/status";
    const [capabilities, network, seccomp] = (await steps.run(show)).stdout.trim().split("\n");
    assert.deepEqual([capabilities, seccomp], ["CapEff:\t00000000a80425fb", "Seccomp:\t2"]);
    assert.equal(network, readlinkSync("/proc/self/ns/net"));
    const insecure = (await steps.run(show, { security: "insecure" })).stdout;
    assert.match(insecure, /Seccomp:\t0/);
    assert.ok(!insecure.includes("00000000a80425fb"));
  },
  one,
);

testSteps(
  "output comes as it is written, also what stands on the error stream first",
  async (steps) => {
    const seen: string[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    const running = steps.run("echo first >&2; until [ -e /stop ]; do :; done", {
      onOutput: (stream, chunk) => {
        seen.push(`${stream} ${Buffer.from(chunk).toString()}`);
        resolve();
      },
      signal: AbortSignal.any([signal, until(promise)]),
    });
    await assert.rejects(running, (error) => isFailure(error, "cancelled"));
    assert.deepEqual(seen, ["stderr first\n"]);
  },
  one,
);

/** A signal that aborts when the promise is fulfilled. */
function until(promise: Promise<void>): AbortSignal {
  const controller = new AbortController();
  void promise.then(() => controller.abort());
  return controller.signal;
}

testSteps("cancelled, a step is killed and leaves nothing", async (steps) => {
  const controller = new AbortController();
  const running = steps.run("echo; sleep 1000 & sleep 1000", {
    onOutput: () => controller.abort(),
    signal: controller.signal,
  });
  await assert.rejects(running, (error) => isFailure(error, "cancelled"));
  assert.deepEqual(steps.traces(), []);
  const atOnce = steps.run("true", { signal: controller.signal });
  await assert.rejects(atOnce, (error) => isFailure(error, "cancelled"));
  assert.deepEqual(steps.traces(), []);
});

testSteps(
  "cancelled before its process runs, a step leaves nothing either",
  async (steps) => {
    const controller = new AbortController();
    const running = steps.run("sleep 1000", { signal: controller.signal });
    // The runtime's process is there and the container's most likely not.
    while (!bundleFiles(steps.root).includes("lock")) await new Promise(setImmediate);
    controller.abort();
    await assert.rejects(running, (error) => isFailure(error, "cancelled"));
    assert.deepEqual(steps.traces(), []);
  },
  one,
);

function bundleFiles(root: string): string[] {
  const folder = join(root, "varve/steps");
  if (!existsSync(folder)) return [];
  const bundle = readdirSync(folder).find((name) => !name.endsWith(".lock"));
  return bundle === undefined ? [] : readdirSync(join(folder, bundle));
}

test("interactive: our own streams are the command's", { skip: cannotStep("overlay2") }, async () => {
  using root = scratch("interactive");
  const { top } = await makeBase(root.path, "overlay2");
  const builder = spawn(process.execPath, ["--input-type=module", "-e", shell, root.path, "overlay2", top], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  builder.stdin.end("echo typed > /f; cat /f; exit 4\n");
  assert.equal(String(Buffer.concat(await builder.stdout.toArray())), "typed\n4\n");
});

for (const driver of ["overlay2", "erofs"] as const) {
  const title = `${driver}: a builder is killed: its container ends, and the next command takes away its mounts`;
  test(title, { skip: cannotStep(driver) }, async () => {
    using root = scratch("killed");
    const { top } = await makeBase(root.path, driver);
    const builder = spawn(process.execPath, ["--input-type=module", "-e", program, root.path, driver, top], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const closed = once(builder, "close");
    const [line] = (await once(builder.stdout, "data")) as [Buffer];
    const { id, pid } = JSON.parse(line.toString()) as { id: string; pid: number };
    assert.ok(
      tracesOf(root.path, [id]).some((path) => path.startsWith("/")),
      "its root is mounted",
    );
    builder.kill("SIGKILL");
    await closed;
    // By the guard, without any command of ours.
    while (isAlive(pid)) await new Promise(setImmediate);
    const { store } = await openEngine({ root: root.path, driver });
    assert.deepEqual(tracesOf(root.path, [id]), []);
    await collectGarbage(store);
    const left = (await store.layers.get(top))?.cacheId;
    assert.deepEqual(await store.driver.list(), [left]);
    assert.deepEqual(readdirSync(join(root.path, "varve/sessions")), []);
  });
}

/** A zombie is none, wherever nobody reaps it. */
function isAlive(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`).length > 0;
  } catch {
    return false;
  }
}

const at = (path: string): string => JSON.stringify(new URL(path, import.meta.url).href);
const inWorkspace = (body: string): string => `
  import { existsSync, readFileSync } from "node:fs";
  import { openStore, withSession } from ${at("../../store/index.ts")};
  import { prepareMounts } from ${at("../../build/mounts/index.ts")};
  import { openWorkspace } from ${at("../../build/workspace.ts")};
  import { newStep } from ${at("../../../test/support/step_fixture.ts")};
  import { createStepRunner } from ${at("./runner.ts")};
  const [root, driver, top] = process.argv.slice(1);
  const store = await openStore({ root, driver });
  await withSession(store, async (session) => {
    ${body}
  });`;

const shell = inWorkspace(`
    await using workspace = await openWorkspace(store, session, top);
    const step = newStep(workspace.path, ["sh"]);
    const code = await createStepRunner(store).run({ ...step, interactive: true });
    process.stdout.write(code + "\\n");`);

/** A process that runs a step until it is killed, and tells of it once the command runs. */
const program = inWorkspace(`
    const secrets = new Map([["path", { env: "PATH" }]]);
    await using prepared = await prepareMounts([{ type: "secret", id: "path" }], { session, secrets, workingDir: "/" });
    const { mounts } = prepared;
    await using workspace = await openWorkspace(store, session, top, mounts);
    const step = { ...newStep(workspace.path, ["sh", "-c", "echo; sleep 1000"]), mounts };
    const pidFile = root + "/varve/steps/" + step.id + "/pid";
    const onOutput = async () => {
      while (!existsSync(pidFile)) await new Promise(setImmediate);
      console.log(JSON.stringify({ id: step.id, pid: Number(readFileSync(pidFile, "utf8")) }));
    };
    await createStepRunner(store).run({ ...step, onOutput });`);

test("without a guard, the next command kills the container", { skip: cannotStep("overlay2") }, async () => {
  using root = scratch("unguarded");
  const { store, top } = await makeBase(root.path, "overlay2");
  await withSession(store, async (session) => {
    await using workspace = await openWorkspace(store, session, top);
    const step = newStep(workspace.path, ["sh", "-c", "echo; sleep 1000"]);
    const { promise, resolve } = Promise.withResolvers<void>();
    const running = createStepRunner(store).run({ ...step, onOutput: () => resolve() });
    await promise;
    await settleSteps(root.path);
    assert.ok(bundleFiles(root.path).includes("config.json"), "a step whose process lives is left alone");
    await releaseLock(root.path, step.id);
    await settleSteps(root.path);
    assert.equal(await running, 137);
  });
  assert.deepEqual(tracesOf(root.path, []), []);
});

/** As if the process that runs the step had died: the kernel lets go of its lock. */
async function releaseLock(root: string, id: string): Promise<void> {
  const path = join(root, "varve/steps", `${id}.lock`);
  await rm(path);
  await writeFile(path, "");
}
