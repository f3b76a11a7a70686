/** `varve daemon` as an operator meets it, and what the unmodified docker command sees of it. */
import assert from "node:assert/strict";
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import { request, type IncomingMessage } from "node:http";
import { request as secureRequest } from "node:https";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Duplex } from "node:stream";
import { text } from "node:stream/consumers";
import { suite, test } from "node:test";
import { serveDaemon } from "../../src/api/index.ts";
import { VersionRequest, VersionResponse } from "../../src/cri/protocol/index.ts";
import { GrpcClient, message } from "../../src/rpc/index.ts";
import { startDockerd } from "../suites/dockerd.ts";
import { scratch, unlessLinux } from "../suites/scratch.ts";
import { daemonFixture } from "../support/daemon_fixture.ts";
import { grpcClient } from "../support/grpc_client.ts";
import { besideDockerdSkip, bundle, program, unless, type Program } from "./support.ts";

const dockerSkip = unless("docker");

/** The docker command on a daemon. Nothing of this machine's settings takes part. */
const dockerAt = (...first: string[]): Program => program("docker", ...first);

interface Started extends AsyncDisposable {
  readonly child: ChildProcess;
  /** The next line that it prints and that fits. */
  line(pattern: RegExp): Promise<string>;
  /** Its exit code. */
  readonly ended: Promise<number | null>;
}

/** The bundle as a process of its own. @param socket that it gets as from systemd */
function start(words: readonly string[], socket?: Server): Started {
  const script = 'if [ -n "$LISTEN_FDS" ]; then export LISTEN_PID=$$; fi; exec "$@"';
  const child = spawn("sh", ["-c", script, "sh", process.execPath, bundle, ...words], {
    // Descriptor 3 is the first of those that systemd hands over.
    stdio: ["ignore", "pipe", "pipe", ...(socket === undefined ? [] : [descriptorOf(socket)])],
    env: { ...process.env, ...(socket !== undefined && { LISTEN_FDS: "1" }) },
  });
  const said: string[] = [];
  const waiting = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream as NodeJS.ReadableStream }).on("line", (line) => {
      said.push(line);
      for (const look of waiting) look();
    });
  }
  const ended = once(child, "close").then(([code]) => code as number | null);
  return {
    child,
    ended,
    line: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const found = said.findIndex((line) => pattern.test(line));
          if (found >= 0) resolve(said.splice(0, found + 1).at(-1) as string);
        };
        waiting.add(look);
        look();
        void ended.then(() => reject(new Error(`it ended and said ${said.join("\n")}`)));
      }),
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

/** Node has no other way to it. */
function descriptorOf(server: Server): number {
  return (Reflect.get(server, "_handle") as { readonly fd: number }).fd;
}

