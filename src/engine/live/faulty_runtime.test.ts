/** Runtimes that fail or hang at one thing or another, shims and processes that others kill. */
import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { cannotLive, liveMachine, type LiveMachine } from "../../../test/support/live_machine.ts";
import { signal } from "../../../test/support/engine_fixture.ts";
import { unlessAll } from "../../../test/suites/scratch.ts";
import { findRuntime } from "../../runtime/index.ts";
import { LiveContainers } from "./live_containers.ts";

const forever = "trap '' TERM; while :; do sleep 0.05; done";

suite("runtimes that fail", { skip: cannotLive }, () => {
  let host: LiveMachine;
  let programs: string;
  const warnings: string[] = [];
  const path = process.env["PATH"];
  before(async () => {
    host = await liveMachine();
    programs = join(host.root, "programs");
    const { runtime, shim } = await findRuntime();
    mkdirSync(programs);
    symlinkSync(shim, join(programs, "containerd-shim-runc-v2"));
    breakAt();
    writeFileSync(join(programs, "runc"), wrapper(runtime, join(programs, "broken")));
    chmodSync(join(programs, "runc"), 0o755);
    process.env["PATH"] = `${programs}:${path}`;
  });
  after(() => {
    process.env["PATH"] = path;
    host[Symbol.dispose]();
  });

  /** @param commands that fail from now on, or hang: `hang-kill` */
  function breakAt(...commands: string[]): void {
    writeFileSync(join(programs, "broken"), commands.map((command) => `${command}\n`).join(""));
  }

  const supervisor = (): LiveContainers =>
    new LiveContainers({ store: host.engine.store, warn: (text) => void warnings.push(text) });

  function assertNothingLeft(id: string): void {
    assert.deepEqual(host.leftovers(), []);
    assert.equal(existsSync(join(host.root, "containers", id)), false);
    const groups = ["", ...readdirSync("/sys/fs/cgroup")].map((name) => `/sys/fs/cgroup/${name}/varve-${id}`);
    assert.deepEqual(
      groups.filter((group) => existsSync(group)),
      [],
    );
    assert.deepEqual(processesIn(host.root), []);
  }

  for (const command of ["create", "start"]) {
    test(`one that fails at ${command}: the record says so, nothing is left`, async () => {
      await using live = supervisor();
      const { ID } = await host.create("true");
      breakAt(command);
      await assert.rejects(live.start(ID), { message: /broken on purpose|did not terminate successfully/ });
      const { State } = host.record(ID);
      assert.deepEqual([State.Running, State.Pid], [false, 0]);
      assert.match(State.Error, /broken on purpose|did not terminate successfully/);
      assert.deepEqual(host.leftovers(), []);
      breakAt();
      await live.start(ID);
      assert.equal((await live.wait(ID, "not-running", signal)).exitCode, 0);
      await live.remove(ID);
      assertNothingLeft(ID);
    });
  }

  test("a record that cannot be written: what ran is ended", async () => {
    await using live = supervisor();
    const { ID } = await host.create(forever);
    const inTheWay = join(host.root, "containers", ID, `config.v2.json.tmp-${process.pid}`);
    mkdirSync(inTheWay);
    await assert.rejects(live.start(ID), { code: "EISDIR" });
    assert.deepEqual([host.record(ID).State.Running, host.leftovers()], [false, []]);
    rmdirSync(inTheWay);
    await live.start(ID);
    await live.remove(ID, { force: true });
    assertNothingLeft(ID);
  });

  test("one that fails at create and delete leaves nothing either", async () => {
    await using live = supervisor();
    const { ID } = await host.create("true");
    breakAt("start", "delete", "kill");
    await assert.rejects(live.start(ID), { message: /broken on purpose/ });
    await live.remove(ID, { force: true });
    assertNothingLeft(ID);
  });

  test("one that fails at kill: the process is killed without it", async () => {
    await using live = supervisor();
    const { ID } = await host.create(forever);
    breakAt();
    await live.start(ID);
    breakAt("kill", "state");
    await live.stop(ID, { timeout: 100 });
    assert.deepEqual([host.record(ID).State.Running, host.record(ID).State.ExitCode], [false, 137]);
    await live.remove(ID);
    assertNothingLeft(ID);
  });

  test("one that fails at delete: the exit code is known, nothing is left", async () => {
    await using live = supervisor();
    const { ID } = await host.create("exit 5");
    breakAt("delete");
    await live.start(ID);
    assert.equal((await live.wait(ID, "not-running", signal)).exitCode, 5);
    const { State } = host.record(ID);
    assert.deepEqual([State.Running, State.ExitCode], [false, 5]);
    await live.remove(ID);
    assertNothingLeft(ID);
  });

  test("one that fails at all of it: rm -f cleans", async () => {
    await using live = supervisor();
    const { ID } = await host.create(forever);
    breakAt();
    await live.start(ID);
    breakAt("kill", "state", "delete", "ps", "events");
    await live.remove(ID, { force: true });
    assertNothingLeft(ID);
  });

  for (const command of ["create", "start"]) {
    const skip = command === "create" && unlessAll;
    test(`one that hangs at ${command}: others are not held up, rm -f cleans`, { skip }, async () => {
      await using live = supervisor();
      const [{ ID }, { ID: other }] = [await host.create("true"), await host.create("exit 3")];
      breakAt(`hang-${command}`);
      const started = assert.rejects(live.start(ID), { kind: "unavailable" });
      while (!existsSync(join(programs, `hung-${command}`))) await new Promise(setImmediate);
      breakAt();
      assert.equal(host.record(ID).State.Running, false);
      await live.start(other);
      assert.equal((await live.wait(other, "not-running", signal)).exitCode, 3);
      await live.remove(other);
      await live.remove(ID, { force: true });
      await started;
      assertNothingLeft(ID);
    });
  }

  for (const [command, paused] of [
    ["pause", false],
    ["resume", true],
  ] as const) {
    test(`one that fails at ${command}: the record says what is, rm -f cleans`, async () => {
      await using live = supervisor();
      const { ID } = await host.create(forever);
      breakAt();
      await live.start(ID);
      if (paused) await live.pause(ID);
      breakAt(command);
      const message = new RegExp(`^OCI runtime ${command} failed: .*broken on purpose`);
      await assert.rejects(paused ? live.unpause(ID) : live.pause(ID), { message });
      const { Running, Paused } = host.record(ID).State;
      assert.deepEqual([Running, Paused], [true, paused]);
      await live.remove(ID, { force: true });
      assertNothingLeft(ID);
    });
  }

  for (const command of ["pause", "exec", "update", "kill"] as const)
    test(`a container that ends during ${command} does not run; it is no fault of the runtime`, async () => {
      await using live = supervisor();
      const { ID } = await host.create(forever);
      breakAt();
      await live.start(ID);
      const exit = live.wait(ID, "not-running", signal);
      const exec = await live.execs.create(ID, { Cmd: ["true"] });
      breakAt(`end-${command}`);
      const notRunning = { kind: "conflict", message: `Container ${ID} is not running` };
      const asked = {
        pause: () => assert.rejects(live.pause(ID), notRunning),
        exec: () => assert.rejects(live.execs.start(exec), notRunning),
        update: () => live.update(ID, { Memory: 64 << 20, MemorySwap: -1 }),
        kill: () => live.kill(ID, "HUP"),
      };
      await asked[command]();
      assert.equal((await exit).exitCode, 137);
      const { Running, Paused } = host.record(ID).State;
      assert.deepEqual([Running, Paused], [false, false]);
      await live.remove(ID);
      assertNothingLeft(ID);
    });

  test("one that fails at exec: only that fails", async () => {
    await using live = supervisor();
    const { ID } = await host.create(forever);
    breakAt();
    await live.start(ID);
    breakAt("exec");
    const failed = await live.execs.create(ID, { Cmd: ["true"] });
    await assert.rejects(live.execs.start(failed, {}), { message: /^OCI runtime exec failed: / });
    assert.deepEqual([live.execs.inspect(failed).Running, live.execs.inspect(failed).ExitCode], [false, 126]);
    breakAt();
    await live.execs.start(await live.execs.create(ID, { Cmd: ["true"] }), {});
    assert.equal(host.record(ID).State.Running, true);
    await live.remove(ID, { force: true });
    assertNothingLeft(ID);
  });

  for (const command of ["pause", "resume", "exec"] as const)
    test(`one that hangs at ${command}: rm -f cleans`, { skip: unlessAll }, async () => {
      await using live = supervisor();
      const { ID } = await host.create(forever);
      breakAt();
      await live.start(ID);
      if (command === "resume") await live.pause(ID);
      breakAt(`hang-${command}`);
      const asked = {
        pause: () => live.pause(ID),
        resume: () => live.unpause(ID),
        exec: async () => live.execs.start(await live.execs.create(ID, { Cmd: ["true"] }), {}),
      };
      const refused = assert.rejects(asked[command]());
      while (!existsSync(join(programs, `hung-${command}`))) await new Promise(setImmediate);
      await live.remove(ID, { force: true });
      await refused;
      assertNothingLeft(ID);
    });

  test("one that hangs at kill: rm -f cleans", { skip: unlessAll }, async () => {
    await using live = supervisor();
    const { ID } = await host.create(forever);
    breakAt();
    await live.start(ID);
    breakAt("hang-kill");
    await live.remove(ID, { force: true });
    assertNothingLeft(ID);
  });

  test("a shim that is killed takes its container along, which counts as killed", async () => {
    await using live = supervisor();
    const { ID } = await host.create(forever);
    breakAt();
    await live.start(ID);
    const exit = live.wait(ID, "not-running", signal);
    const [shim = 0] = processesIn(join(host.root, "varve/run", ID));
    process.kill(shim, "SIGKILL");
    assert.equal((await exit).exitCode, 137);
    assert.equal(host.record(ID).State.Running, false);
    await live.remove(ID);
    assertNothingLeft(ID);
  });

  test("a process that somebody else kills has ended by a signal", async () => {
    await using live = supervisor();
    const { ID } = await host.create(forever);
    breakAt();
    await live.start(ID);
    const exit = live.wait(ID, "not-running", signal);
    process.kill(host.record(ID).State.Pid, "SIGKILL");
    assert.equal((await exit).exitCode, 137);
    await live.remove(ID);
    assertNothingLeft(ID);
  });

  test("programs that are gone: no start, but rm -f of what runs", async () => {
    await using live = supervisor();
    const [{ ID: running }, { ID: other }] = [await host.create(forever), await host.create("true")];
    breakAt();
    await live.start(running);
    process.env["PATH"] = join(host.root, "nothing");
    try {
      const looked = await live.start(other).catch((error: Error) => error.message);
      // The directories of the system administrator are looked at, too.
      if (looked !== undefined) assert.match(looked, /not found in PATH/);
      await live.remove(running, { force: true });
      await live.remove(other, { force: true });
    } finally {
      process.env["PATH"] = `${programs}:${path}`;
    }
    assertNothingLeft(running);
  });

  test("out of memory: the record and an event say so, also when nobody watched", async () => {
    const hog = "read line; x=x; while :; do x=$x$x; done";
    const parts = { config: { OpenStdin: true }, hostConfig: { Memory: 16 << 20, MemorySwap: 16 << 20 } };
    const { ID } = await host.create(hog, parts);
    breakAt();
    {
      await using live = supervisor();
      const events: string[] = [];
      live.events.listen(({ Action }) => events.push(Action));
      await live.start(ID);
      const exit = live.wait(ID, "not-running", signal);
      letGo(ID);
      assert.equal((await exit).exitCode, 137);
      assert.equal(host.record(ID).State.OOMKilled, true);
      assert.deepEqual(
        events.filter((action) => action === "oom" || action === "die"),
        ["oom", "die"],
      );
      await live.start(ID);
    }
    const { Pid } = host.record(ID).State;
    letGo(ID);
    while (existsSync(`/proc/${Pid}/root/bin`)) await new Promise(setImmediate);
    await using live = supervisor();
    await live.restore();
    assert.equal((await live.wait(ID, "not-running", signal)).exitCode, 137);
    assert.equal(host.record(ID).State.OOMKilled, true);
    await live.remove(ID);
    assertNothingLeft(ID);
  });

  const letGo = (id: string): void => writeFileSync(join(host.root, "varve/run", id, "stdin"), "go\n");
});

/** Lets the container end by itself before the runtime does what it was asked for: its process is in the file of its bundle. */
const endFirst = "kill -9 $(cat init.pid); while [ -e /proc/$(cat init.pid) ]; do sleep 0.01; done;";

/** runc, but for the commands that a file names. */
function wrapper(runtime: string, broken: string): string {
  return `#!/bin/sh
while read -r command; do
  for word; do
    if [ "$word" = "$command" ]; then echo "runc: broken on purpose" >&2; exit 1; fi
    if [ "end-$word" = "$command" ]; then ${endFirst} fi
    if [ "hang-$word" = "$command" ]; then echo > ${broken.replace(/broken$/, "hung")}-$word; sleep 1000; fi
  done
done <${broken}
exec ${runtime} "$@"
`;
}

/** Shims and runtimes: those that work in a directory. */
function processesIn(directory: string): number[] {
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => {
      try {
        const isZombie = readFileSync(`/proc/${pid}/stat`, "latin1").includes(") Z ");
        return !isZombie && pid > 0 && readlinkSync(`/proc/${pid}/cwd`).startsWith(directory);
      } catch {
        return false;
      }
    });
}
