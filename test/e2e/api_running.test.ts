/** Logs, exec, top, stats and update over the daemon's socket, also by Docker's own command line. */
import assert from "node:assert/strict";
import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { connect } from "node:net";
import { buffer, text } from "node:stream/consumers";
import { after, before, suite, test } from "node:test";
import { daemonFixture, type DaemonFixture } from "../support/daemon_fixture.ts";
import { makeContainer } from "../support/engine_fixture.ts";
import { cannotLive, endAll, importBase } from "../support/live_machine.ts";
import { Collector } from "../../src/runtime/container_fixture.ts";
import type { StoredImage } from "../../src/store/index.ts";

const docker = ["/usr/bin/docker", "/usr/local/bin/docker"].find((path) => existsSync(path));
const script = ["/usr/bin/script"].find((path) => existsSync(path));
const cliSkip = docker === undefined || script === undefined ? "needs docker and script(1)" : false;

const idle = "trap 'exit 0' TERM; while :; do sleep 0.1; done";

suite("running containers over the API", { skip: cannotLive }, () => {
  let host: DaemonFixture;
  let image: StoredImage;
  before(async () => {
    host = await daemonFixture("overlay2");
    image = await importBase(host);
  });
  after(async () => {
    for (const { ID } of await host.engine.containers.list({ all: true }).then(() => records())) {
      await host.daemon.live.remove(ID, { force: true });
    }
    assert.deepEqual(host.warnings, []);
    endAll(host.root);
    await host[Symbol.asyncDispose]();
  });

  const made: string[] = [];
  const records = (): { ID: string }[] => made.map((ID) => ({ ID }));

  async function start(command: string, hostConfig: object = {}, config: object = {}): Promise<string> {
    const { ID } = await makeContainer(host, image, {
      config: { Cmd: ["sh", "-c", command], ...config },
      hostConfig: { NetworkMode: "none", ...hostConfig },
    });
    made.push(ID);
    await host.daemon.live.start(ID);
    return ID;
  }

  /** What is in the frames, with a letter for the stream. */
  function frames(bytes: Buffer): string[] {
    const found: string[] = [];
    for (let at = 0; at < bytes.length;) {
      const end = at + 8 + bytes.readUInt32BE(at + 4);
      found.push(`${bytes[at] === 1 ? "out" : "err"}:${bytes.toString("utf8", at + 8, end)}`);
      at = end;
    }
    return found;
  }

  const ended = (id: string): Promise<unknown> =>
    host.daemon.live.wait(id, "not-running", new AbortController().signal);

  for (const driver of ["json-file", "local"]) {
    test(`B178 logs of the driver ${driver}: frames, tail, times, one stream, refusals`, async () => {
      const id = await start("echo one; sleep 0.01; echo two >&2; sleep 0.01; printf three", {
        LogConfig: { Type: driver, Config: {} },
      });
      await ended(id);
      const logs = (query: string) => host.ask(`/v1.44/containers/${id}/logs?${query}`);
      const all = await logs("stdout=1&stderr=1");
      assert.equal(all.headers["content-type"], "application/vnd.docker.multiplexed-stream");
      assert.deepEqual(frames(all.bytes), ["out:one\n", "err:two\n", "out:three"]);
      assert.deepEqual(frames((await logs("stdout=1&stderr=1&tail=2")).bytes), ["err:two\n", "out:three"]);
      assert.deepEqual(frames((await logs("stderr=1&tail=all")).bytes), ["err:two\n"]);
      const [timed = ""] = frames((await logs("stdout=1&timestamps=1&details=1&tail=3")).bytes);
      assert.match(timed, /^out:\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z  one\n$/);
      const [, time = ""] = /^out:(\S+)/.exec(timed) ?? [];
      const second = `${Math.floor(Date.parse(time) / 1000)}.${time.slice(20, 29)}`;
      assert.deepEqual(frames((await logs(`stdout=1&stderr=1&until=${second}`)).bytes), ["out:one\n"]);
      assert.equal(frames((await logs(`stdout=1&stderr=1&since=${second}`)).bytes).length, 3);
      assert.equal(
        (await logs("")).text,
        '{"message":"Bad parameters: you must choose at least one stream"}\n',
      );
      assert.equal((await logs("stdout=1&since=abc")).status, 400);
      const old = await host.ask(`/v1.41/containers/${id}/logs?stdout=1`);
      assert.equal(old.headers["content-type"], "application/vnd.docker.raw-stream");
    });
  }

  test("B178 logs: raw with a terminal; a driver without logs says so; follow ends with the run", async () => {
    const terminal = await start("echo hi", {}, { Tty: true });
    await ended(terminal);
    assert.equal((await host.ask(`/containers/${terminal}/logs?stdout=1`)).text, "hi\r\n");
    const none = await start(idle, { LogConfig: { Type: "none", Config: {} } });
    const answer = await host.ask(`/containers/${none}/logs?stdout=1&follow=1`);
    assert.equal(answer.status, 501);
    assert.equal(answer.json()["message"], "configured logging driver does not support reading");
    const config = { "max-size": "200", "max-file": "100" };
    const id = await start(
      "echo begun; read x; for i in $(seq 100); do echo $i; done",
      {
        LogConfig: { Type: "json-file", Config: config },
      },
      { OpenStdin: true, StdinOnce: true },
    );
    const following = host.ask(`/containers/${id}/logs?stdout=1&follow=1`);
    const attached = connect(host.socket);
    attached.write(
      `POST /containers/${id}/attach?stream=1&stdin=1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n`,
    );
    await once(attached, "data");
    attached.end("go\n");
    const lines = frames((await following).bytes);
    assert.deepEqual(lines, [
      "out:begun\n",
      ...Array.from({ length: 100 }, (_, index) => `out:${index + 1}\n`),
    ]);
    attached.destroy();
  });

  test("B178 exec over the socket: create, start, inspect, refusals", async () => {
    const id = await start(idle);
    const create = (body: object) => host.post(`/containers/${id}/exec`, { body });
    const made = await create({
      AttachStdout: true,
      AttachStderr: true,
      Cmd: ["sh", "-c", "echo a; echo b >&2; exit 5"],
    });
    assert.equal(made.status, 201);
    const { Id } = made.json<{ Id: string }>();
    assert.deepEqual((await host.ask(`/containers/${id}/json`)).json()["ExecIDs"], [Id]);
    const connection = connect(host.socket);
    const body = JSON.stringify({ Detach: false, Tty: false });
    connection.write(
      `POST /v1.44/exec/${Id}/start HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n${body}`,
    );
    const bytes = await buffer(connection);
    const head = bytes.indexOf("\r\n\r\n") + 4;
    assert.match(bytes.toString("utf8", 0, head), /^HTTP\/1.1 101 UPGRADED\r\n.*multiplexed-stream/s);
    assert.deepEqual(frames(bytes.subarray(head)).sort(), ["err:b\n", "out:a\n"]);
    const { ExitCode, Running, ProcessConfig } = (await host.ask(`/exec/${Id}/json`)).json();
    assert.deepEqual([ExitCode, Running], [5, false]);
    assert.deepEqual(ProcessConfig, {
      tty: false,
      entrypoint: "sh",
      arguments: ["-c", "echo a; echo b >&2; exit 5"],
      privileged: false,
    });
    assert.equal((await host.post(`/exec/${Id}/start`, { body: {} })).status, 409);
    assert.equal((await host.post("/exec/none/start", { body: {} })).status, 404);
    assert.equal((await host.post("/exec/none/resize?h=1&w=1")).status, 404);
    assert.equal((await create({})).json()["message"], "No exec command specified");
    assert.equal((await create({ Cmd: "true" })).status, 400);
    const missing = (await create({ Cmd: ["nosuch"] })).json<{ Id: string }>();
    const failed = await host.post(`/exec/${missing.Id}/start`, { body: { Detach: true } });
    assert.equal(failed.status, 400);
    assert.match(String(failed.json()["message"]), /"nosuch": executable file not found in \$PATH: unknown$/);
  });

  test("B178 exec: names in any case; the start says whether output comes in frames", async () => {
    const id = await start(idle);
    const created = {
      attachStdout: true,
      AttachStderr: true,
      tty: true,
      cmd: ["sh", "-c", "echo a; echo b >&2"],
    };
    const output = async (begun: object): Promise<Buffer> => {
      const { Id } = (await host.post(`/containers/${id}/exec`, { body: created })).json<{ Id: string }>();
      return Buffer.from((await host.post(`/exec/${Id}/start`, { body: begun })).text);
    };
    assert.equal((await output({ tty: true })).toString(), "a\r\nb\r\n");
    assert.equal(
      frames(await output({}))
        .join("")
        .replaceAll("out:", ""),
      "a\r\nb\r\n",
    );
    await host.post(`/containers/${id}/update`, { body: { pidsLimit: 60 } });
    const { HostConfig } = (await host.ask(`/containers/${id}/json`)).json<{
      HostConfig: { PidsLimit: number };
    }>();
    assert.equal(HostConfig.PidsLimit, 60);
  });

  test("B178 top, stats and update over the socket", async () => {
    const id = await start(idle);
    const top = (await host.ask(`/containers/${id}/top`)).json<{ Titles: string[] }>();
    assert.deepEqual(top.Titles, ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"]);
    const stats = (await host.ask(`/containers/${id}/stats?stream=0&one-shot=1`)).json();
    assert.deepEqual([stats["id"], stats["preread"]], [id, "0001-01-01T00:00:00Z"]);
    const update = await host.post(`/containers/${id}/update`, { body: { PidsLimit: 70 } });
    assert.deepEqual([update.status, update.json()], [200, { Warnings: null }]);
    assert.equal((await host.post(`/containers/${id}/update`, { body: { Memory: 1 } })).status, 400);
    await host.daemon.live.stop(id);
    assert.equal((await host.ask(`/containers/${id}/top`)).status, 409);
    const none = (await host.ask(`/containers/${id}/stats?stream=0`)).json();
    assert.deepEqual([none["read"], none["memory_stats"]], ["0001-01-01T00:00:00Z", {}]);
  });

  function cli(...args: string[]): ChildProcessWithoutNullStreams {
    return spawn(docker as string, ["-H", `unix://${host.socket}`, ...args]);
  }

  async function printed(...args: string[]): Promise<string> {
    const child = cli(...args);
    child.stdin.end();
    const [out, error] = await Promise.all([text(child.stdout), text(child.stderr)]);
    return out + error;
  }

  test("B178 docker: logs -f, exec -it on a terminal, top, stats, update", { skip: cliSkip }, async () => {
    const id = await start("echo begun; while [ ! -f /go ]; do sleep 0.05; done; echo ended");
    const following = cli("logs", "-f", id);
    const seen = new Collector();
    const closed = once(following, "close");
    following.stdout.pipe(seen);
    await seen.seen("begun", closed);
    assert.match(await printed("top", id, "-o", "pid,args"), /PID +COMMAND\n(.*\n)*\d+ +sh -c echo begun/);
    assert.match(
      await printed("stats", "--no-stream", "--format", "{{.ID}} {{.PIDs}}", id),
      new RegExp(`^${id.slice(0, 12)} [12]\n$`),
    );
    assert.equal(await printed("update", "--pids-limit", "60", id), `${id}\n`);
    // On a terminal of its own, which script(1) makes.
    const command = `${docker} -H unix://${host.socket} exec -it ${id} sh`;
    const shell = spawn(script as string, ["-qec", command, "/dev/null"]);
    const screen = new Collector();
    const left = once(shell, "close");
    shell.stdout.pipe(screen);
    await screen.seen("# ", left);
    shell.stdin.write("tty; touch /go; exit 6\n");
    assert.deepEqual(await left, [6, null]);
    assert.match(screen.text, /\/dev\/pts\/\d+/);
    assert.deepEqual(await closed, [0, null]);
    assert.equal(seen.text, "begun\nended\n");
  });
});