suite("the docker command", { skip: dockerSkip }, () => {
  test("B176 B183 version, info, system df", async () => {
    await using fixture = await daemonFixture();
    const docker = dockerAt("-H", `unix://${fixture.socket}`);
    const versions = "{{.Server.Version}} {{.Server.APIVersion}} {{.Server.MinAPIVersion}} {{.Server.Os}}";
    assert.equal(await docker("version", "-f", versions), "0.1.0 1.50 1.24 linux");
    assert.match(await docker("version"), /^Server: varve\n Engine:\n {2}Version: {10}0\.1\.0$/m);
    assert.equal(
      await docker("info", "-f", "{{.ID}} {{.Driver}} {{.DockerRootDir}}"),
      `${fixture.daemon.id} vfs ${fixture.root}`,
    );
    await fixture.engine.volumes.create({ name: "kept" });
    const types = await docker("system", "df", "--format", "{{.Type}} {{.TotalCount}} {{.Active}} {{.Size}}");
    assert.equal(types, "Images 0 0 0B\nContainers 0 0 0B\nLocal Volumes 1 0 0B\nBuild Cache 0 0 0B");
    assert.match(await docker("system", "df", "-v"), /^kept +0 +0B$/m);
  });

  test("B183 events, as they were and as they come", async () => {
    await using fixture = await daemonFixture();
    const docker = dockerAt("-H", `unix://${fixture.socket}`);
    await fixture.engine.volumes.create({ name: "first" });
    const { timeNano = 0n } = fixture.lastEvent() ?? {};
    const until = `${timeNano / 1_000_000_000n}.${String(timeNano % 1_000_000_000n).padStart(9, "0")}`;
    const format = "{{.Type}} {{.Action}} {{.Actor.ID}}";
    const past = await docker("events", "--since", "1h", "--until", until, "--format", format);
    assert.equal(past, "volume create first");
    const follower = docker.start(["events", "--since", "1h", "--format", "{{.Actor.ID}}"]);
    const lines = createInterface({ input: follower.stdout! })[Symbol.asyncIterator]();
    assert.equal((await lines.next()).value, "first");
    await fixture.engine.volumes.create({ name: "second" });
    assert.equal((await lines.next()).value, "second");
    follower.kill();
    await once(follower, "close");
  });

  test("B182 a swarm of one node", async () => {
    await using fixture = await daemonFixture();
    const docker = dockerAt("-H", `unix://${fixture.socket}`);
    assert.match(
      await docker("swarm", "init", "--advertise-addr", "192.0.2.7"),
      /^Swarm initialized: current node \([0-9a-z]{25}\) is now a manager\.\n/,
    );
    const columns = "{{.Self}} {{.Status}} {{.Availability}} {{.ManagerStatus}}";
    assert.equal(await docker("node", "ls", "--format", columns), "true Ready Active Leader");
    assert.equal(await docker("node", "inspect", "self", "-f", "{{.Status.Addr}}"), "192.0.2.7");
    assert.equal(await docker("service", "ls", "-q"), "");
    assert.equal(await docker("stack", "ls", "--format", "{{.Name}}"), "");
    assert.match(
      (await docker.run(["service", "create", "--detach", "x"])).stderr,
      /runs containers, not services/,
    );
    assert.equal(await docker("swarm", "leave", "--force"), "Node left the swarm.");
    assert.equal(await docker("info", "-f", "{{.Swarm.LocalNodeState}}"), "inactive");
  });

  test("B182 B183 it prints what it prints beside dockerd", { skip: besideDockerdSkip }, async () => {
    using directory = scratch("beside");
    await using fixture = await daemonFixture();
    await using dockerd = await startDockerd(directory.path, "overlay2");
    const [ours, theirs] = [`unix://${fixture.socket}`, `unix://${directory.path}/s`].map((host) =>
      dockerAt("-H", host),
    ) as [Program, Program];
    for (const words of [
      ["system", "df"],
      ["node", "ls"],
      ["service", "ls"],
      ["swarm", "leave"],
      ["swarm", "join-token", "worker"],
      ["secret", "ls"],
      ["config", "ls"],
      ["plugin", "ls"],
      ["plugin", "inspect", "x"],
      ["plugin", "rm", "x"],
      ["events", "--since", "1h", "--until", "0s"],
    ]) {
      assert.deepEqual(await ours.run(words), await theirs.run(words), words.join(" "));
    }
    assert.deepEqual(labels(await ours("info")), labels(dockerd.docker("info")));
  });
});

/** What comes before the colons, but for what belongs to a storage driver or is a module of the kernel's, and for warnings. */
const labels = (printed: string): string[] =>
  printed
    .trim()
    .split("\n")
    .map((line) => line.split(":")[0] as string)
    .filter((label) => !/^ {2}(Backing|Supports|Native|userxattr|apparmor|selinux)|^WARNING/.test(label));

