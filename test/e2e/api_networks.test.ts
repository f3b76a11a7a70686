/** Docker's own command line with networks: at our daemon, and the same lines at dockerd. */
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { suite, test } from "node:test";
import { toFile } from "../../src/bytes/index.ts";
import { treeTar } from "../../src/layer/index.ts";
import { ContainerFixture } from "../../src/runtime/container_fixture.ts";
import { inNetworkNamespace } from "../../src/sys/index.ts";
import { dockerdSkip } from "../suites/dockerd.ts";
import { unlessAll } from "../suites/scratch.ts";
import { signal } from "../support/engine_fixture.ts";
import { cannotConnect, networkedDaemon, type NetworkedDaemon } from "../support/networked_daemon.ts";

const docker = ["/usr/bin/docker", "/usr/local/bin/docker"].find((path) => existsSync(path));
const skip = cannotConnect || (docker === undefined ? "docker is not installed" : false);

const server = "while :; do echo hello | nc -l -p 80; done";
const ask = (name: string): string => `until nc ${name} 80 </dev/null; do sleep 0.1; done`;

type Line = readonly string[];

const opening: readonly Line[] = [
  ["import", "base.tar", "base:1"],
  ["network", "ls", "--format", "{{.Name}} {{.Driver}} {{.Scope}}"],
  ["network", "create", "--label", "a=b", "net"],
  ["network", "create", "--subnet", "10.77.0.0/24", "--ip-range", "10.77.0.128/25", "--internal", "closed"],
  [...detached("web"), "--network-alias", "srv", "-p", "127.0.0.1:4081:80", "base:1", "sh", "-c", server],
  ["run", "--rm", "--network", "net", "base:1", "sh", "-c", ask("srv")],
  ["port", "web"],
  ["network", "connect", "--ip", "10.77.0.201", "--alias", "second", "closed", "web"],
  [
    "network",
    "inspect",
    "--format",
    "{{range .Containers}}{{.Name}} {{.IPv4Address}} {{.MacAddress}}{{end}}",
    "closed",
  ],
];

/** Beside dockerd only: by our daemon alone they are tested more quickly. */
const refusals: readonly Line[] = [
  ["network", "create", "net"],
  ["network", "create", "--subnet", "10.77.0.0/16", "overlap"],
  ["network", "create", "-d", "nope", "other"],
  ["network", "inspect", "--format", "{{json .IPAM}} {{.Internal}} {{.Labels}}", "net", "closed"],
  ["run", "--rm", "--network", "container:web", "base:1", "sh", "-c", ask("127.0.0.1")],
  ["run", "--rm", "--name", "late", "-p", "127.0.0.1:4081:80", "base:1", "true"],
  [
    "run",
    "--rm",
    "--ip",
    "10.77.0.200",
    "--network",
    "closed",
    "base:1",
    "sh",
    "-c",
    "ip -o -4 addr show eth0 | sed 's/ *valid.*//; s/^[0-9]*//'",
  ],
  ["network", "connect", "closed", "web"],
  [
    "inspect",
    "--format",
    "{{json .NetworkSettings.Networks.closed.IPAMConfig}} {{.NetworkSettings.Networks.closed.IPAddress}}",
    "web",
  ],
  ["network", "rm", "closed"],
  ["run", "--rm", "--link", "web:db", "base:1", "true"],
  ["run", "--rm", "--network", "nowhere", "base:1", "true"],
  ["run", "--rm", "--ip", "172.17.0.9", "base:1", "true"],
  ["network", "rm", "bridge", "nowhere"],
  ["network", "connect", "host", "web"],
];

const closing: readonly Line[] = [
  ["network", "disconnect", "closed", "web"],
  ["network", "disconnect", "closed", "web"],
  ["rm", "-f", "web"],
  ["network", "prune", "-f"],
  ["network", "ls", "--format", "{{.Name}}"],
];

function detached(name: string): Line {
  return ["run", "-d", "--name", name, "--network", "net"];
}

