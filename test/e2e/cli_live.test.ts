/** The CLI on containers that live on: ours on varve's daemon and on Docker's, beside docker's on both. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { suite, test } from "node:test";
import { startDockerd } from "../suites/dockerd.ts";
import { onTerminal } from "../suites/pty.ts";
import { scratch, unlessAll } from "../suites/scratch.ts";
import {
  besideDockerdSkip,
  bundle,
  json,
  makeBase,
  makeBench,
  program,
  runSkip,
  unless,
  type Outcome,
  type Program,
} from "./support.ts";

interface Served extends AsyncDisposable {
  /** Our CLI on the daemon. */
  readonly varve: Program;
  /** Docker's CLI on it. */
  readonly docker: Program;
  readonly url: string;
}

function clientsOf(url: string): Pick<Served, "varve" | "docker" | "url"> {
  return {
    url,
    varve: program(process.execPath, bundle, "--host", url),
    docker: program("docker", "-H", url),
  };
}

/** Our own daemon on the root, as a process of its own. */
async function serve(root: string, directory: string): Promise<Served> {
  const url = `unix://${join(directory, "v.sock")}`;
  const daemon = program(process.execPath, bundle, "--root", root).start(["daemon", "-H", url]);
  const closed = once(daemon, "close");
  daemon.stderr!.resume();
  const lines = createInterface({ input: daemon.stdout! });
  const listening = Promise.withResolvers<void>();
  lines.on("line", (line) => line.includes("API listen on") && listening.resolve());
  void closed.then(() => listening.reject(new Error("the daemon ended")));
  await listening.promise;
  return {
    ...clientsOf(url),
    [Symbol.asyncDispose]: async () => {
      daemon.kill("SIGTERM");
      await closed;
    },
  };
}

/** Starts a container that has printed to both streams when this returns. */
async function startTalker({ varve }: Served, name: string): Promise<void> {
  const script = "echo out; echo err >&2; exec sleep 1000";
  await varve("run", "-d", "--network", "none", "--name", name, "base:1", "sh", "-c", script);
  for (let text = ""; !(text.includes("out") && text.includes("err"));) {
    const { stdout, stderr } = await varve.run(["logs", name]);
    text = stdout + stderr;
  }
}

