/** Processes that containers of a sandbox see: all of it, their own, those of one other. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, suite, test } from "node:test";
import { criMachine, type CriMachine } from "../../test/support/cri_machine.ts";
import { cannotLive } from "../../test/support/live_machine.ts";
import * as p from "./protocol/index.ts";

const idle = "trap 'exit 0' TERM; while :; do sleep 0.1; done";

suite("PID namespaces of sandboxes", { skip: cannotLive }, () => {
  let host: CriMachine;
  before(async () => void (host = await criMachine("none")));
  after(() => host[Symbol.asyncDispose]());
  afterEach(async () => {
    for (const { id } of host.daemon.pods.list()) await remove(id);
    assert.deepEqual(readdirSync(join(host.root, "varve/pods")), []);
    assert.equal(readFileSync("/proc/self/mountinfo", "utf8").includes(`${host.root}/varve/pods`), false);
    assert.deepEqual(host.warnings, []);
  });

  const remove = (id: string) =>
    host.call("RemovePodSandbox", p.SandboxRequest, p.Nothing, { podSandboxId: id });
  const sharing = (pid: number, targetId = "") => ({
    linux: { security: { namespaces: { pid, targetId } } },
  });
  const shared = sharing(p.namespaceModes.pod);
  const run = async (containerId: string, script: string): Promise<string> => {
    const cmd = ["sh", "-c", script];
    const answer = await host.call("ExecSync", p.ExecSyncRequest, p.ExecSyncResponse, { containerId, cmd });
    assert.deepEqual([answer.exitCode, Buffer.from(answer.stderr).toString()], [0, ""]);
    return Buffer.from(answer.stdout).toString();
  };
  const stateOf = async (podSandboxId: string): Promise<number | undefined> =>
    (await host.call("PodSandboxStatus", p.SandboxRequest, p.PodSandboxStatusResponse, { podSandboxId }))
      .status?.state;
  const codeOf = (call: Promise<unknown>): Promise<number> =>
    call.then(
      () => 0,
      (error: { code: number }) => error.code,
    );
  const initOf = (pod: string): number =>
    Number(readFileSync(join(host.root, "varve/pods", pod, "init/pid"), "utf8"));
  const isGone = (pid: number): boolean => {
    try {
      return /^State:\sZ/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
    } catch {
      // It may be reaped at any moment, also between two looks.
      return true;
    }
  };

  test("containers that ask for the sandbox's see one another, and outlive one another and the server", async () => {
    const pod = await host.sandbox("all");
    // Both at once: there is one namespace all the same.
    const [one, two, alone] = await Promise.all([
      host.run(pod, "one", idle, shared),
      host.run(pod, "two", "exec sleep 12345", shared),
      host.run(pod, "three", idle, sharing(p.namespaceModes.container)),
    ]);
    const namespace = "readlink /proc/self/ns/pid";
    // Of those that stay while it looks.
    const commands = "cat /proc/[0-9]*/cmdline 2> /dev/null | tr '\\0' ' '";
    assert.equal(await run(one, namespace), await run(two, namespace));
    assert.notEqual(await run(one, namespace), await run(alone, namespace));
    assert.match(await run(one, commands), /^\/init .*sleep 12345 /);
    // Whoever has ended is reaped, though none of the containers began it.
    await run(one, "(sleep 0 & exit 0)");
    assert.equal(await run(two, "while grep -qs '^State:.Z' /proc/[0-9]*/status; do sleep 0.05; done"), "");
    await host.call("StopContainer", p.StopContainerRequest, p.Nothing, { containerId: two, timeout: 0 });
    await host.restart();
    assert.equal(await stateOf(pod), p.sandboxStates.ready);
    const last = await host.run(pod, "last", idle, shared);
    assert.equal(await run(last, namespace), await run(one, namespace));
    assert.doesNotMatch(await run(one, commands), /12345/);
  });

  test("its first process has no right to anything, and nothing of the host to see", async () => {
    const pod = await host.sandbox("bare");
    const id = await host.run(pod, "one", idle, {
      linux: { security: { privileged: true, namespaces: { pid: p.namespaceModes.pod } } },
    });
    const names = await run(id, "cd /proc/1/root && ls");
    assert.deepEqual(names.trim().split("\n"), ["dev", "init", "proc", "sys"]);
    const status = await run(id, "grep -E '^(Uid|Cap...|NoNewPrivs|Seccomp):' /proc/1/status");
    assert.match(status, /^Uid:\t65534\t65534\t65534\t65534\n(Cap\w+:\t0+\n)+NoNewPrivs:\t1\nSeccomp:\t2\n$/);
    await run(id, "kill -9 1; kill -TERM 1");
    assert.equal(await stateOf(pod), p.sandboxStates.ready);
  });

  test("where it is killed the sandbox is not ready, and its containers have ended", async () => {
    const pod = await host.sandbox("killed");
    const id = await host.run(pod, "one", idle, shared);
    const init = initOf(pod);
    process.kill(init, "SIGKILL");
    await host.ended(id);
    while (!isGone(init)) await new Promise(setImmediate);
    const { state, exitCode } = await host.status(id);
    assert.deepEqual([state, exitCode], [p.containerStates.exited, 137]);
    assert.equal(await stateOf(pod), p.sandboxStates.notReady);
    assert.equal(await codeOf(host.create(pod, "two", idle, shared)), 9);
    await host.restart();
    assert.equal(await stateOf(pod), p.sandboxStates.notReady);
    assert.equal(existsSync(join(host.root, "varve/pods", pod, "init")), false);
  });

  test("it ends with the sandbox", async () => {
    const pod = await host.sandbox("stopped");
    await host.create(pod, "one", idle, shared);
    const init = initOf(pod);
    assert.equal(isGone(init), false);
    await host.call("StopPodSandbox", p.SandboxRequest, p.Nothing, { podSandboxId: pod });
    assert.ok(isGone(init));
  });

  test("a container among the processes of another one", async () => {
    const [pod, other] = [await host.sandbox("target"), await host.sandbox("other")];
    const own = sharing(p.namespaceModes.container);
    const one = await host.run(pod, "one", "exec sleep 54321", own);
    const target = sharing(p.namespaceModes.target, one);
    const debug = await host.run(pod, "debug", idle, target);
    assert.equal(await run(debug, "tr '\\0' ' ' < /proc/1/cmdline"), "sleep 54321 ");
    assert.equal(await codeOf(host.create(other, "debug", idle, target)), 3, "of another sandbox");
    assert.equal(await codeOf(host.create(pod, "none", idle, sharing(p.namespaceModes.target, "none"))), 5);
    await host.call("StopContainer", p.StopContainerRequest, p.Nothing, { containerId: one, timeout: 0 });
    assert.equal(await codeOf(host.create(pod, "late", idle, target)), 9, "it has ended");
  });

  test("the host's processes", async () => {
    const pod = await host.sandbox("node");
    const id = await host.run(pod, "one", idle, sharing(p.namespaceModes.node));
    const { ino } = statSync("/proc/self/ns/pid");
    assert.equal(await run(id, "readlink /proc/self/ns/pid"), `pid:[${ino}]\n`);
  });
});