suite("varve daemon", () => {
  const vfs = (root: string, ...words: string[]): string[] => [
    "--root",
    root,
    "--driver",
    "vfs",
    "daemon",
    ...words,
  ];

  test("one for a root and a pidfile; SIGHUP has it read its settings again; SIGTERM ends it, whoever waits", async () => {
    using directory = scratch("daemon");
    const at = (name: string): string => join(directory.path, name);
    const config = (settings: object): void => fs.writeFileSync(at("daemon.json"), JSON.stringify(settings));
    const asked = { "exec-opts": ["native.cgroupdriver=systemd"], "shutdown-timeout": 5 };
    config({ labels: ["a=1"], ...asked, hosts: [`unix://${at("s")}`] });
    const words = vfs(at("root"), "--config-file", at("daemon.json"), "--pidfile", at("pid"));
    await using daemon = start(words);
    await daemon.line(
      /^warn: .*daemon\.json: exec-opts changes nothing here: the cgroup driver is cgroupfs$/,
    );
    await daemon.line(/^warn: .*: shutdown-timeout changes nothing here: containers outlive the daemon$/);
    await daemon.line(/^API listen on .*s$/);
    assert.equal(fs.readFileSync(at("pid"), "utf8"), String(daemon.child.pid));

    await using samePid = start(words);
    await samePid.line(/failed to start daemon, ensure docker is not running or delete .*pid/);
    await using sameRoot = start(vfs(at("root"), "--host", `unix://${at("other")}`));
    await sameRoot.line(/start a daemon on .*root: another one looks after it/);
    assert.deepEqual([await samePid.ended, await sameRoot.ended], [1, 1]);

    const socketPath = at("s");
    const labelsNow = async (): Promise<unknown> =>
      (await ask<{ Labels: unknown }>(socketPath, "/info")).Labels;
    assert.deepEqual(await labelsNow(), ["a=1"]);
    const hosts = [`unix://${at("s")}`];
    config({ labels: ["a=2"], features: { buildkit: false }, experimental: true, hosts });
    daemon.child.kill("SIGHUP");
    await daemon.line(/^Reloaded configuration$/);
    assert.deepEqual(await labelsNow(), ["a=2"]);
    const [pinged] = (await once(request({ socketPath, path: "/_ping" }).end(), "response")) as [
      IncomingMessage,
    ];
    const { "builder-version": builder, "docker-experimental": experimental } = pinged.resume().headers;
    // The latter is not taken over without a restart, as in dockerd.
    assert.deepEqual([builder, experimental], ["1", "false"]);
    config({ nonsense: true });
    daemon.child.kill("SIGHUP");
    await daemon.line(/^error: .*don't match any configuration option: nonsense$/);
    assert.deepEqual(await labelsNow(), ["a=2"]);

    const waiting = request({ socketPath, path: "/events" }).end();
    const [events] = (await once(waiting, "response")) as [IncomingMessage];
    events.on("error", () => undefined);
    const cut = new Promise((resolve) => events.resume().once("close", resolve));
    daemon.child.kill("SIGTERM");
    assert.equal(await daemon.ended, 0);
    await cut;
    assert.deepEqual([fs.existsSync(at("pid")), fs.existsSync(socketPath)], [false, false]);
  });

  test("settings are only looked at with --validate; flags and file must agree", async () => {
    using directory = scratch("daemon");
    const [root, file] = [join(directory.path, "root"), join(directory.path, "daemon.json")];
    fs.writeFileSync(file, '{"debug":true,"data-root":"/elsewhere"}');
    await using twice = start(vfs(root, "--config-file", file, "--debug"));
    await twice.line(/specified both as a flag and in the configuration file: data-root: .*, debug: /);
    assert.equal(await twice.ended, 1);
    for (const [wrong, why] of [
      ['{"default-gateway":"x"}', /invalid IP address: x$/],
      ['{"ipv6":true,"fixed-cidr-v6":"10.0.0.0/24"}', /invalid CIDR address: 10\.0\.0\.0\/24$/],
      ['{"exec-opts":["native.cgroupdriver=foo"]}', /native\.cgroupdriver option foo not supported$/],
    ] as const) {
      fs.writeFileSync(file, wrong);
      await using refused = start(vfs(root, "--config-file", file, "--validate"));
      await refused.line(why);
      assert.equal(await refused.ended, 1);
    }
    fs.writeFileSync(file, '{"debug":true}');
    await using right = start(vfs(root, "--config-file", file, "--validate"));
    await right.line(/^configuration OK$/);
    assert.equal(await right.ended, 0);
    assert.equal(fs.existsSync(root), false);
  });

  test("a socket that systemd has opened is taken", { skip: unlessLinux }, async () => {
    using directory = scratch("daemon");
    const socketPath = join(directory.path, "s");
    const listener = createServer().listen(socketPath);
    await once(listener, "listening");
    await using daemon = start(vfs(join(directory.path, "root"), "--host", "fd://"), listener);
    await daemon.line(/^API listen on fd:\/\/3$/);
    // Closed here, it would take its name along.
    fs.renameSync(socketPath, `${socketPath}2`);
    listener.close();
    assert.equal((await ask<{ Os: string }>(`${socketPath}2`, "/version")).Os, "linux");
  });

  test("with --cri it serves Kubernetes as well, on the same engine", { skip: unlessLinux }, async () => {
    using directory = scratch("daemon-cri");
    const [api, cri] = [join(directory.path, "api"), join(directory.path, "cri")];
    const words = ["-H", `unix://${api}`, "--cri", `unix://${cri}`, "--cri-network", "none"];
    await using daemon = start(vfs(join(directory.path, "root"), ...words));
    await daemon.line(/^API listen on /);
    await daemon.line(/^CRI listen on /);
    using client = grpcClient(cri);
    const { runtimeName } = await client.call(
      "/runtime.v1.RuntimeService/Version",
      VersionRequest,
      VersionResponse,
      {},
    );
    assert.equal(runtimeName, "varve");
    assert.equal((await ask<{ Os: string }>(api, "/version")).Os, "linux");
    daemon.child.kill();
    assert.equal(await daemon.ended, 0);
    await using refused = start(["daemon", "--cri", "tcp://127.0.0.1:1"]);
    await refused.line(/^varve: listen on tcp:\/\/127\.0\.0\.1:1: Kubernetes comes by a unix socket$/);
    assert.equal(await refused.ended, 1);
  });

  test("install writes units that start this program; uninstall removes what it wrote", async () => {
    using directory = scratch("daemon");
    const units = join(directory.path, "units");
    const run = (...words: string[]) =>
      program(process.execPath, bundle).run([
        "--root",
        "/data root",
        "daemon",
        ...words,
        "--directory",
        units,
      ]);
    assert.equal((await run("install", "--group", "docker")).code, 0);
    const read = (name: string): string => fs.readFileSync(join(units, name), "utf8");
    assert.match(
      read("varve.service"),
      /^ExecStart=.* -- .*varve\.js --root "\/data root" daemon --host fd:\/\/$/m,
    );
    assert.match(read("varve.service"), /^KillMode=process$/m);
    assert.match(
      read("varve.socket"),
      /^ListenStream=\/run\/varve\.sock\nSocketMode=0660\nSocketGroup=docker$/m,
    );
    // Again, over its own.
    assert.equal((await run("install")).code, 0);
    assert.match(read("varve.socket"), /^SocketMode=0600$/m);
    assert.equal((await run("uninstall")).code, 0);
    assert.deepEqual(fs.readdirSync(units), []);
    fs.writeFileSync(join(units, "varve.service"), "[Unit]\n");
    for (const verb of ["install", "uninstall"])
      assert.match((await run(verb)).stderr, /varve\.service was not written by varve daemon install/);
    assert.deepEqual(fs.readdirSync(units), ["varve.service"]);
  });

  test(
    "B176 over TLS only those get in whose certificate the authority has signed",
    { skip: unless("openssl") || dockerSkip },
    async () => {
      using directory = scratch("tls");
      const path = (name: string): string => join(directory.path, name);
      const certify = (name: string, by: string): void => {
        const ca = by === name ? [] : ["-CA", path(`${by}.pem`), "-CAkey", path(`${by}.key`)];
        const subject = ["-subj", `/CN=${name}`, "-addext", "subjectAltName=IP:127.0.0.1"];
        const key = [
          "-newkey",
          "ec",
          "-pkeyopt",
          "ec_paramgen_curve:P-256",
          "-nodes",
          "-keyout",
          path(`${name}.key`),
        ];
        execFileSync(
          "openssl",
          ["req", "-x509", "-days", "2", ...key, ...subject, ...ca, "-out", path(`${name}.pem`)],
          {
            stdio: "ignore",
          },
        );
      };
      for (const [name, by] of [
        ["ca", "ca"],
        ["server", "ca"],
        ["client", "ca"],
        ["other", "other"],
      ] as const)
        certify(name, by);
      await using running = await serveDaemon({
        root: path("root"),
        driver: "vfs",
        hosts: ["tcp://127.0.0.1:0"],
        tls: { verify: true, ca: path("ca.pem"), cert: path("server.pem"), key: path("server.key") },
        warn: (text) => assert.fail(text),
      });
      const [host = ""] = running.addresses;
      const as = (name: string) => [
        "--tlscacert",
        path("ca.pem"),
        "--tlscert",
        path(`${name}.pem`),
        "--tlskey",
        path(`${name}.key`),
      ];
      const version = ["version", "-f", "{{.Server.APIVersion}}"];
      assert.equal(await dockerAt("-H", host, "--tlsverify", ...as("client"))(...version), "1.50");
      const file = (name: string): Buffer => fs.readFileSync(path(name));
      const secure = { ca: file("ca.pem"), cert: file("client.pem"), key: file("client.key") };
      const { hostname, port } = new URL(host);
      const headers = { Connection: "Upgrade", Upgrade: "h2c" };
      const upgrading = secureRequest({ ...secure, hostname, port, path: "/grpc", method: "POST", headers });
      const [, socket] = (await once(upgrading.end(), "upgrade")) as [IncomingMessage, Duplex];
      using grpc = new GrpcClient(socket);
      const anything = message({});
      await grpc.call("/moby.buildkit.v1.Control/ListWorkers", anything, anything, {});
      const uncertified = ["--tlscacert", path("ca.pem"), "--tlscert", "", "--tlskey", ""];
      for (const words of [["--tlsverify", ...as("other")], ["--tlsverify", ...uncertified], []]) {
        const { code, stderr } = await dockerAt("-H", host, ...words).run(version);
        assert.notEqual(code, 0, words.join(" "));
        assert.match(stderr, /certificate|HTTPS server|malformed|connection reset|EOF/i);
      }
    },
  );
});

async function ask<T>(socketPath: string, path: string): Promise<T> {
  const client = request({ socketPath, path, agent: false }).end();
  const [message] = (await once(client, "response")) as [IncomingMessage];
  return JSON.parse(await text(message)) as T;
}
