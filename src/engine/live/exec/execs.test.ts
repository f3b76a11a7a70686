/** Processes that are added to running containers. */
import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { after, before, suite, test } from "node:test";
import { cannotLive, liveMachine, type LiveMachine } from "../../../../test/support/live_machine.ts";
import { Collector } from "../../../runtime/container_fixture.ts";
import type { LiveContainers } from "../live_containers.ts";

const idle = "trap 'exit 0' TERM; while :; do sleep 0.1; done";

suite("processes in running containers", { skip: cannotLive }, () => {
  let host: LiveMachine;
  before(async () => void (host = await liveMachine()));
  after(() => host[Symbol.dispose]());

  /** Runs a command to its end. */
  async function run(live: LiveContainers, container: string, given: object, input?: string) {
    const id = await live.execs.create(container, {
      AttachStdout: true,
      AttachStderr: true,
      AttachStdin: input !== undefined,
      ...given,
    });
    const [stdout, stderr, stdin] = [new Collector(), new Collector(), new PassThrough()];
    stdin.end(input);
    const streams = { stdin: input === undefined ? undefined : stdin, stdout, stderr };
    const attachment = await live.execs.start(id, { streams });
    assert.equal(await attachment?.ended, "ended");
    return { id, out: stdout.text, err: stderr.text, code: live.execs.inspect(id).ExitCode };
  }

  test("B178 exec: output, input, exit code, user, environment, directory, capabilities", async () => {
    await using live = host.supervisor();
    const { ID } = await host.create(idle, { config: { Env: ["A=image", "B=image"] } });
    await live.start(ID);
    const plain = await run(live, ID, { Cmd: ["sh", "-c", "cat; echo bad >&2; exit 3"] }, "in\n");
    assert.deepEqual([plain.out, plain.err, plain.code], ["in\n", "bad\n", 3]);
    const script = "id -u; id -G; pwd; echo $A $B $HOME; grep -E 'Cap(Eff|Bnd)' /proc/self/status";
    const given = { Cmd: ["sh", "-c", script], User: "jo", WorkingDir: "/tmp", Env: ["A=exec"] };
    const lines = (await run(live, ID, given)).out.split("\n");
    assert.deepEqual(lines.slice(0, 4), ["1000", "1001 26", "/tmp", "exec image /home/jo"]);
    assert.match(lines[4] ?? "", /CapEff:\t0{16}/);
    assert.match(lines[5] ?? "", /CapBnd:\t00000000a80425fb/);
    await live.remove(ID, { force: true });
    assert.deepEqual(host.leftovers(), []);
  });

  test("an exec that nobody attaches to may print", async () => {
    await using live = host.supervisor();
    const { ID } = await host.create(idle);
    await live.start(ID);
    const died = Promise.withResolvers<void>();
    const listening = live.events.listen(({ Action }) => {
      if (Action === "exec_die") died.resolve();
    });
    const id = await live.execs.create(ID, { Cmd: ["sh", "-c", "echo out && echo err >&2 && exit 3"] });
    await live.execs.start(id);
    await died.promise;
    listening[Symbol.dispose]();
    assert.equal(live.execs.inspect(id).ExitCode, 3);
    await live.remove(ID, { force: true });
  });

  test("B178 exec: what cannot be run has Docker's text and exit code, and leaves nothing", async () => {
    await using live = host.supervisor();
    const { ID } = await host.create(idle);
    await live.start(ID);
    for (const [command, message, code] of [
      ["nosuch", /^OCI runtime exec failed: .*"nosuch": executable file not found in \$PATH: unknown$/, 127],
      ["/etc/passwd", /^OCI runtime exec failed: .*permission denied: unknown$/, 126],
    ] as const) {
      const id = await live.execs.create(ID, { Cmd: [command] });
      await assert.rejects(live.execs.start(id), { kind: "invalid", message });
      assert.deepEqual([live.execs.inspect(id).Running, live.execs.inspect(id).ExitCode], [false, code]);
      await assert.rejects(live.execs.start(id), { kind: "conflict", message: /has already run$/ });
    }
    const id = await live.execs.create(ID, { Cmd: ["true"], User: "nobody-here" });
    await assert.rejects(live.execs.start(id), /unable to find user nobody-here: no matching entries/);
    const bundle = readdirSync(join(host.root, "varve/run", ID));
    assert.deepEqual(
      bundle.filter((name) => name.startsWith("exec-")),
      [],
    );
    await live.remove(ID, { force: true });
  });

  test("B178 exec: refusals, events, and the list of those that run", async () => {
    await using live = host.supervisor();
    const events: string[] = [];
    const died = Promise.withResolvers<void>();
    const listening = live.events.listen(({ Action, Actor }) => {
      if (!Action.startsWith("exec_")) return;
      events.push(`${Action} ${Actor.Attributes["exitCode"] ?? ""}`.trim());
      if (Action === "exec_die") died.resolve();
    });
    const { ID, Name } = await host.create(idle);
    const name = Name.slice(1);
    await assert.rejects(live.execs.create(ID, { Cmd: ["true"] }), {
      kind: "conflict",
      message: `Container ${ID} is not running`,
    });
    await live.start(ID);
    await assert.rejects(live.execs.create(ID, { Cmd: [] }), { message: "No exec command specified" });
    await assert.rejects(live.execs.create(ID, { Cmd: ["x"], DetachKeys: "zz" }), {
      message: "Invalid escape keys (zz) provided",
    });
    assert.throws(() => live.execs.inspect("none"), { message: "No such exec instance: none" });
    assert.equal(live.execs.idsOf(ID), null);
    const id = await live.execs.create(name, {
      Cmd: ["sh", "-c", "while [ ! -f /go ]; do sleep 0.05; done; exit 4"],
    });
    assert.deepEqual(live.execs.idsOf(ID), [id]);
    await live.execs.start(id);
    assert.equal(live.execs.inspect(id).Running, true);
    assert.equal(existsSync(`/proc/${live.execs.inspect(id).Pid}`), true);
    await live.pause(ID);
    await assert.rejects(live.execs.create(name, { Cmd: ["true"] }), {
      kind: "conflict",
      message: `Container ${name} is paused, unpause the container before exec`,
    });
    await live.unpause(ID);
    await run(live, ID, { Cmd: ["touch", "/go"] });
    await died.promise;
    while (live.execs.inspect(id).Running) await new Promise(setImmediate);
    assert.equal(live.execs.inspect(id).ExitCode, 4);
    assert.equal(live.execs.idsOf(ID), null);
    assert.deepEqual(events.slice(0, 2), [
      "exec_create: sh -c while [ ! -f /go ]; do sleep 0.05; done; exit 4",
      "exec_start: sh -c while [ ! -f /go ]; do sleep 0.05; done; exit 4",
    ]);
    assert.equal(events.includes("exec_die 4"), true);
    listening[Symbol.dispose]();
    await live.remove(ID, { force: true });
  });

  test("B178 exec: not started it goes with the run, ended with the container; who was attached may still ask", async () => {
    await using live = host.supervisor();
    const { ID } = await host.create(idle);
    await live.start(ID);
    const idler = { Cmd: ["sleep", "1000"], AttachStdout: true };
    const unstarted = await live.execs.create(ID, idler);
    const alone = await live.execs.create(ID, idler);
    const ended = await run(live, ID, { Cmd: ["true"] });
    await live.execs.start(alone);
    const none = (id: string) => ({ kind: "not-found", message: `No such exec instance: ${id}` });
    await live.stop(ID, { timeout: 10 });
    assert.throws(() => live.execs.inspect(unstarted), none(unstarted));
    const notRunning = { kind: "conflict", message: `Container ${ID} is not running` };
    for (const id of [alone, ended.id]) await assert.rejects(live.execs.check(id), notRunning);
    await live.start(ID);
    assert.equal(live.execs.idsOf(ID), null);
    await assert.rejects(live.execs.start(unstarted), none(unstarted));
    assert.equal(live.execs.inspect(alone).ExitCode, 137);
    const watched = await live.execs.create(ID, idler);
    const streams = { stdin: undefined, stdout: new PassThrough().resume(), stderr: undefined };
    const attachment = await live.execs.start(watched, { streams });
    await live.remove(ID, { force: true });
    await attachment?.ended;
    for (const id of [alone, ended.id]) assert.throws(() => live.execs.inspect(id), none(id));
    assert.equal(live.execs.inspect(watched).ExitCode, 137);
    assert.throws(() => live.execs.inspect(watched), none(watched));
  });

  test("B178 exec: a terminal has its size, and its keys leave it running", async () => {
    await using live = host.supervisor();
    const { ID } = await host.create(idle);
    await live.start(ID);
    const given = { AttachStdin: true, AttachStdout: true, Tty: true };
    const id = await live.execs.create(ID, {
      ...given,
      Cmd: ["sh", "-c", "stty size; read x; stty size; sleep 1000"],
    });
    const [stdin, stdout] = [new PassThrough(), new Collector()];
    const attachment = await live.execs.start(id, {
      streams: { stdin, stdout, stderr: undefined },
      size: { rows: 11, columns: 22 },
    });
    assert.ok(attachment !== undefined);
    await stdout.seen("11 22", attachment.ended);
    await live.execs.resize(id, 44, 33);
    stdin.write("\n");
    await stdout.seen("33 44", attachment.ended);
    stdin.write(Buffer.from([0x10, 0x11]));
    assert.equal(await attachment.ended, "detached");
    assert.equal(live.execs.inspect(id).Running, true);
    const sized = await run(live, ID, { Cmd: ["stty", "size"], Tty: true, ConsoleSize: [57, 123] });
    assert.equal(sized.out, "57 123\r\n");
    await live.remove(ID, { force: true });
    let shown = live.execs.inspect(id);
    for (; shown.Running; shown = live.execs.inspect(id)) await new Promise(setImmediate);
    assert.equal(shown.ExitCode, 137);
    assert.deepEqual(host.leftovers(), []);
  });

  test("what one supervisor has begun, the next one takes away when it ends", async () => {
    const { ID } = await host.create(idle);
    const left = (): string[] =>
      readdirSync(join(host.root, "varve/run", ID)).filter((name) => name.startsWith("exec-"));
    {
      await using live = host.supervisor();
      await live.start(ID);
      const id = await live.execs.create(ID, {
        AttachStdout: true,
        Cmd: ["sh", "-c", "while [ ! -f /go ]; do echo line; sleep 0.01; done"],
      });
      await live.execs.start(id, {
        streams: { stdin: undefined, stdout: new PassThrough().resume(), stderr: undefined },
      });
    }
    assert.equal(left().length, 1);
    await using live = host.supervisor();
    await live.restore();
    assert.equal((await run(live, ID, { Cmd: ["touch", "/go"] })).code, 0);
    while (left().length > 0) await new Promise(setImmediate);
    await live.remove(ID, { force: true });
    assert.deepEqual(host.leftovers(), []);
  });

  test("B178 top, stats and update of a running container", async () => {
    await using live = host.supervisor();
    const { ID } = await host.create(idle);
    await live.start(ID);
    const { Titles, Processes } = await live.top(ID, "-o pid,args");
    assert.deepEqual(Titles, ["PID", "COMMAND"]);
    assert.equal(
      Processes.some(
        ([pid, command]) => Number(pid) === host.record(ID).State.Pid && command?.startsWith("sh -c trap"),
      ),
      true,
    );
    await assert.rejects(live.top(ID, "-o comm"), { message: "Couldn't find PID field in ps output" });
    await assert.rejects(live.top(ID, "-o pid=A -o comm=PID"), { message: /is not allowed$/ });
    const stop = new AbortController();
    const samples = [];
    for await (const sample of await host.engine.containers.stats(ID, {
      mode: "stream",
      signal: stop.signal,
    })) {
      if (samples.push(sample) === 2) stop.abort();
    }
    const [first, second] = samples;
    assert.equal(second?.preread, first?.read);
    assert.deepEqual(second?.precpu_stats, first?.cpu_stats);
    assert.equal((second?.pids_stats.current ?? 0) >= 1, true);
    assert.equal((second?.memory_stats.usage ?? 0) > 0, true);
    assert.equal((second?.cpu_stats.cpu_usage.total_usage ?? 0) > 0, true);
    assert.equal((second?.cpu_stats.system_cpu_usage ?? 0) > 0, true);

    await live.update(ID, { Memory: 64 << 20, MemorySwap: 128 << 20, PidsLimit: 50 });
    const [limited] = await Array.fromAsync(
      await host.engine.containers.stats(ID, { mode: "first", signal: new AbortController().signal }),
    );
    assert.deepEqual([limited?.memory_stats.limit, limited?.pids_stats.limit], [64 << 20, 50]);
    await assert.rejects(live.update(ID, { Memory: 512 << 20 }), {
      kind: "conflict",
      message: new RegExp(`^Cannot update container ${ID}: Memory limit should be smaller than already set`),
    });
    await assert.rejects(live.update(ID, { Memory: 1000 }), {
      message: "Minimum memory limit allowed is 6MB",
    });
    await live.update(ID, { RestartPolicy: { Name: "on-failure", MaximumRetryCount: 2 } });
    const { HostConfig } = await host.engine.containers.inspect(ID);
    assert.deepEqual(
      [HostConfig.Memory, HostConfig.PidsLimit, HostConfig["RestartPolicy"]],
      [64 << 20, 50, { Name: "on-failure", MaximumRetryCount: 2 }],
    );
    await live.remove(ID, { force: true });
  });
});
