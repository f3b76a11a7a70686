/** Containers that really run, in a root of their own: what the record, the disk and the kernel say afterwards. */
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { after, before, suite, test } from "node:test";
import {
  engineFixture,
  makeContainer,
  named,
  signal,
  type EngineFixture,
  type MadeContainer,
} from "../../../test/support/engine_fixture.ts";
import { parentOf, processEnd } from "../../../test/support/processes.ts";
import { overlaySkip } from "../../../test/suites/overlay_skip.ts";
import { cannotRun, Collector, ContainerFixture } from "../../runtime/container_fixture.ts";
import { ShimTask } from "../../runtime/index.ts";
import { treeTar } from "../../layer/index.ts";
import { readTar } from "../../tar/index.ts";
import type { StoredImage } from "../../store/index.ts";
import { whilePaused } from "./kill.ts";
import type { ContainerRecord } from "./record.ts";

const skip = cannotRun || overlaySkip;

interface Machine extends EngineFixture {
  readonly image: StoredImage;
  create(script: string, parts?: MadeContainer): Promise<ContainerRecord>;
  run(
    id: string,
    options?: { readonly signal?: AbortSignal },
  ): Promise<{ code: number; stdout: string; stderr: string }>;
  record(id: string): ContainerRecord;
  /** Mounts, bundles and cgroups of the container that are there. */
  traces(id: string): string[];
}

async function machine(): Promise<Machine> {
  using base = await ContainerFixture.create();
  const fixture = await engineFixture("overlay2");
  const { engine, root } = fixture;
  const image = await engine.images.import(treeTar(base.rootfs, { signal }), {
    signal,
    name: named("base:1"),
  });
  return {
    ...fixture,
    image,
    record: (id) => recordOf(root, id),
    create: (script, parts = {}) =>
      makeContainer(fixture, image, { ...parts, config: { Cmd: ["sh", "-c", script], ...parts.config } }),
    async run(id, options = {}) {
      const [stdout, stderr] = [new Collector(), new Collector()];
      const streams = { stdin: new PassThrough(), stdout, stderr, interactive: false, proxySignals: false };
      const code = await engine.containers.start(id, { ...streams, signal: options.signal ?? signal });
      return { code, stdout: stdout.text, stderr: stderr.text };
    },
    traces(id) {
      const entry = join(root, "image/overlay2/layerdb/mounts", id, "mount-id");
      // Without the container's entry: of any of them.
      const mountId = fs.existsSync(entry) ? fs.readFileSync(entry, "utf8") : "";
      const mounts = fs.readFileSync("/proc/self/mountinfo", "utf8");
      const found = mounts.includes(`${root}/overlay2/${mountId}`) ? ["mount"] : [];
      if (fs.existsSync(join(root, "varve/run", id))) found.push("bundle");
      for (const controller of ["", "memory", "pids", "freezer", "unified"])
        if (fs.existsSync(join("/sys/fs/cgroup", controller, `varve-${id}`)))
          found.push(`cgroup ${controller}`);
      return found;
    },
    [Symbol.dispose]: () => fixture[Symbol.dispose](),
  };
}

function recordOf(root: string, id: string): ContainerRecord {
  const path = join(root, "containers", id, "config.v2.json");
  return JSON.parse(fs.readFileSync(path, "utf8")) as ContainerRecord;
}

interface Supervisor {
  readonly child: ChildProcess;
  readonly ended: Promise<unknown>;
}

/** Another process that runs the container until it is killed. */
async function supervisor({ root }: Machine, id: string): Promise<Supervisor> {
  const engine = new URL("../index.ts", import.meta.url).href;
  const program = `
    import { openEngine } from ${JSON.stringify(engine)};
    const { containers } = await openEngine({ root: ${JSON.stringify(root)}, driver: "overlay2" });
    const { stdin, stdout, stderr } = process;
    const { signal } = new AbortController();
    await containers.start(${JSON.stringify(id)}, { stdin, stdout, stderr, interactive: false, proxySignals: false, signal });`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output = new Collector();
  child.stdout.pipe(output);
  child.stderr.pipe(output, { end: false });
  const ended = once(child, "close");
  await output.seen("ready", ended);
  // The record comes after the container's first words.
  while (!recordOf(root, id).State.Running) await new Promise(setImmediate);
  return { child, ended };
}

