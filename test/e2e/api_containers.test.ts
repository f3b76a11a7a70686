/** The docker CLI with the daemon, beside dockerd: containers. What it prints must be the same. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { treeTar } from "../../src/layer/index.ts";
import { cannotRun, ContainerFixture } from "../../src/runtime/container_fixture.ts";
import { daemonFixture } from "../support/daemon_fixture.ts";
import { named, signal } from "../support/engine_fixture.ts";
import { dockerdSkip, startDockerd } from "../suites/dockerd.ts";
import { overlaySkip } from "../suites/overlay_skip.ts";
import { scratch } from "../suites/scratch.ts";

const skip = cannotRun || overlaySkip || dockerdSkip;

type Docker = (args: readonly string[], input?: string) => Promise<string>;

/** The CLI on a socket. @returns code and both outputs, without what is by chance */
function dockerOn(socket: string): Docker {
  return async (args, input = "") => {
    const child = spawn("docker", ["-H", `unix://${socket}`, ...args], {
      // dockerd's newest: what is shown depends on it.
      env: { ...process.env, DOCKER_CONFIG: "/nonexistent-varve-test", DOCKER_API_VERSION: "1.41" },
    });
    child.stdin.on("error", () => undefined).end(input);
    const closed = once(child, "close") as Promise<[number | null]>;
    const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), closed]);
    return withoutChance(`${code}\n${out}${err}`);
  };
}