/** As ours is: without the names of programs, and the usage that docker adds. */
function plain({ code, stdout, stderr }: Outcome): Outcome {
  const text = stderr
    .replace(/^(varve: |docker: )/gm, "")
    .replace(/^Error response from daemon: |^Error: /gm, "")
    .replace(/\n\n(Usage|Run '[\s\S]*)[\s\S]*/, "\n");
  return { code, stdout, stderr: text };
}

/** Commands that change nothing, after one container was started that has printed something. */
const looks: readonly (readonly string[])[] = [
  ["logs", "talker"],
  ["logs", "-t", "talker"],
  ["logs", "nosuch"],
  ["top", "talker", "-o", "pid,args"],
  ["port", "talker", "80"],
  ["exec", "-e", "A=b", "-w", "/tmp", "talker", "sh", "-c", "echo $A $PWD; echo e >&2; exit 3"],
  ["stats", "--no-stream", "--format", "{{.Name}} {{.PIDs}} {{.NetIO}}", "talker"],
  ["attach", "nosuch"],
  ["update", "--restart", "sometimes", "talker"],
  ["events", "--since", "1h", "--until", "0s", "-f", "event=start", "-f", "container=talker"],
  ["run", "--rm", "--network", "none", "base:1", "sh", "-c", "echo o; echo e >&2; exit 9"],
  ["run", "--rm", "--network", "none", "--pull", "never", "nosuch:1"],
  ["run", "--rm", "--network", "none", "base:1", "nosuch"],
];

/** What takes its time and seldom fails alone. */
const moreLooks: typeof looks = [
  ["logs", "-n", "1", "talker"],
  ["port", "talker"],
  ["wait", "nosuch"],
  ["kill", "nosuch"],
  ["stop", "nosuch"],
  ["update", "talker"],
  ["logs", "--until", "1h", "talker"],
  ["events", "--since", "1h", "--until", "0s", "-f", "event=start", "--format", "json"],
  ["run", "-d", "--rm", "--restart", "always", "base:1", "true"],
  ["exec", "nosuch", "true"],
];

async function prints(served: Served): Promise<void> {
  await startTalker(served, "talker");
  for (const words of unlessAll === false ? [...looks, ...moreLooks] : looks) {
    const [theirs, ours] = await Promise.all([served.docker.run(words), served.varve.run(words)]);
    assert.deepEqual(plain(ours), plain(theirs), words.join(" "));
  }
  await served.docker("rm", "-f", "talker");
}

/** One container's life, by our CLI alone. */
async function lives(served: Served): Promise<void> {
  const { varve } = served;
  await startTalker(served, "talker");
  assert.equal(await varve("pause", "talker"), "talker");
  assert.match((await varve.run(["attach", "talker"])).stderr, /cannot attach to a paused container/);
  assert.equal(await varve("unpause", "talker"), "talker");
  assert.equal(await varve("rename", "talker", "teller"), "");
  assert.equal(await varve("update", "--memory", "64m", "--memory-swap", "128m", "teller"), "teller");
  assert.equal(await varve("update", "--memory-swap", "256m", "teller"), "teller");
  const waiting = varve("wait", "teller");
  assert.equal(await varve("kill", "-s", "KILL", "teller"), "teller");
  assert.equal(await waiting, "137");
  assert.match((await varve.run(["attach", "teller"])).stderr, /cannot attach to a stopped container/);
  const { code, stdout } = await varve.run(["start", "nosuch", "teller"]);
  assert.deepEqual({ code, stdout }, { code: 1, stdout: "teller\n" });
  assert.deepEqual(json(await varve("--json", "restart", "-t", "0", "teller")), ["teller"]);
  assert.deepEqual(json(await varve("--json", "stop", "-t", "0", "teller")), ["teller"]);
  const ends = json(await varve("--json", "wait", "teller"));
  assert.deepEqual(ends, [{ Container: "teller", StatusCode: 137 }]);
}

/** Streams of a container that ends with its input, and signals on their way to it. */
async function streams({ varve }: Served): Promise<void> {
  const run = ["run", "-i", "--rm", "--network", "none", "base:1"];
  const big = "0123456789abcdef".repeat(50_000);
  const echoed = await varve.run([...run, "cat"], { input: big });
  assert.equal(echoed.stdout.length, big.length);
  assert.deepEqual([echoed.stdout === big, echoed.code, echoed.stderr], [true, 0, ""]);
  const script = 'trap "exit 7" TERM; echo up; while :; do sleep 1; done';
  const child = varve.start(["run", "--rm", "--network", "none", "base:1", "sh", "-c", script]);
  const closed = once(child, "close");
  await once(createInterface({ input: child.stdout! }), "line");
  child.kill("SIGTERM");
  assert.deepEqual((await closed)[0], 7);
}

suite("on our own daemon", { skip: runSkip || unless("docker") }, () => {
  test("B178 B183 containers that live on", async (t) => {
    await using bench = await makeBench("live");
    const { root } = bench;
    await using served = await serve(root, bench.path);
    const { varve, url } = served;
    await t.test("commands print what docker's print", () => prints(served));
    await t.test("start, stop, pause, rename, update, wait", () => lives(served));
    await t.test("input, output and signals", () => streams(served));

    await t.test("ps and rm -f work beside the daemon", async () => {
      const health = ["--health-cmd", "true", "--health-interval", "1s"];
      await varve("run", "-d", "--network", "none", "--name", "well", ...health, "base:1", "sleep", "1000");
      let shown = "";
      while (!shown.includes("(healthy)")) shown = await bench.varve("ps", "-f", "name=well");
      assert.match(shown, /Up .* \(healthy\) +well$/m);
      assert.equal(await bench.varve("rm", "-f", "well"), "well");
      assert.match((await varve.run(["logs", "well"])).stderr, /No such container: well/);
    });

    await t.test("container prune", async () => {
      const id = await varve("run", "-d", "--network", "none", "--label", "k=v", "base:1", "true");
      await varve("wait", id);
      assert.match(await bench.varve("container", "prune", "--filter", "label=other"), /^Total/);
      const pruned = await bench.varve("container", "prune", "--filter", "label=k=v");
      assert.match(pruned, new RegExp(`^Deleted Containers:\\n${id}\\n\\nTotal reclaimed space: `));
    });

    await t.test("a root that the daemon does not serve", async () => {
      const other = program(process.execPath, bundle, "--root", join(bench.path, "other"));
      const env = { DOCKER_HOST: url };
      const { code, stderr } = await other.run(["stop", "x"], { env });
      assert.equal(code, 1);
      assert.ok(stderr.includes(`the daemon at ${url} serves ${root}, not ${join(bench.path, "other")}`));
      const own = program(process.execPath, bundle, "--root", root);
      assert.match((await own.run(["stop", "x"], { env })).stderr, /No such container: x/);
    });

    await t.test("on a terminal", { skip: unless("python3") }, () => onATerminal(served));
  });
});

async function onATerminal({ varve, url }: Served): Promise<void> {
  const ours = [process.execPath, bundle, "--host", url];
  const shell = ["run", "-it", "--network", "none", "--name", "shell", "base:1", "sh"];
  const first = await onTerminal(
    [...ours, ...shell],
    [{ wait: "# ", type: "echo a''b\n" }, { wait: "ab\r\n" }, { wait: "# ", type: "\x10\x11" }],
  );
  assert.equal(first.code, 0, first.output);
  const again = await onTerminal(
    [...ours, "attach", "--detach-keys", "ctrl-a,x", "shell"],
    [
      { wait: "", type: "\n" },
      { wait: "# ", type: "echo c''d\n" },
      { wait: "cd\r\n", type: "\x01x" },
    ],
  );
  assert.match(again.output, /read escape sequence/);
  assert.equal(again.code, 1);
  const size = "while [ \"$(stty size)\" != '30 100' ]; do sleep 1; done; echo wi''de; exit 4";
  const inside = await onTerminal(
    [
      ...ours,
      "exec",
      "-it",
      "shell",
      "/bin/busybox",
      "sh",
      "-c",
      `echo rea''dy; stty() { /bin/busybox stty "$@"; }; ${size}`,
    ],
    [{ wait: "ready", size: [30, 100] }, { wait: "wide" }],
  );
  assert.equal(inside.code, 4, inside.output);
  const stats = await onTerminal(
    [...ours, "stats"],
    [{ wait: "MEM USAGE / LIMIT" }, { wait: "shell" }, { wait: "iB / ", type: "\x03" }],
  );
  assert.equal(stats.code, 130, stats.output);
  assert.match(stats.output, /\x1b\[\d+A\r/);
  await varve("stop", "-t", "0", "shell");
}

test("on Docker's daemon", { skip: besideDockerdSkip }, async (t) => {
  using directory = scratch("live-dockerd");
  await using dockerd = await startDockerd(directory.path, "overlay2");
  dockerd.docker("import", "-c", 'CMD ["sh"]', makeBase(directory.path, { id: "base" }), "base:1");
  await using served = {
    ...clientsOf(`unix://${directory.path}/s`),
    [Symbol.asyncDispose]: async () => {
      const ids = dockerd.docker("ps", "-aq").split("\n").filter(Boolean);
      if (ids.length > 0) dockerd.docker("rm", "-f", ...ids);
    },
  };
  await t.test("commands print what docker's print", { skip: unlessAll }, () => prints(served));
  await t.test("start, stop, pause, rename, update, wait", () => lives(served));
  await t.test("input, output and signals", () => streams(served));
});

test("without a daemon", { skip: runSkip }, async () => {
  await using bench = await makeBench("live-none");
  const nowhere = `unix://${join(bench.path, "none.sock")}`;
  const none = program(process.execPath, bundle, "--root", bench.root, "--host", nowhere);
  const hint = "Start one with 'varve daemon', or name another with --host.\n";
  const cases: readonly (readonly [readonly string[], number])[] = [
    [["run", "-d", "base:1", "true"], 125],
    [["exec", "x", "true"], 1],
    [["attach", "x"], 1],
    [["logs", "x"], 1],
    [["events"], 1],
  ];
  for (const [words, code] of cases) {
    const stderr = `varve: no daemon answers at ${nowhere}\n${hint}`;
    assert.deepEqual(await none.run(words), { code, stdout: "", stderr }, words.join(" "));
  }
  const { varve } = bench;
  assert.equal(await varve("run", "--rm", "base:1", "echo", "here"), "here");
  const kept = await varve.run(["run", "--restart", "always", "base:1", "true"]);
  assert.deepEqual([kept.code, kept.stdout], [125, ""]);
  assert.match(kept.stderr, /^varve: restart policy always: only a daemon can do that for a container\n/);
});
