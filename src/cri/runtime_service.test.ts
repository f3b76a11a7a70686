/** Sandboxes and containers as kubelet has them made. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, suite, test } from "node:test";
import { criMachine, type CriMachine } from "../../test/support/cri_machine.ts";
import { cannotLive } from "../../test/support/live_machine.ts";
import * as p from "./protocol/index.ts";

const idle = "trap 'exit 0' TERM; while :; do sleep 0.1; done";

suite("the runtime service", { skip: cannotLive }, () => {
  let host: CriMachine;
  before(async () => void (host = await criMachine("none")));
  after(() => host[Symbol.asyncDispose]());
  afterEach(async () => {
    for (const { id } of (
      await host.call("ListPodSandbox", p.ListPodSandboxRequest, p.ListPodSandboxResponse, {})
    ).items)
      await host.call("RemovePodSandbox", p.SandboxRequest, p.Nothing, { podSandboxId: id });
    assert.equal(readFileSync("/proc/self/mountinfo", "utf8").includes(`${host.root}/varve/pods`), false);
    assert.deepEqual(await host.daemon.engine.containers.list({ all: true }), []);
    assert.deepEqual(host.warnings, []);
  });

  const execSync = async (containerId: string, ...cmd: string[]) => {
    const answer = await host.call("ExecSync", p.ExecSyncRequest, p.ExecSyncResponse, { containerId, cmd });
    const [stdout, stderr] = [answer.stdout, answer.stderr].map((bytes) => Buffer.from(bytes).toString());
    return { stdout, stderr, exitCode: answer.exitCode };
  };
  const codeOf = async (call: Promise<unknown>): Promise<number> =>
    call.then(
      () => 0,
      (error: { code: number }) => error.code,
    );

  test("version, status, configuration", async () => {
    const version = await host.call("Version", p.VersionRequest, p.VersionResponse, {});
    assert.equal(version.runtimeName, "varve");
    assert.equal(version.runtimeApiVersion, "v1");
    const { status } = await host.call("Status", p.StatusRequest, p.StatusResponse, {});
    const conditions = status?.conditions.map(({ type, status: holds }) => [type, holds]);
    assert.deepEqual(conditions, [
      ["RuntimeReady", true],
      ["NetworkReady", true],
    ]);
    assert.equal(await codeOf(host.call("CheckpointContainer", p.ContainerRequest, p.Nothing, {})), 12);
  });

  test("a container's life: created, running, exited, removed, with its log", async () => {
    const logs = join(host.directory, "logs");
    const pod = await host.sandbox("life", { logDirectory: logs, labels: { tier: "front" } });
    const script = 'echo "out $WORD $0"; echo err >&2; printf part; exit 3';
    const id = await host.create(pod, "one", script, {
      args: ["arg"],
      envs: [{ key: "WORD", value: "a=b" }],
      labels: { app: "x" },
      annotations: { note: "y" },
      logPath: "one/0.log",
    });
    const created = await host.status(id);
    assert.deepEqual([created.state, created.startedAt], [p.containerStates.created, 0n]);
    await host.call("StartContainer", p.ContainerRequest, p.Nothing, { containerId: id });
    await host.ended(id);
    const { state, exitCode, reason, labels, annotations, logPath, ...times } = await host.status(id);
    assert.deepEqual([state, exitCode, reason], [p.containerStates.exited, 3, "Error"]);
    assert.deepEqual([labels, annotations], [{ app: "x" }, { note: "y" }]);
    // One that ends at once may have ended before its start is written down.
    assert.ok(times.createdAt <= times.startedAt && times.createdAt <= times.finishedAt);
    const { name, image } = (await host.daemon.engine.containers.list({ all: true }))[0] ?? {};
    assert.deepEqual([name, image], ["k8s_one_life_default_uid-life_0", "base:1"]);
    assert.equal(logPath, join(logs, "one/0.log"));
    const lines = readFileSync(logPath, "utf8").split("\n");
    assert.deepEqual(lines.map((line) => line.replace(/^\S+ /, "")).sort(), [
      "",
      "stderr F err",
      "stdout F out a=b arg",
      "stdout P part",
    ]);
    assert.equal(
      await codeOf(host.call("StartContainer", p.ContainerRequest, p.Nothing, { containerId: id })),
      9,
    );
    await host.call("RemoveContainer", p.ContainerRequest, p.Nothing, { containerId: id });
    assert.equal(await codeOf(host.status(id)), 5);
    await host.call("RemoveContainer", p.ContainerRequest, p.Nothing, { containerId: id });
  });

  test("what cannot be started says so, and is over", async () => {
    const pod = await host.sandbox("bad");
    const id = await host.create(pod, "bad", "", { command: ["/none"] });
    assert.notEqual(
      await codeOf(host.call("StartContainer", p.ContainerRequest, p.Nothing, { containerId: id })),
      0,
    );
    const { state, reason, message, createdAt, finishedAt } = await host.status(id);
    assert.deepEqual([state, reason], [p.containerStates.exited, "StartError"]);
    assert.equal(finishedAt, createdAt, "kubelet counts from there when it tries again");
    assert.match(message, /none/);
    assert.equal(await codeOf(host.create(pod, "two", "", { image: { image: "nothing:1" } })), 5);
    assert.equal(await codeOf(host.create(pod, "bad", "")), 9, "the same container twice");
    assert.equal(await codeOf(host.sandbox("bad")), 9, "the same sandbox twice");
  });

  test("containers of a sandbox share network, IPC and memory; who and what they may", async () => {
    const pod = await host.sandbox("shared");
    const own = { namespaces: { pid: p.namespaceModes.container } };
    const one = await host.run(pod, "one", idle, { linux: { security: own } });
    const data = join(host.directory, "data");
    mkdirSync(data);
    writeFileSync(join(data, "file"), "from the host");
    const two = await host.run(pod, "two", idle, {
      mounts: [
        { containerPath: "/data", hostPath: data, readOnly: true },
        // As agents of nodes have it: the engine's own root is in it.
        { containerPath: "/host", hostPath: "/", readOnly: true },
      ],
      linux: {
        resources: { memoryLimit: 64 << 20, cpuShares: 512 },
        security: {
          ...own,
          runAsUser: 1000,
          runAsGroup: 1001,
          readOnlyRootfs: true,
          noNewPrivileges: true,
          capabilities: { drop: ["ALL"] },
        },
      },
    });
    const spaces = "for n in net ipc uts pid; do readlink /proc/self/ns/$n; done; hostname";
    const [first, second] = [
      await execSync(one, "sh", "-c", spaces),
      await execSync(two, "sh", "-c", spaces),
    ].map(({ stdout = "" }) => stdout.split("\n"));
    assert.deepEqual(first?.slice(0, 2), second?.slice(0, 2));
    assert.notEqual(first?.[3], second?.[3]);
    assert.deepEqual([first?.[4], second?.[4]], ["shared", "shared"]);
    await execSync(one, "sh", "-c", "echo hello > /dev/shm/word");
    assert.equal((await execSync(two, "cat", "/dev/shm/word")).stdout, "hello\n");
    assert.equal((await execSync(two, "cat", "/data/file")).stdout, "from the host");
    const may = "id -u; id -g; touch /x || touch /data/x; grep -E 'CapBnd|NoNewPrivs' /proc/self/status";
    assert.match(
      (await execSync(two, "sh", "-c", may)).stdout ?? "",
      /^1000\n1001\nCapBnd:\t0+\nNoNewPrivs:\t1\n$/,
    );
    assert.equal((await host.status(two)).resources?.linux?.memoryLimit, 64 << 20);
    const linux = { memoryLimit: 32 << 20 };
    await host.call("UpdateContainerResources", p.UpdateContainerResourcesRequest, p.Nothing, {
      containerId: two,
      linux,
    });
    assert.equal((await host.status(two)).resources?.linux?.memoryLimit, 32 << 20);
  });

  test("commands in containers: output, exit code, one that takes too long", async () => {
    const pod = await host.sandbox("exec");
    const id = await host.run(pod, "one", idle);
    assert.deepEqual(await execSync(id, "sh", "-c", "echo out; echo err >&2; exit 7"), {
      stdout: "out\n",
      stderr: "err\n",
      exitCode: 7,
    });
    const endless = { containerId: id, cmd: ["sh", "-c", "sleep 1000"], timeout: 1 };
    assert.equal(await codeOf(host.call("ExecSync", p.ExecSyncRequest, p.ExecSyncResponse, endless)), 4);
    await host.call("StopContainer", p.StopContainerRequest, p.Nothing, { containerId: id, timeout: 10 });
    const { state, exitCode, reason } = await host.status(id);
    assert.deepEqual([state, exitCode, reason], [p.containerStates.exited, 0, "Completed"]);
    assert.equal(await codeOf(execSync(id, "true")), 9);
  });

  test("lists, by what a filter asks for", async () => {
    const [one, two] = [await host.sandbox("one", { labels: { a: "1" } }), await host.sandbox("two")];
    const first = await host.run(one, "c", idle, { labels: { b: "2" } });
    const second = await host.create(two, "c", idle);
    await host.call("StopPodSandbox", p.SandboxRequest, p.Nothing, { podSandboxId: two });
    const pods = async (filter: Parameters<typeof p.ListPodSandboxRequest.encode>[0]["filter"]) =>
      (
        await host.call("ListPodSandbox", p.ListPodSandboxRequest, p.ListPodSandboxResponse, { filter })
      ).items.map(({ id }) => id);
    assert.deepEqual(await pods({}), [two, one]);
    assert.deepEqual(await pods({ labels: { a: "1" } }), [one]);
    assert.deepEqual(await pods({ state: { state: p.sandboxStates.notReady } }), [two]);
    assert.deepEqual(await pods({ id: one.slice(0, 12) }), [one]);
    const containers = async (filter: Parameters<typeof p.ListContainersRequest.encode>[0]["filter"]) =>
      (
        await host.call("ListContainers", p.ListContainersRequest, p.ListContainersResponse, { filter })
      ).containers.map(({ id }) => id);
    assert.deepEqual(await containers({}), [second, first]);
    assert.deepEqual(await containers({ podSandboxId: one }), [first]);
    assert.deepEqual(await containers({ labels: { b: "2" } }), [first]);
    assert.deepEqual(await containers({ state: { state: p.containerStates.created } }), [second]);
    assert.equal(await codeOf(host.create(two, "late", idle)), 9, "the sandbox is stopped");
  });

  test("statistics of containers and of sandboxes", async () => {
    const pod = await host.sandbox("stats");
    const id = await host.run(pod, "one", "dd if=/dev/zero of=/file bs=1024 count=64; " + idle);
    await execSync(id, "sh", "-c", "while [ $(stat -c %s /file || echo 0) != 65536 ]; do sleep 0.05; done");
    const { stats } = await host.call("ContainerStats", p.ContainerRequest, p.ContainerStatsResponse, {
      containerId: id,
    });
    assert.equal(stats?.attributes?.metadata?.name, "one");
    assert.ok((stats?.cpu?.coreNanoSeconds ?? 0) > 0);
    assert.ok((stats?.memory?.workingSetBytes ?? 0) > 0);
    assert.ok((stats?.writableLayer?.usedBytes ?? 0) >= 65536);
    assert.ok((stats?.writableLayer?.inodesUsed ?? 0) >= 2);
    const all = await host.call(
      "ListPodSandboxStats",
      p.ListPodSandboxStatsRequest,
      p.ListPodSandboxStatsResponse,
      {},
    );
    assert.deepEqual(
      all.stats.map(({ attributes, linux }) => [attributes?.id, linux?.containers.length]),
      [[pod, 1]],
    );
  });

  test("a log that was moved away goes on in a new file", async () => {
    const pod = await host.sandbox("log", { logDirectory: join(host.directory, "moved") });
    const script = "while read word; do echo $word; done < /fifo; " + idle;
    const id = await host.run(pod, "one", `mkfifo /fifo; exec 3<>/fifo; echo up; ${script}`, {
      logPath: "0.log",
    });
    const { logPath } = await host.status(id);
    const said = async (path: string, word: string): Promise<void> => {
      while (!existsSync(path) || !readFileSync(path, "utf8").includes(` stdout F ${word}\n`))
        await new Promise((resolve) => void setTimeout(resolve, 20));
    };
    await said(logPath, "up");
    renameSync(logPath, `${logPath}.1`);
    await host.call("ReopenContainerLog", p.ContainerRequest, p.Nothing, { containerId: id });
    assert.equal(readFileSync(logPath, "utf8"), "");
    await execSync(id, "sh", "-c", "echo again > /fifo");
    await said(logPath, "again");
    assert.doesNotMatch(readFileSync(`${logPath}.1`, "utf8"), /again/);
  });

  test("sandboxes and containers outlive the server", async () => {
    const pod = await host.sandbox("lasting", { logDirectory: join(host.directory, "lasting") });
    const id = await host.run(pod, "one", idle, { logPath: "0.log" });
    await host.restart();
    assert.equal((await host.status(id)).state, p.containerStates.running);
    const two = await host.run(pod, "two", idle);
    const net = ["readlink", "/proc/self/ns/net"] as const;
    assert.equal((await execSync(id, ...net)).stdout, (await execSync(two, ...net)).stdout);
    const { status } = await host.call("PodSandboxStatus", p.SandboxRequest, p.PodSandboxStatusResponse, {
      podSandboxId: pod,
    });
    assert.equal(status?.state, p.sandboxStates.ready);
  });

  test("events of sandboxes and containers as they happen, each with the sandbox", async () => {
    const path = "/runtime.v1.RuntimeService/GetContainerEvents";
    using told = host.client.open(path, p.Nothing, p.ContainerEvent);
    await told.send({});
    told.end();
    // A question behind it on the same connection: it listens by now.
    await host.call("Version", p.VersionRequest, p.VersionResponse, {});
    const pod = await host.sandbox("events");
    const id = await host.run(pod, "one", "exit 0");
    await host.ended(id);
    const heard = told[Symbol.asyncIterator]();
    const seen: [string, number, string | undefined, number][] = [];
    const hear = async (count: number): Promise<void> => {
      while (seen.length < count) {
        const { containerId, type, podSandboxStatus, containersStatuses } = (await heard.next()).value!;
        seen.push([containerId, type, podSandboxStatus?.id, containersStatuses.length]);
      }
    };
    // What is told is what there is when it is told: one thing after the other.
    await hear(5);
    await host.call("RemoveContainer", p.ContainerRequest, p.Nothing, { containerId: id });
    await hear(6);
    await host.call("StopPodSandbox", p.SandboxRequest, p.Nothing, { podSandboxId: pod });
    await host.call("RemovePodSandbox", p.SandboxRequest, p.Nothing, { podSandboxId: pod });
    await hear(8);
    assert.deepEqual(
      seen.map(([subject, type, of]) => [subject, type, of]),
      [
        ...[0, 1].map((type) => [pod, type, pod]),
        ...[0, 1, 2, 3].map((type) => [id, type, pod]),
        [pod, 2, pod],
        [pod, 3, pod],
      ],
    );
    assert.deepEqual(
      seen.slice(4).map(([, , , count]) => count),
      [1, 0, 0, 0],
    );
  });

  test("a sandbox is told of with its containers", async () => {
    const pod = await host.sandbox("told");
    const id = await host.create(pod, "one", idle);
    const answer = await host.call(
      "PodSandboxStatus",
      p.PodSandboxStatusRequest,
      p.PodSandboxStatusResponse,
      {
        podSandboxId: pod,
        verbose: true,
      },
    );
    assert.deepEqual(
      answer.containersStatuses.map((status) => [status.id, status.state]),
      [[id, p.containerStates.created]],
    );
    assert.match(answer.info["info"] ?? "", /"networkNamespace":/);
  });

  test("a sandbox that is asked for twice at once is made once", async () => {
    const codes = await Promise.all([1, 2, 3].map(() => codeOf(host.sandbox("twice"))));
    assert.deepEqual(codes.sort(), [0, 9, 9]);
    assert.equal(host.daemon.pods.list().length, 1);
  });

  test("no container is left in a sandbox that is stopped while it is started", async () => {
    const pod = await host.sandbox("hasty");
    const id = await host.create(pod, "one", idle);
    const starting = codeOf(host.call("StartContainer", p.ContainerRequest, p.Nothing, { containerId: id }));
    await host.call("StopPodSandbox", p.SandboxRequest, p.Nothing, { podSandboxId: pod });
    await starting;
    assert.notEqual((await host.status(id)).state, p.containerStates.running);
  });

  test("what a command leaves behind does not keep its caller beyond the time", async () => {
    const pod = await host.sandbox("late");
    const id = await host.run(pod, "one", idle);
    const endless = { containerId: id, cmd: ["sh", "-c", "sleep 1000; true"], timeout: 1 };
    assert.equal(await codeOf(host.call("ExecSync", p.ExecSyncRequest, p.ExecSyncResponse, endless)), 4);
  });

  test("a group without a user is refused", async () => {
    const pod = await host.sandbox("group");
    assert.equal(
      await codeOf(host.create(pod, "one", idle, { linux: { security: { runAsGroup: 1000 } } })),
      3,
    );
  });

  test("a FIFO in the place of a log does not hold up the server", async () => {
    const pod = await host.sandbox("fifo", { logDirectory: join(host.directory, "fifo") });
    const id = await host.run(pod, "one", idle, { logPath: "0.log" });
    const { logPath } = await host.status(id);
    renameSync(logPath, `${logPath}.1`);
    execFileSync("mkfifo", [logPath]);
    const reopen = host.call("ReopenContainerLog", p.ContainerRequest, p.Nothing, { containerId: id });
    assert.notEqual(await codeOf(reopen), 0);
    rmSync(logPath);
    assert.equal((await host.status(id)).state, p.containerStates.running);
  });

  test("with the host's network comes the host's name, whatever else is asked for", async () => {
    const namespaces = { network: p.namespaceModes.node };
    const pod = await host.sandbox("hosts", { linux: { security: { namespaces } } });
    const id = await host.run(pod, "one", idle);
    assert.equal((await execSync(id, "hostname")).stdout, `${hostname()}\n`);
  });

  test("paths that are hidden and read-only are those that are named; no profile is no seccomp", async () => {
    const pod = await host.sandbox("paths");
    const security = { maskedPaths: ["/etc/passwd"], readonlyPaths: ["/tmp"], seccomp: { type: 0 } };
    const named = await host.run(pod, "named", idle, { linux: { security } });
    const passwd = await execSync(named, "cat", "/etc/passwd");
    assert.deepEqual(passwd, { stdout: "", stderr: "", exitCode: 0 });
    assert.match(`${(await execSync(named, "touch", "/tmp/x")).stderr}`, /Read-only/);
    assert.equal((await execSync(named, "grep", "Seccomp:", "/proc/self/status")).stdout, "Seccomp:\t2\n");
    const plain = await host.run(pod, "plain", idle);
    assert.match(`${(await execSync(plain, "cat", "/proc/kcore")).stdout}`, /^$/);
    assert.equal((await execSync(plain, "grep", "Seccomp:", "/proc/self/status")).stdout, "Seccomp:\t0\n");
  });

  test("a mount that is read-only all through has no writable one below it", async () => {
    const status = await host.call("Status", p.StatusRequest, p.StatusResponse, {});
    if (status.handlers[0]?.features?.recursiveReadOnlyMounts !== true) return;
    const below = join(host.directory, "outer/below");
    mkdirSync(below, { recursive: true });
    execFileSync("mount", ["-t", "tmpfs", "none", below]);
    try {
      const pod = await host.sandbox("through");
      const mount = { containerPath: "/m", hostPath: join(below, ".."), readOnly: true };
      const mounts = [mount, { ...mount, containerPath: "/n", recursiveReadOnly: true }];
      const id = await host.run(pod, "one", idle, { mounts });
      assert.equal((await execSync(id, "touch", "/m/below/x")).exitCode, 0);
      assert.match(`${(await execSync(id, "touch", "/n/below/y")).stderr}`, /Read-only/);
      for (const wrong of [{ readOnly: false }, { propagation: 1 }]) {
        const refused = { mounts: [{ ...mount, recursiveReadOnly: true, ...wrong }] };
        assert.equal(await codeOf(host.create(pod, "two", idle, refused)), 3);
      }
    } finally {
      execFileSync("umount", ["-l", below]);
    }
  });
});
