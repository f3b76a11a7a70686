/** Engines that run containers, each on a host of its own: a network namespace, so that no rule of this machine changes. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createNetworkNamespace, removeNetworkNamespace } from "../../src/sys/index.ts";
import { type Cgroup, makeCgroup } from "../measure/cgroup.ts";
import { findProgram, start, untilReady } from "../measure/program.ts";
import type { Command } from "../peers/types.ts";
import type { VarveCommand } from "../peers/varve.ts";

export interface EngineHost extends AsyncDisposable {
  readonly name: string;
  /** Of all that the engine starts, its command apart; undefined: it spreads its processes over groups of its own. */
  readonly cgroup: Cgroup | undefined;
  /** The command line of docker's commands, or podman's, with this engine. */
  command(...args: readonly string[]): Command;
  /** What has to stand behind `run` and `create`. */
  readonly flags: readonly string[];
}

export interface EngineKind {
  readonly name: string;
  readonly version: string;
  start(directory: string, signal: AbortSignal): Promise<EngineHost>;
}

/** Those that are installed, varve first. All run runc. */
export function engineKinds(varve: VarveCommand): EngineKind[] {
  const all = [
    byDocker("varve", [...varve.command, "--version"], varve.environment, (at) => varveDaemon(varve, at)),
    byDocker("dockerd", ["dockerd", "--version"], {}, dockerDaemon),
    podman,
  ];
  const needed: Readonly<Record<string, string>> = { varve: "docker" };
  return all.filter(({ name }) => findProgram(needed[name] ?? name) !== undefined);
}

function varveDaemon({ command }: VarveCommand, at: string): Command {
  const settings = join(at, "daemon.json");
  writeFileSync(settings, "{}");
  const globals = ["--root", join(at, "root"), "--driver", "overlay2"];
  return [...command, ...globals, "daemon", "-H", `unix://${at}/s`, "--config-file", settings];
}

function dockerDaemon(at: string): Command {
  const places = ["--data-root", join(at, "root"), "--exec-root", join(at, "exec"), "-p", join(at, "pid")];
  return ["dockerd", ...places, "-H", `unix://${at}/s`, "--storage-driver=overlay2"];
}

function byDocker(
  name: string,
  asked: Command,
  environment: Readonly<Record<string, string>>,
  daemonOf: (directory: string) => Command,
): EngineKind {
  return {
    name,
    get version() {
      return versionOf(asked);
    },
    async start(directory, signal) {
      await using undo = new AsyncDisposableStack();
      const enter = hostIn(directory, undo);
      const cgroup = undo.use(makeCgroup(`engine-${name}`));
      const command = (...args: readonly string[]): Command => [
        "docker",
        "-H",
        `unix://${directory}/s`,
        ...args,
      ];
      const daemon = undo.use(start([...enter, ...daemonOf(directory)], { cgroup, signal, environment }));
      await untilReady(
        daemon,
        async () => existsSync(join(directory, "s")) && answers(command("version")),
        signal,
      );
      const parts = undo.move();
      return {
        name,
        cgroup,
        command,
        flags: [],
        [Symbol.asyncDispose]: () => parts.disposeAsync(),
      };
    },
  };
}

/**
 * Podman has no daemon. It answers docker's commands only while its service runs, and not `docker run`, which this docker
 * attaches before the start: so it is measured by its own command.
 */
const podman: EngineKind = {
  name: "podman",
  get version() {
    return versionOf(["podman", "--version"]);
  },
  async start(directory) {
    await using undo = new AsyncDisposableStack();
    const enter = hostIn(directory, undo);
    const places = ["root", "runroot", "tmpdir", "network-config-dir"].flatMap((name) => [
      `--${name}`,
      join(directory, name),
    ]);
    const globals = [...places, "--storage-driver=overlay", "--runtime=runc", "--cgroup-manager=cgroupfs"];
    const parts = undo.move();
    return {
      name: "podman",
      cgroup: undefined,
      command: (...args) => [...enter, "podman", ...globals, ...args],
      // Its own are above what a machine may allow.
      flags: ["--ulimit=nofile=1024:1024", "--ulimit=nproc=4096:4096"],
      [Symbol.asyncDispose]: () => parts.disposeAsync(),
    };
  },
};

/** @returns what enters it */
function hostIn(directory: string, undo: AsyncDisposableStack): Command {
  mkdirSync(directory, { recursive: true });
  const namespace = join(directory, "host");
  createNetworkNamespace(namespace);
  undo.defer(() => removeNetworkNamespace(namespace));
  return ["nsenter", `--net=${namespace}`];
}

function versionOf([program = "", ...args]: Command): string {
  return execFileSync(program, args, { encoding: "utf8" }).trim();
}

function answers([program = "", ...args]: Command): boolean {
  execFileSync(program, args, { stdio: "ignore" });
  return true;
}