/** What each line prints, on both streams, and its exit code. */
async function spend(socket: string, directory: string, lines: readonly Line[]): Promise<string[]> {
  const printed: string[] = [];
  for (const words of lines) {
    const child = spawn(docker as string, ["-H", `unix://${socket}`, ...words], {
      cwd: directory,
      env: { PATH: process.env["PATH"] ?? "", DOCKER_CONFIG: join(directory, "settings") },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const ended = once(child, "close") as Promise<[number]>;
    const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
    printed.push(`$ docker ${words.join(" ")}\n${plain(stdout)}${plain(stderr)}= ${code}`);
  }
  return printed;
}

/** Without what is different each time. */
function plain(output: string): string {
  return output.replace(/\b[0-9a-f]{64}\b/g, "ID").replace(/\b[0-9a-f]{12}\b/g, "SHORT");
}

async function prepare({ machine }: NetworkedDaemon): Promise<string> {
  const directory = join(machine.path, "day");
  mkdirSync(directory);
  using base = await ContainerFixture.create();
  await toFile(treeTar(base.rootfs, { signal }), join(directory, "base.tar"));
  return directory;
}

suite("B180 networks by the docker command", { skip, timeout: 240_000 }, () => {
  test("B180 a round trip", async () => {
    await using net = await networkedDaemon();
    const directory = await prepare(net);
    const printed = await spend(net.host.socket, directory, [...opening, ...closing]);
    const of = (line: string): string => printed.find((one) => one.startsWith(`$ docker ${line}`)) ?? "";
    assert.match(of("network ls --format"), /\nbridge bridge local\nhost host local\nnone null local\n= 0$/);
    assert.match(of(`run --rm --network net base:1`), /\nhello\n= 0$/);
    assert.match(of("port web"), /\n80\/tcp -> 127\.0\.0\.1:4081\n= 0$/);
    assert.match(of("network inspect --format {{range"), /\nweb 10\.77\.0\.201\/24 02:42:0a:4d:00:c9\n= 0$/);
    assert.match(of("network prune"), /Deleted Networks:\n(net\nclosed|closed\nnet)\n/);
    assert.match(printed.at(-1) ?? "", /\nbridge\nhost\nnone\n= 0$/);
    assert.equal(net.leftovers(), "");
    assert.deepEqual(net.host.warnings, []);
  });

  test("B180 dockerd prints the same", { skip: unlessAll || dockerdSkip }, async () => {
    await using net = await networkedDaemon();
    const directory = await prepare(net);
    const day = [...opening, ...refusals, ...closing];
    const ours = await spend(net.host.socket, directory, day);
    await using dockerd = await startDockerd(net);
    const theirs = await spend(dockerd.socket, directory, day);
    // dockerd prunes in no order.
    const sorted = (line = ""): string[] => (line.includes("prune") ? line.split("\n").toSorted() : [line]);
    for (const [i, line] of ours.entries()) assert.deepEqual(sorted(line), sorted(theirs[i]));
  });
});

/** One with networks, in a namespace beside that of our daemon. */
async function startDockerd({
  machine,
}: NetworkedDaemon): Promise<AsyncDisposable & { readonly socket: string }> {
  const at = (name: string): string => join(machine.path, `dockerd-${name}`);
  const socket = at("sock");
  writeFileSync(at("daemon.json"), "{}");
  const places = ["--data-root", at("data"), "--exec-root", at("exec"), "-p", at("pid")];
  const words = [
    ...places,
    "-H",
    `unix://${socket}`,
    "--config-file",
    at("daemon.json"),
    "--storage-driver",
    "vfs",
  ];
  const child = inNetworkNamespace(machine.container("dockerd"), () =>
    spawn("dockerd", words, { stdio: ["ignore", "ignore", "pipe"] }),
  );
  await listening(child);
  return {
    socket,
    [Symbol.asyncDispose]: async () => {
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      await ended;
    },
  };
}

async function listening(child: ChildProcess): Promise<void> {
  let log = "";
  await new Promise<void>((resolve, reject) => {
    child.stderr?.on("data", (chunk: Buffer) => {
      log += chunk.toString();
      if (log.includes("API listen on")) resolve();
    });
    child.once("exit", () => reject(new Error(`dockerd did not start: ${log}`)));
  });
}