async function killed({ child, ended }: Supervisor): Promise<void> {
  child.kill("SIGKILL");
  await ended;
}

const forever = "echo kept > /kept; echo ready; exec sleep 1000";

suite("containers that run", { skip }, () => {
  let here: Machine;
  before(async () => void (here = await machine()));
  after(async () => {
    // What a failed test left must not hold up the others.
    for (const { id } of await here.engine.containers.list({ all: true }))
      await here.engine.containers.remove(id, { force: true }).catch(() => undefined);
    here[Symbol.dispose]();
  });

  test("B015 B154 a run: exit code, streams, log, record; files are there at the next start", async () => {
    const { ID } = await here.create(
      "cat /count 2>/dev/null; echo x >> /count; echo out; echo err >&2; exit 3",
    );
    assert.deepEqual(await here.run(ID), { code: 3, stdout: "out\n", stderr: "err\n" });
    const { State, HasBeenStartedBefore } = here.record(ID);
    assert.deepEqual(
      [State.Running, State.Pid, State.ExitCode, State.Error, HasBeenStartedBefore],
      [false, 0, 3, "", true],
    );
    assert.ok(Date.parse(State.StartedAt) <= Date.parse(State.FinishedAt));
    assert.deepEqual(here.traces(ID), []);
    assert.deepEqual((await here.run(ID)).stdout, "x\nout\n");
    const log = fs.readFileSync(join(here.root, "containers", ID, `${ID}-json.log`), "utf8");
    const lines = log
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { log: string; stream: string });
    assert.deepEqual(
      lines.filter(({ stream }) => stream === "stdout").map(({ log: text }) => text),
      ["out\n", "x\n", "out\n"],
    );
    const modes = Object.fromEntries(
      fs
        .readdirSync(join(here.root, "containers", ID))
        .map((name) => [name, fs.statSync(join(here.root, "containers", ID, name)).mode & 0o777]),
    );
    assert.deepEqual(modes, {
      "config.v2.json": 0o600,
      "hostconfig.json": 0o644,
      hostname: 0o644,
      hosts: 0o644,
      "resolv.conf": 0o644,
      "resolv.conf.hash": 0o644,
      [`${ID}-json.log`]: 0o640,
      checkpoints: 0o700,
      mounts: 0o710,
    });
    await here.engine.containers.remove(ID);
  });

  test("-v: a host directory that is missing is made, a file is taken as it is", async () => {
    const [directory, file] = [join(here.root, "host/made/here"), join(here.root, "hostfile")];
    fs.writeFileSync(file, "of the host\n");
    const { ID } = await here.create("cat /f; echo x > /d/new", {
      hostConfig: { Binds: [`${directory}:/d`, `${file}:/f:ro`] },
    });
    assert.equal(fs.existsSync(directory), false, "only a start makes it");
    assert.equal((await here.run(ID)).stdout, "of the host\n");
    assert.equal(fs.readFileSync(join(directory, "new"), "utf8"), "x\n");
    assert.equal(fs.statSync(directory).mode & 0o777, 0o755);
    await here.engine.containers.remove(ID);
  });

  test("a start that fails is on record, with Docker's code; with --rm the container goes", async () => {
    const { ID } = await here.create("", { config: { Cmd: ["/nope"] } });
    await assert.rejects(here.run(ID), /exec: "\/nope": stat \/nope: no such file or directory/);
    const { State } = here.record(ID);
    assert.deepEqual([State.ExitCode, State.Running], [127, false]);
    assert.match(State.Error, /"\/nope"/);
    assert.equal((await here.engine.containers.list({ all: true }))[0]?.status, "created");
    assert.deepEqual(here.traces(ID), []);
    const removed = await here.create("", { config: { Cmd: ["/nope"] }, hostConfig: { AutoRemove: true } });
    await assert.rejects(here.run(removed.ID));
    await assert.rejects(here.engine.containers.find(removed.ID), {
      kind: "not-found",
      message: `No such container: ${removed.ID}`,
    });
    await here.engine.containers.remove(ID);
  });

  test("a run that is cancelled has ended, and says so", async () => {
    const { ID } = await here.create(forever);
    const controller = new AbortController();
    const running = here.run(ID, { signal: controller.signal });
    const log = join(here.root, "containers", ID, `${ID}-json.log`);
    while (!fs.existsSync(log) || fs.statSync(log).size === 0) await new Promise(setImmediate);
    controller.abort();
    await assert.rejects(running, { kind: "cancelled" });
    const { State } = here.record(ID);
    assert.deepEqual([State.Running, State.Pid, State.ExitCode], [false, 0, 137]);
    assert.deepEqual(here.traces(ID), []);
    await here.engine.containers.remove(ID);
  });

  test("one supervisor at a time; others see it run and may look into it", async () => {
    const { containers } = here.engine;
    const { ID } = await here.create(forever);
    const child = await supervisor(here, ID);
    await assert.rejects(here.run(ID), { kind: "conflict", message: `container ${ID} is running already` });
    assert.equal((await containers.list())[0]?.status, "running");
    const { stat } = await containers.readArchive(ID, "/kept", { signal });
    assert.equal(stat.size, 5);
    assert.deepEqual(here.traces(ID).includes("mount"), true, "looking does not end its mount");
    await containers.remove(ID, { force: true });
    await child.ended;
    assert.deepEqual(here.traces(ID), []);
    await assert.rejects(containers.find(ID), { kind: "not-found" });
  });

  test("the supervisor is killed: the container goes on; when it ends its exit code is known", async () => {
    const { containers } = here.engine;
    const { ID } = await here.create(forever);
    await killed(await supervisor(here, ID));
    const [listed] = await containers.list();
    assert.deepEqual([listed?.id, listed?.status], [ID, "running"]);
    await assert.rejects(containers.remove(ID), /^Failure: You cannot remove a running container/);
    const { tar } = await containers.readArchive(ID, "/kept", { signal });
    const names: string[] = [];
    for await (const { entry } of readTar(tar)) names.push(entry.path);
    assert.deepEqual([names, here.traces(ID).includes("mount")], [["kept"], true]);
    const { Pid } = here.record(ID).State;
    process.kill(Pid, "SIGTERM");
    process.kill(Pid, "SIGKILL");
    await processEnd(Pid);
    const [ended] = await containers.list({ all: true });
    assert.deepEqual([ended?.status, ended?.exitCode], ["exited", 137]);
    assert.deepEqual(here.traces(ID), []);
    const { State } = here.record(ID);
    assert.ok(Date.parse(State.FinishedAt) >= Date.parse(State.StartedAt));
    await containers.remove(ID);
  });

  test("supervisor and shim are killed: what they left is taken away, and the container starts again", async () => {
    const { containers } = here.engine;
    const { ID } = await here.create("test -e /kept && exit 7; " + forever);
    await killed(await supervisor(here, ID));
    const { Pid } = here.record(ID).State;
    process.kill(parentOf(Pid), "SIGKILL");
    process.kill(Pid, "SIGKILL");
    await processEnd(Pid);
    assert.equal((await containers.inspect(ID)).State["Status" as keyof object], "exited");
    assert.equal(here.record(ID).State.ExitCode, 255);
    assert.deepEqual(here.traces(ID), []);
    assert.equal((await here.run(ID)).code, 7);
    await containers.remove(ID);
  });

  test("a supervisor that was killed before it could write the record: the process is found", async (t) => {
    const { containers } = here.engine;
    const { ID } = await here.create(forever);
    const before = here.record(ID);
    await killed(await supervisor(here, ID));
    const { Pid } = here.record(ID).State;
    const forget = (): void =>
      fs.writeFileSync(join(here.root, "containers", ID, "config.v2.json"), JSON.stringify(before));
    forget();
    const [listed] = await containers.list();
    assert.deepEqual([listed?.id, listed?.status, here.record(ID).State.Pid], [ID, "running", Pid]);
    const shim = parentOf(Pid);
    process.kill(shim, "SIGSTOP");
    process.kill(Pid, "SIGKILL");
    await processEnd(Pid);
    forget();
    // The shim is asked before it has heard of the end.
    const { state } = ShimTask.prototype;
    t.mock.method(ShimTask.prototype, "state", function (this: ShimTask) {
      const asked = state.call(this);
      process.kill(shim, "SIGCONT");
      return asked;
    });
    const [ended] = await containers.list({ all: true });
    assert.deepEqual([ended?.status, ended?.exitCode], ["exited", 137]);
    assert.deepEqual(here.traces(ID), []);
    await containers.remove(ID);
  });

  test("rm -f ends a container whose supervisor was killed, and one whose shim was killed too", async () => {
    for (const alsoShim of [false, true]) {
      const { ID } = await here.create(forever);
      await killed(await supervisor(here, ID));
      const { Pid } = here.record(ID).State;
      if (alsoShim) process.kill(parentOf(Pid), "SIGKILL");
      await here.engine.containers.remove(ID, { force: true });
      await processEnd(Pid);
      assert.deepEqual(here.traces(ID), [], alsoShim ? "shim killed" : "shim alive");
    }
  });

  test("a number that went to another process does not keep a container running", async () => {
    const { ID } = await here.create("true");
    const record = here.record(ID);
    const State = { ...record.State, Running: true, Pid: process.pid, StartedAt: "2001-01-01T00:00:00Z" };
    fs.writeFileSync(
      join(here.root, "containers", ID, "config.v2.json"),
      JSON.stringify({ ...record, State }),
    );
    const [listed] = await here.engine.containers.list({ all: true });
    assert.deepEqual([listed?.status, listed?.exitCode], ["exited", 255]);
    await here.engine.containers.remove(ID);
  });

  test("B058 B060 commit of a running container: it stands still meanwhile, and runs on", async () => {
    const { containers, images } = here.engine;
    const { ID } = await here.create(forever);
    const child = await supervisor(here, ID);
    const running = here.record(ID);
    const { Pid } = running.State;
    const frozen: boolean[] = [];
    for (const pause of [true, false]) {
      await containers.commit(ID, {
        signal,
        pause,
        name: named(`committed:${pause}`),
        change: (config) => {
          frozen.push(isFrozen(Pid));
          return { ...config, Cmd: ["cat", "/kept"] };
        },
      });
    }
    assert.deepEqual([frozen, isFrozen(Pid)], [[true, false], false]);
    await containers.remove(ID, { force: true });
    await child.ended;
    // Who finds that it has ended before it could stand still takes it as it is.
    assert.equal(await whilePaused(here.engine.store, running, async () => "as it is"), "as it is");
    const again = await makeContainer(here, await images.resolve("committed:true"), {
      config: { Cmd: null },
    });
    assert.equal((await here.run(again.ID)).stdout, "kept\n");
    await containers.remove(again.ID);
  });

  test("detached from, the container keeps its mount until it ends", async () => {
    const { containers } = here.engine;
    const { ID } = await here.create(forever, { config: { Tty: true, OpenStdin: true } });
    const stdin = new PassThrough();
    const stdout = new Collector();
    const running = containers.start(ID, {
      stdin,
      stdout,
      stderr: stdout,
      interactive: true,
      proxySignals: false,
      signal,
    });
    await stdout.seen("ready", running);
    stdin.write(Buffer.from([0x10, 0x11]));
    assert.equal(await running, 0);
    assert.equal((await containers.list())[0]?.status, "running");
    await containers.readArchive(ID, "/kept", { signal }).then(({ tar }) => Array.fromAsync(tar));
    assert.deepEqual(
      here.traces(ID).filter((trace) => !trace.startsWith("cgroup")),
      ["mount", "bundle"],
    );
    await containers.remove(ID, { force: true });
    assert.deepEqual(here.traces(ID), []);
  });
});

/** By the freezer of cgroup v1, else by that of v2. */
function isFrozen(pid: number): boolean {
  const groups = fs.readFileSync(`/proc/${pid}/cgroup`, "utf8");
  const freezer = /^\d+:freezer:(.*)$/m.exec(groups)?.[1];
  if (freezer !== undefined)
    return fs.readFileSync(`/sys/fs/cgroup/freezer${freezer}/freezer.state`, "utf8").trim() === "FROZEN";
  const unified = /^0::(.*)$/m.exec(groups)?.[1] ?? "";
  return fs.readFileSync(`/sys/fs/cgroup${unified}/cgroup.freeze`, "utf8").trim() === "1";
}
