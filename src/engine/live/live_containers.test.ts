/** Containers that live on: under one supervisor, and from one to the next. */
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { after, before, suite, test } from "node:test";
import { signal } from "../../../test/support/engine_fixture.ts";
import { cannotLive, liveMachine, type LiveMachine } from "../../../test/support/live_machine.ts";
import { Failure } from "../../errors.ts";
import { Collector } from "../../runtime/container_fixture.ts";
import type { ContainerLayer } from "../../store/index.ts";
import { LiveContainers } from "./live_containers.ts";
import type { RunNetworking } from "./types.ts";

/** A container that ends when its file `/go` says so; it prints what the file says. */
const waiting = "echo up; while [ ! -f /go ]; do sleep 0.05; done; cat /go; exit 7";

suite("containers that live on", { skip: cannotLive }, () => {
  let host: LiveMachine;
  before(async () => void (host = await liveMachine()));
  after(() => host[Symbol.dispose]());

  function logged(id: string): string[] {
    const text = fs.readFileSync(join(host.root, "containers", id, `${id}-json.log`), "utf8");
    const lines = text.split("\n").filter((line) => line !== "");
    return lines.map((line) => (JSON.parse(line) as { log: string }).log);
  }

  async function say(live: LiveContainers, id: string, text: string): Promise<void> {
    const pid = (await live.find(id)).State.Pid;
    fs.writeFileSync(`/proc/${pid}/root/go.new`, text);
    fs.renameSync(`/proc/${pid}/root/go.new`, `/proc/${pid}/root/go`);
  }

  test("start, wait, log, events", async () => {
    await using live = host.supervisor();
    const events: string[] = [];
    const listening = live.events.listen(({ Action }) => events.push(Action));
    const { ID } = await host.create("echo out; echo err >&2; exit 3");
    const exit = live.wait(ID, "next-exit", signal);
    await live.start(ID);
    assert.deepEqual(await exit, { exitCode: 3 });
    assert.deepEqual(logged(ID).sort(), ["err\n", "out\n"]);
    const { State } = host.record(ID);
    assert.deepEqual([State.Running, State.Pid, State.ExitCode, State.Error], [false, 0, 3, ""]);
    assert.deepEqual(await live.wait(ID, "not-running", signal), { exitCode: 3 });
    await live.remove(ID);
    assert.deepEqual(events, ["start", "die", "destroy"]);
    listening[Symbol.dispose]();
  });

  test("a client that came before the start sees all and is asked for input", async () => {
    await using live = host.supervisor();
    const { ID } = await host.create("read line; echo got $line; cat", {
      config: { OpenStdin: true, StdinOnce: true },
    });
    const [stdin, stdout] = [new PassThrough(), new Collector()];
    const attachment = await live.attach(ID, { stdin, stdout, stderr: undefined });
    stdin.write("one\n");
    await live.start(ID);
    stdin.end("two\n");
    assert.equal(await attachment.ended, "ended");
    assert.equal(stdout.text, "got one\ntwo\n");
    assert.equal((await live.wait(ID, "not-running", signal)).exitCode, 0);
    await live.remove(ID);
  });

  test("stop asks first; kill does not; neither is followed by a restart", async () => {
    await using live = host.supervisor();
    const always = { hostConfig: { RestartPolicy: { Name: "always", MaximumRetryCount: 0 } } };
    const asked = await host.create(
      "trap 'echo bye; exit 4' TERM; echo up; while :; do sleep 0.05; done",
      always,
    );
    await live.start(asked.ID);
    await printed(asked.ID, 1);
    await live.stop(asked.ID);
    assert.deepEqual(logged(asked.ID), ["up\n", "bye\n"]);
    assert.equal(host.record(asked.ID).State.ExitCode, 4);
    await live.start(asked.ID);
    await live.kill(asked.ID);
    const { State } = host.record(asked.ID);
    assert.deepEqual([State.Running, State.Restarting, State.ExitCode], [false, false, 137]);
    await assert.rejects(live.kill(asked.ID), { kind: "conflict", message: /is not running$/ });
    await live.remove(asked.ID);
  });

  test("what goes when it ends stays while it is restarted, and goes afterwards", async () => {
    await using live = host.supervisor();
    const { ID } = await host.create(waiting, { hostConfig: { AutoRemove: true } });
    await live.start(ID);
    await live.restart(ID, { timeout: 0 });
    assert.equal(host.record(ID).State.Running, true);
    await assert.rejects(live.unpause(ID), { kind: "conflict", message: `Container ${ID} is not paused` });
    const removed = live.wait(ID, "removed", signal);
    await live.stop(ID, { timeout: 0 });
    assert.deepEqual(await removed, { exitCode: 137 });
    await assert.rejects(live.unpause(ID), { kind: "not-found" });
  });

  test("what goes when it ends flushes nothing before, and goes under the next supervisor, too", async () => {
    const { ID } = await host.create(waiting, { hostConfig: { AutoRemove: true } });
    const { mountId } = (await host.engine.store.containers.get(ID)) as ContainerLayer;
    const mounted = (): string[] =>
      fs
        .readFileSync("/proc/self/mountinfo", "utf8")
        .split("\n")
        .filter((line) => line.includes(`${mountId}/merged `));
    {
      await using live = host.supervisor();
      await live.start(ID);
      assert.match(mounted().join(), /[,=]volatile/);
    }
    await using live = host.supervisor();
    await live.restore();
    const removed = live.wait(ID, "removed", signal);
    await say(live, ID, "bye");
    assert.deepEqual(await removed, { exitCode: 7 });
    assert.deepEqual(mounted(), []);
    assert.equal(await host.engine.store.containers.get(ID), undefined);
    assert.ok(!fs.existsSync(join(host.root, "containers", ID)));
  });

  async function printed(id: string, lines: number): Promise<void> {
    const path = join(host.root, "containers", id);
    while (logged(id).length < lines) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const watcher = fs.watch(path, () => resolve());
      if (logged(id).length < lines) await promise;
      watcher.close();
    }
  }

  test("restart policies: on-failure ends at its count, always at a stop", async () => {
    await using live = host.supervisor();
    const { ID } = await host.create("echo again; exit 1", {
      hostConfig: { RestartPolicy: { Name: "on-failure", MaximumRetryCount: 2 } },
    });
    const events: string[] = [];
    const listening = live.events.listen(({ Action }) => events.push(Action));
    await live.start(ID);
    for (let exits = 0; exits < 2; exits++) await live.wait(ID, "next-exit", signal);
    await live.wait(ID, "not-running", signal);
    while (host.record(ID).State.Running) await live.wait(ID, "next-exit", signal);
    assert.deepEqual(logged(ID), ["again\n", "again\n", "again\n"]);
    assert.equal(host.record(ID)["RestartCount"], 2);
    await live.remove(ID);
    assert.deepEqual(events, ["start", "die", "start", "die", "start", "die", "destroy"]);
    listening[Symbol.dispose]();
  });

  /** Ends at once, and runs on when it is started again. */
  const secondStays = "if [ -f /was ]; then while :; do sleep 0.05; done; fi; touch /was; exit 1";

  const always = { hostConfig: { RestartPolicy: { Name: "always", MaximumRetryCount: 0 } } };

  const ends = {
    stop: (live: LiveContainers, id: string) => live.stop(id, { timeout: 0 }),
    kill: (live: LiveContainers, id: string) => live.kill(id),
    remove: (live: LiveContainers, id: string) => live.remove(id, { force: true }),
  };
  for (const [name, end] of Object.entries(ends)) {
    test(`${name} while its policy starts it: it is ended as soon as it runs`, async () => {
      const [restarting, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      let starts = 0;
      const networking: RunNetworking = {
        connect: async () => {
          if (++starts === 2) restarting.resolve();
          const connected = { etc: undefined, settings: (now: Record<string, unknown>) => now };
          return {
            namespace: undefined,
            connected: (starts === 1 ? Promise.resolve() : held.promise).then(() => connected),
          };
        },
        resume: async () => undefined,
        disconnect: async () => () => undefined,
      };
      await using live = new LiveContainers({ store: host.engine.store, networking });
      const { ID } = await host.create(secondStays, always);
      await live.start(ID);
      await restarting.promise;
      const ended = end(live, ID);
      // As far as it comes by itself.
      for (let turn = 0; turn < 200; turn++) await new Promise(setImmediate);
      held.resolve();
      await ended;
      if (name !== "remove") {
        const { State } = host.record(ID);
        assert.deepEqual([State.Running, State.Restarting], [false, false]);
        await live.remove(ID);
      }
      await assert.rejects(live.find(ID), { kind: "not-found" });
    });
  }

  test("kill between two runs: there is no other", async () => {
    await using live = host.supervisor();
    const { ID } = await host.create("exit 1", always);
    await live.start(ID);
    while (!host.record(ID).State.Restarting) await live.wait(ID, "next-exit", signal);
    await live.kill(ID);
    const { State } = host.record(ID);
    assert.deepEqual([State.Running, State.Restarting], [false, false]);
    await live.remove(ID);
  });

  test("the next supervisor finds what runs, loses no line and no exit code", async () => {
    const { ID } = await host.create(waiting);
    const { ID: brief } = await host.create("while [ ! -f /go ]; do sleep 0.05; done; seq 1000; exit 9");
    {
      await using live = host.supervisor();
      await live.start(ID);
      await live.start(brief);
    }
    // While nobody supervises.
    const pid = host.record(brief).State.Pid;
    fs.writeFileSync(`/proc/${pid}/root/go`, "");
    await gone(pid);
    await using live = host.supervisor();
    await live.restore();
    assert.equal((await live.wait(brief, "not-running", signal)).exitCode, 9);
    assert.deepEqual(
      logged(brief),
      Array.from({ length: 1000 }, (_, index) => `${index + 1}\n`),
    );
    const exit = live.wait(ID, "not-running", signal);
    await say(live, ID, "later\n");
    assert.deepEqual(await exit, { exitCode: 7 });
    assert.deepEqual(logged(ID), ["up\n", "later\n"]);
    for (const id of [ID, brief]) await live.remove(id);
    assert.deepEqual(fs.readdirSync(join(host.root, "varve/run")), []);
    assert.doesNotMatch(fs.readFileSync("/proc/self/mountinfo", "utf8"), new RegExp(`${host.root}/overlay2`));
  });

  async function gone(pid: number): Promise<void> {
    const state = (): string => {
      try {
        return fs.readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.[0] ?? "";
      } catch {
        return "";
      }
    };
    while (!["", "Z"].includes(state())) await new Promise(setImmediate);
  }

  test("networks that fail while the container is made: the start fails with their words", async () => {
    const networking: RunNetworking = {
      connect: async () => ({
        namespace: undefined,
        connected: Promise.reject(new Failure("not-found", "network front not found")),
      }),
      resume: async () => undefined,
      disconnect: async () => () => undefined,
    };
    const { store } = host.engine;
    await using live = new LiveContainers({ store, networking, warn: (text) => assert.fail(text) });
    const { ID } = await host.create(waiting);
    await assert.rejects(live.start(ID), { kind: "not-found", message: "network front not found" });
    assert.equal(host.record(ID).State.Error, "network front not found");
    await live.remove(ID);
  });

  test("a container that has ended, and whose networks are still taken away, does not run", async () => {
    const held = Promise.withResolvers<void>();
    const disconnecting = Promise.withResolvers<void>();
    const networking: RunNetworking = {
      connect: async () => ({
        namespace: undefined,
        connected: Promise.resolve({ etc: undefined, settings: (now: Record<string, unknown>) => now }),
      }),
      resume: async () => undefined,
      disconnect: async () => {
        disconnecting.resolve();
        await held.promise;
        return () => undefined;
      },
    };
    const { store } = host.engine;
    await using live = new LiveContainers({ store, networking, warn: (text) => assert.fail(text) });
    const { ID } = await host.create(waiting);
    await live.start(ID);
    const exec = await live.execs.create(ID, { Cmd: ["true"] });
    await say(live, ID, "bye");
    await disconnecting.promise;
    const shim = join(host.root, "varve/run", ID, "address");
    while (fs.existsSync(shim)) await new Promise(setImmediate);
    const notRunning = { kind: "conflict", message: `Container ${ID} is not running` };
    await assert.rejects(live.pause(ID), notRunning);
    await assert.rejects(live.top(ID, "-ef"), notRunning);
    await assert.rejects(live.resize(ID, 1, 1), notRunning);
    await assert.rejects(live.execs.start(exec), notRunning);
    await live.kill(ID, "TERM");
    await live.update(ID, { Memory: 64 << 20, MemorySwap: -1 });
    held.resolve();
    assert.equal((await live.wait(ID, "not-running", signal)).exitCode, 7);
    const { Running, Paused } = host.record(ID).State;
    assert.deepEqual([Running, Paused], [false, false]);
    await live.remove(ID);
  });

  test("what cannot be started says why, and leaves nothing", async () => {
    await using live = host.supervisor();
    const { ID } = await host.create("", { config: { Cmd: ["/nosuch"] } });
    await assert.rejects(live.start(ID), { message: /no such file or directory/ });
    const { State } = host.record(ID);
    assert.deepEqual([State.Running, State.ExitCode], [false, 127]);
    assert.deepEqual(fs.readdirSync(join(host.root, "varve/run")), []);
    await live.remove(ID);
  });

  test("an end that cannot be put on record is told to those who wait for it", async () => {
    const warnings: string[] = [];
    await using live = new LiveContainers({ store: host.engine.store, warn: (text) => warnings.push(text) });
    const { ID } = await host.create(waiting);
    await live.start(ID);
    const waited = live.wait(ID, "next-exit", signal);
    const path = join(host.root, "containers", ID, "hostconfig.json");
    fs.renameSync(path, `${path}.away`);
    await live.kill(ID);
    const { exitCode, error } = await waited;
    assert.equal(exitCode, 137);
    assert.match(error ?? "", /ENOENT.*hostconfig\.json/);
    assert.match(warnings.join(), /ENOENT.*hostconfig\.json/);
    fs.renameSync(`${path}.away`, path);
    assert.equal((await live.wait(ID, "not-running", signal)).exitCode, 137);
    await live.remove(ID);
  });

  test("pause and unpause; rm -f ends also what is paused, and those who wait are told", async () => {
    await using live = host.supervisor();
    const { ID } = await host.create(waiting);
    await live.start(ID);
    await live.pause(ID);
    assert.equal(host.record(ID).State.Paused, true);
    await assert.rejects(live.pause(ID), { kind: "conflict", message: /already paused/ });
    await live.unpause(ID);
    await assert.rejects(live.remove(ID), { kind: "conflict", message: /cannot remove a running container/ });
    await live.pause(ID);
    const removed = live.wait(ID, "removed", signal);
    await live.remove(ID, { force: true });
    assert.equal((await removed).exitCode >= 0, true);
    await assert.rejects(live.find(ID), { kind: "not-found" });
  });
});