function withoutChance(output: string): string {
  return (
    output
      .replace(/[0-9a-f]{64}/g, "ID")
      .replace(/\b[0-9a-f]{12}\b/g, "SHORT")
      .replace(/(Less than a second|About a minute|\d+ seconds?|\d+ minutes?)( ago)?/g, "TIME")
      // The client's own, when the daemon refuses before it has taken all.
      .replace(/^time=.*closed pipe"\n/gm, "")
  );
}

const format =
  "{{.Names}} {{.Image}} {{.Command}} {{.State}} {{.Status}} {{.Labels}} {{.Networks}} {{.Mounts}}";
const ps = (...filters: string[]): string[] =>
  ["ps", "-a", "--no-trunc", "--format", format].concat(filters.flatMap((filter) => ["--filter", filter]));

/** A working day. @param files a directory of this side's own */
function commands(files: string): readonly (readonly [args: readonly string[], input?: string])[] {
  const run = ["run", "--network", "none"];
  return [
    [[...run, "--rm", "base:1", "sh", "-c", "echo out; exit 4"]],
    [[...run, "-i", "--rm", "base:1", "sh", "-c", "read x; echo got $x; cat"], "one\ntwo\n"],
    [[...run, "--rm", "base:1", "nope"]],
    [
      [
        "create",
        "--name",
        "box",
        "--network",
        "none",
        "-l",
        "a=b",
        "base:1",
        "sh",
        "-c",
        "echo hi; rm /etc/passwd; mkdir /d; echo x > /d/f",
      ],
    ],
    [["create", "--name", "box", "base:1", "true"]],
    [["create", "--name", "!", "base:1", "true"]],
    [["create", "--restart", "always", "--rm", "base:1", "true"]],
    [["start", "-a", "box"]],
    [["diff", "box"]],
    [["rename", "box", "case"]],
    [["rename", "case", "case"]],
    [["rename", "nope", "other"]],
    [ps("name=case")],
    [ps("exited=0", "label=a=b")],
    [ps("status=running")],
    [["wait", "case"]],
    [["cp", "case:/d", join(files, "out")]],
    [["cp", join(files, "in"), "case:/d/"]],
    [["cp", "case:/d/in", "-"]],
    [["cp", join(files, "in"), "case:/nope/"]],
    [["cp", "case:/nope", "-"]],
    [["cp", join(files, "tree"), "case:/d/f"]],
    [
      [
        "commit",
        "-a",
        "me",
        "-m",
        "why",
        "-c",
        'CMD ["echo","committed"]',
        "-c",
        "ENV A=b",
        "case",
        "made:1",
      ],
    ],
    [[...run, "--rm", "made:1"]],
    [["history", "--format", "{{.CreatedBy}} {{.Comment}} {{.Size}}", "made:1"]],
    [["export", "-o", join(files, "exported.tar"), "case"]],
    [[...run, "-d", "--name", "sleeper", "-v", "vol:/vol", "base:1", "sleep", "1000"]],
    [["rm", "sleeper"]],
    [ps("name=sleeper", "volume=vol")],
    [["pause", "sleeper"]],
    [["attach", "sleeper"]],
    [ps("status=paused")],
    [["unpause", "sleeper"]],
    [["kill", "-s", "NOPE", "sleeper"]],
    [["kill", "sleeper"]],
    [["kill", "sleeper"]],
    [["kill", "nope"]],
    [["wait", "sleeper"]],
    [ps("name=sleeper")],
    [["rm", "-f", "sleeper", "nope"]],
    [[...run, "-d", "-i", "--name", "reader", "base:1", "sh", "-c", "read x; echo got $x; exit 9"]],
    [["attach", "reader"], "hey\n"],
    [["attach", "reader"]],
    [["container", "prune", "-f", "--filter", "label=a"]],
    [["container", "prune", "-f"]],
    [ps()],
  ];
}

test("B178 the docker CLI's day with containers, as with dockerd", { skip }, async () => {
  await using ours = await daemonFixture("overlay2");
  using directory = scratch("dockerd");
  await using theirs = await startDockerd(directory.path, "overlay2");
  using base = await ContainerFixture.create();
  await ours.engine.images.import(treeTar(base.rootfs, { signal }), { signal, name: named("base:1") });
  const tar = join(directory.path, "base.tar");
  const chunks: Uint8Array[] = [];
  for await (const chunk of treeTar(base.rootfs, { signal })) chunks.push(chunk);
  writeFileSync(tar, Buffer.concat(chunks));
  theirs.docker("import", tar, "base:1");
  const sides = [dockerOn(join(directory.path, "s")), dockerOn(ours.socket)] as const;
  const files = [join(directory.path, "theirs"), join(directory.path, "ours")] as const;
  for (const each of files) {
    mkdirSync(join(each, "tree/x"), { recursive: true });
    writeFileSync(join(each, "in"), "in\n");
    writeFileSync(join(each, "tree/x/y"), "y\n");
  }
  const [left, right] = files.map(commands);
  for (const [i, [args, input]] of (left ?? []).entries()) {
    const [wanted, got] = await Promise.all([sides[0](args, input), sides[1](right?.[i]?.[0] ?? [], input)]);
    const same = (output: string): string => sortedLines(args, output.replaceAll(files[0], files[1]));
    assert.equal(same(got), same(wanted), args.join(" "));
  }
  await inspectAlike(sides);
  assert.deepEqual(ours.warnings, []);
});

/** The order of changes is dockerd's walk, of IDs chance; what a tar holds has times. */
function sortedLines(args: readonly string[], output: string): string {
  if (args[0] === "cp" && args.at(-1) === "-") return output.replace(/\0.*/s, "");
  // dockerd may lose what is printed at the end.
  if (args[0] === "attach" && output.startsWith("9\n")) return "9";
  return args[0] === "diff" || args[1] === "prune" ? output.split("\n").sort().join("\n") : output;
}

/** Fields that are by chance, of this machine's layout, or made at another time (dockerd makes paths at the start). */
const chance =
  /^(Id|Created|Image|ResolvConfPath|HostnamePath|HostsPath|LogPath|GraphDriver|Config\.Hostname|State\.(Pid|StartedAt|FinishedAt)|NetworkSettings\.(SandboxID|SandboxKey|Networks\.\w+\.(NetworkID|EndpointID|DNSNames))|Mounts\.\d+\.Source)(\.|$)/;

async function inspectAlike([theirs, ours]: readonly [Docker, Docker]): Promise<void> {
  const flags =
    "--name seen --network none -l a=b -e A=1 -v /usr:/host:ro -v vol:/vol --tmpfs /t:size=1m -u 1:2 -w /tmp -m 64m " +
    "--cpus 0.5 --pids-limit 50 --cap-add NET_ADMIN --cap-drop MKNOD --ulimit nofile=5:6 --expose 80 --init " +
    "--shm-size 1m --restart on-failure:3 --dns 1.1.1.1 --add-host x:1.2.3.4 --stop-signal INT --stop-timeout 3 " +
    "--read-only --hostname h --health-cmd true --security-opt no-new-privileges --sysctl kernel.msgmax=4242 " +
    "--device /dev/null:/dev/nil --group-add 3 --ipc shareable --pid host --log-opt max-size=1m";
  const seen: Record<string, unknown>[] = [];
  for (const docker of [theirs, ours]) {
    assert.match(await docker(["create", ...flags.split(" "), "base:1", "sleep", "9"]), /^0\n/);
    const output = await docker(["inspect", "-s", "seen"]);
    const [shown] = JSON.parse(output.slice(output.indexOf("\n"))) as [Shown];
    // Both the CLI and dockerd keep them in maps.
    shown.HostConfig.Binds.sort();
    shown.Mounts.sort((a, b) => a.Destination.localeCompare(b.Destination));
    seen.push(Object.fromEntries([...leaves(shown, "")].filter(([path]) => !chance.test(path))));
  }
  assert.deepEqual(seen[1], seen[0]);
}

interface Shown {
  readonly HostConfig: { readonly Binds: string[] };
  readonly Mounts: { readonly Destination: string }[];
}

function* leaves(value: unknown, path: string): Generator<[path: string, value: unknown]> {
  if (typeof value !== "object" || value === null || Object.keys(value).length === 0)
    return yield [path, value];
  for (const [key, each] of Object.entries(value)) yield* leaves(each, path === "" ? key : `${path}.${key}`);
}
