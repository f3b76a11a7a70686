/** Real containers under the real shim and runc. */
import assert from "node:assert/strict";
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { release } from "node:os";
import { after, before, describe, test } from "node:test";
import { PassThrough, Writable } from "node:stream";
import { isFailure } from "../errors.ts";
import { cannotRun, Collector, ContainerFixture } from "./container_fixture.ts";
import { exitCodeOfFailure } from "./runtime_failure.ts";
import { ShimTask } from "./shim_task.ts";

describe("running a container in the foreground", { skip: cannotRun }, () => {
  let fixture: ContainerFixture;
  before(async () => void (fixture = await ContainerFixture.create()));
  after(() => {
    const left = fixture.leftovers();
    fixture[Symbol.dispose]();
    assert.deepEqual(left, []);
  });

  test("gives the exit code and keeps stdout and stderr apart", async () => {
    const { code, stdout, stderr } = await fixture.shell("echo out; echo err >&2; exit 3");
    assert.deepEqual([code, stdout, stderr], [3, "out\n", "err\n"]);
    assert.equal((await fixture.shell("true")).code, 0);
  });

  const failures: [command: string, code: number, message: RegExp][] = [
    [
      "nosuch",
      127,
      /^failed to create shim task: OCI runtime create failed: .*exec: "nosuch": executable file not found in \$PATH: unknown$/,
    ],
    ["/nosuch", 127, /exec: "\/nosuch": stat \/nosuch: no such file or directory: unknown$/],
    ["/etc", 126, /exec: "\/etc": permission denied: unknown$/],
    ["/etc/not-executable", 126, /exec: "\/etc\/not-executable": permission denied: unknown$/],
  ];
  for (const [command, code, message] of failures)
    test(`${command} fails with ${code} in Docker's words and leaves nothing`, async (t) => {
      if (fixture.programs.name !== "runc") return t.skip("the words are runc's");
      await assert.rejects(fixture.run([command]), (error: Error) => {
        assert.match(error.message, message);
        assert.equal(exitCodeOfFailure(error), code);
        return true;
      });
      assert.deepEqual(fixture.leftovers(), []);
    });

  test("128 and the signal when a signal ends it", async () => {
    const { code, result } = await fixture.shell("kill -9 $$", { pid: "host" });
    assert.equal(code, 137);
    assert.equal(result.kind === "exited" && result.oomKilled, false);
  });

  test("the signals of this process reach it, and its trap decides the code", async () => {
    const stdout = new Collector();
    const running = fixture.shell('trap "exit 42" USR1; echo ready; while :; do sleep 0.1; done', {
      stdout,
      proxySignals: true,
    });
    await stdout.seen("ready", running);
    process.kill(process.pid, "SIGUSR1");
    assert.equal((await running).code, 42);
  });

  test("stdin is passed on whole, and its end as well", async () => {
    const input = "0123456789".repeat(50_000);
    assert.equal((await fixture.shell("wc -c; echo done", {}, input)).stdout, "500000\ndone\n");
    assert.equal((await fixture.shell("cat", {}, "")).stdout, "");
  });

  test("without -i it reads nothing", async () => {
    assert.equal((await fixture.shell("cat; readlink /proc/self/fd/0")).stdout, "/dev/null\n");
  });

  test("output that nobody reads for a while is not lost", async () => {
    const chunks: Buffer[] = [];
    let free: (() => void) | undefined;
    const slow = new Writable({
      highWaterMark: 1,
      write(chunk: Buffer, _encoding, done) {
        chunks.push(chunk);
        // Holds the first chunk until the process has ended on its own.
        if (chunks.length === 1) free = done;
        else done();
      },
    });
    const script = "head -c 60000 /dev/zero; head -c 60000 /dev/zero; touch /tmp/ended";
    const running = fixture.shell(script, { stdout: slow });
    await until(() => free !== undefined && existsSync(join(fixture.rootfs, "tmp/ended")));
    free?.();
    assert.equal((await running).code, 0);
    assert.equal(Buffer.concat(chunks).length, 120_000);
  });

  test("when nobody takes the output any more it is killed", async () => {
    const closed = new Writable({ write: (_chunk, _encoding, done) => done(new Error("EPIPE")) });
    assert.equal((await fixture.run(["yes"], { stdout: closed })).result.kind, "exited");
  });

  test("with a terminal it has one, of the size of ours, and stderr is part of it", async () => {
    const stdout = Object.assign(new Collector(), { isTTY: true, columns: 77, rows: 33 });
    const { code } = await fixture.shell("tty; stty size; echo err >&2; exit 5", { terminal: true, stdout });
    assert.deepEqual([code, stdout.text], [5, "/dev/pts/0\r\n33 77\r\nerr\r\n"]);
  });

  test("a terminal follows the size of ours and takes what is typed", async () => {
    const stdout = Object.assign(new Collector(), { isTTY: true, columns: 80, rows: 24 });
    const stdin = new PassThrough();
    // A signal may end `read` with nothing read.
    const script =
      "trap 'stty size' WINCH; trap 'exit 11' INT; echo ready; while :; do read line && echo got $line; done";
    const running = fixture.shell(script, { terminal: true, stdout, stdin });
    await stdout.seen("ready", running);
    Object.assign(stdout, { columns: 100, rows: 50 });
    stdout.emit("resize");
    // First: a signal in the middle of a line would end `read` with a part of it lost.
    await stdout.seen("50 100", running);
    stdin.write("hello\r");
    await stdout.seen("got hello", running);
    // ctrl-C is the container's: its terminal makes a signal of it.
    stdin.write("\x03");
    assert.equal((await running).code, 11);
  });

  test("aborting kills it and says so", async () => {
    const controller = new AbortController();
    const onStarted = (): void => controller.abort();
    await assert.rejects(fixture.run(["sleep", "600"], { signal: controller.signal, onStarted }), (error) =>
      isFailure(error, "cancelled"),
    );
    assert.deepEqual(fixture.leftovers(), []);
  });

  test("a bundle in which the caller keeps files is not removed, but all that was ours in it", async () => {
    const options = await fixture.spec(["true"]);
    const bundle = fixture.bundle(options.id);
    mkdirSync(bundle, { recursive: true });
    writeFileSync(join(bundle, "mine"), "");
    await fixture.run(["true"], { id: options.id });
    assert.deepEqual(readdirSync(bundle), ["mine"]);
    rmSync(bundle, { recursive: true });
  });

  test("a bundle that holds a container is refused and left alone", async () => {
    const options = await fixture.spec(["true"]);
    const bundle = fixture.bundle(options.id);
    mkdirSync(bundle, { recursive: true });
    writeFileSync(join(bundle, "config.json"), "its own");
    await assert.rejects(fixture.run(["true"], { id: options.id }), (error) => isFailure(error, "conflict"));
    assert.equal(readFileSync(join(bundle, "config.json"), "latin1"), "its own");
    rmSync(bundle, { recursive: true });
  });

  test("the detach keys leave it running, to be found again", async () => {
    const options = await fixture.spec(["sh", "-c", "echo ready; read line; exit 9"]);
    const stdin = new PassThrough();
    const stdout = new Collector();
    const running = fixture.run(["sh", "-c", "echo ready; read line; exit 9"], {
      id: options.id,
      terminal: true,
      stdin,
      stdout,
      detachKeys: "ctrl-a,d",
    });
    await stdout.seen("ready", running);
    stdin.write("\x01d");
    assert.deepEqual((await running).result, { kind: "detached" });

    const place = { shim: fixture.programs.shim, bundle: fixture.bundle(options.id), id: options.id };
    const task = await ShimTask.reconnect(place);
    assert.ok(task);
    const streams = task.reopenStreams({ terminal: true, stdin: true });
    const exited = task.wait();
    streams.stdin?.write("x\r");
    assert.equal((await exited).status, 9);
    await task.delete();
    for (const stream of Object.values(streams)) stream?.destroy();
    await ShimTask.removeLeftovers(place);
    assert.ok(!existsSync(place.bundle));
  });

  test("B002: a root with nothing but the program is enough", async () => {
    const scratch = join(fixture.directory, "scratch");
    mkdirSync(scratch);
    // The libraries of a busybox that is not static, if any.
    for (const name of readdirSync(fixture.rootfs))
      if (name.startsWith("lib"))
        cpSync(join(fixture.rootfs, name), join(scratch, name), { recursive: true });
    copyFileSync(join(fixture.rootfs, "bin/busybox"), join(scratch, "busybox"));
    const { stdout } = await fixture.run(["/busybox", "cat", "/etc/hostname"], { rootfs: scratch });
    assert.match(stdout, /^[0-9a-f]{12}\n$/);
  });

  test("B003: it runs on the host's kernel", async () => {
    assert.equal((await fixture.shell("uname -r")).stdout, `${release()}\n`);
  });

  test("it has Docker's capabilities, seccomp and masks", async () => {
    const script = [
      "grep -E '^(CapInh|CapPrm|CapEff|CapBnd|CapAmb|Seccomp|NoNewPrivs):' /proc/self/status",
      "cat /proc/timer_list /proc/keys 2>/dev/null | wc -c",
      "echo 1 2>&1 >/proc/sys/kernel/core_pattern | sed 's/.*: //'",
      "unshare -m true 2>&1 | sed 's/.*: //'",
      "echo $$",
    ].join("; ");
    assert.deepEqual((await fixture.shell(script)).stdout.replaceAll("\t", " ").split("\n"), [
      "CapInh: 0000000000000000",
      "CapPrm: 00000000a80425fb",
      "CapEff: 00000000a80425fb",
      "CapBnd: 00000000a80425fb",
      "CapAmb: 0000000000000000",
      "NoNewPrivs: 0",
      "Seccomp: 2",
      "0",
      "Read-only file system",
      "Operation not permitted",
      "1",
      "",
    ]);
  });

  test("a user other than root has no capability and its own groups", async () => {
    const script = "id; grep -E '^Cap(Eff|Bnd)' /proc/self/status; echo $HOME; pwd";
    const { stdout } = await fixture.shell(script, { user: "jo", workingDir: "/var/lib/new" });
    assert.deepEqual(stdout.replaceAll("\t", " ").split("\n"), [
      "uid=1000(jo) gid=1001(jo) groups=26(tape),1001(jo)",
      "CapEff: 0000000000000000",
      "CapBnd: 00000000a80425fb",
      "/home/jo",
      "/var/lib/new",
      "",
    ]);
  });

  test("--network none is a loopback that is up, and nothing else", async () => {
    const { stdout } = await fixture.shell("ls /sys/class/net; ip addr show lo | grep 'inet '; hostname");
    assert.match(stdout, /^lo\n {4}inet 127\.0\.0\.1\/8 .*\n[0-9a-f]{12}\n$/);
  });

  test("--network host is the host's", async () => {
    const { stdout } = await fixture.shell("readlink /proc/self/ns/net; hostname", { network: "host" });
    const { stdout: other } = await fixture.shell("readlink /proc/self/ns/net");
    const own = readFileSync("/proc/sys/kernel/hostname", "utf8");
    assert.ok(stdout.endsWith(`\n${own}`));
    assert.notEqual(stdout.split("\n")[0], other.trim());
  });

  test("B012: with --read-only every write fails with EROFS, but tmpfs and volumes take them", async () => {
    const data = join(fixture.directory, "data");
    mkdirSync(data, { recursive: true });
    const script = "touch /x; r=$?; touch /tmp/y /data/z && echo ok; touch /etc/hosts; exit $r";
    const { code, stdout, stderr } = await fixture.shell(script, {
      readOnly: true,
      tmpfs: { "/tmp": "" },
      binds: [{ source: data, destination: "/data" }],
    });
    assert.deepEqual([code, stdout], [1, "ok\n"]);
    assert.match(stderr, /touch: \/x: Read-only file system\ntouch: \/etc\/hosts: Read-only file system\n/);
    assert.ok(existsSync(join(data, "z")) && !existsSync(join(fixture.rootfs, "x")));
  });

  test("a bind that is read-only refuses writes", async () => {
    const data = join(fixture.directory, "data-ro");
    mkdirSync(data);
    writeFileSync(join(data, "f"), "content\n");
    const binds = [{ source: data, destination: "/deep/data", readOnly: true }];
    const { stdout, stderr } = await fixture.shell("cat /deep/data/f; touch /deep/data/g", { binds });
    assert.equal(stdout, "content\n");
    assert.match(stderr, /Read-only file system/);
  });

  test("B027: hosts, hostname and resolv.conf are mounts: writes do not reach the image, rm and mv are EBUSY", async () => {
    const script = [
      "for f in hosts hostname resolv.conf; do",
      "echo added >> /etc/$f; tail -n 1 /etc/$f; rm /etc/$f; mv /etc/$f /etc/away; done",
    ].join(" ");
    const { stdout, stderr } = await fixture.shell(script);
    assert.equal(stdout, "added\n".repeat(3));
    assert.equal(stderr.match(/Resource busy|Device or resource busy/g)?.length, 6, stderr);
    for (const name of ["hosts", "hostname", "resolv.conf"])
      assert.equal(readFileSync(join(fixture.rootfs, "etc", name), "latin1"), "");
  });

  test("limits stand in its cgroup", async (t) => {
    if (!existsSync("/sys/fs/cgroup/memory")) return t.skip("the paths are those of cgroup v1");
    const script = [
      "cd /sys/fs/cgroup; cat memory/memory.limit_in_bytes pids/pids.max",
      "cat cpu/cpu.cfs_quota_us cpu/cpu.cfs_period_us cpu/cpu.shares; ulimit -n",
    ].join("; ");
    const { stdout } = await fixture.shell(script, {
      limits: { memory: 64 << 20, pids: 50, cpus: 0.5, cpuShares: 512 },
      ulimits: [{ name: "nofile", soft: 100, hard: 200 }],
    });
    assert.deepEqual(stdout.split("\n"), ["67108864", "50", "50000", "100000", "512", "100", ""]);
  });

  test("a kill for want of memory is told", async () => {
    const script = 'x=$(head -c 60000000 /dev/zero | tr "\\0" x); echo ${#x}';
    const { code, result } = await fixture.shell(script, {
      limits: { memory: 16 << 20, memorySwap: 16 << 20 },
    });
    assert.equal(code, 137);
    assert.equal(result.kind === "exited" && result.oomKilled, true);
  });

  test("--init reaps and passes signals on", async (t) => {
    const { findInit } = await import("./find_runtime.ts");
    const init = await findInit().catch(() => undefined);
    if (init === undefined) return t.skip("no init program is installed");
    const { stdout } = await fixture.shell("echo $PPID; cat /proc/1/comm", { init });
    assert.match(stdout, /^1\ndocker-init\n$/);
  });

  test("sysctls, domain name and size of /dev/shm are set", async () => {
    const script = [
      "cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/domainname",
      "df -k /dev/shm | tail -n 1 | awk '{print $2}'",
    ].join("; ");
    const { stdout } = await fixture.shell(script, {
      sysctls: { "net.ipv4.ip_forward": "1" },
      domainname: "dom.x",
      shmSize: 1 << 20,
    });
    assert.equal(stdout, "0\n1\ndom.x\n1024\n");
  });

  test("privileged has every capability that we hold and no seccomp", async () => {
    const { stdout } = await fixture.shell(
      "grep -E '^(CapEff|Seccomp):' /proc/self/status; ls -l /dev/null",
      {
        privileged: true,
      },
    );
    const held = /^CapBnd:\s*(\S+)$/m.exec(readFileSync("/proc/self/status", "latin1"))?.[1];
    assert.ok(stdout.startsWith(`CapEff:\t${held}\nSeccomp:\t0\n`), stdout);
  });
});

/** Resolves when `condition` holds; looked at each time the event loop comes round. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => void setImmediate(resolve));
}
