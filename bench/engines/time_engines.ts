/** What it takes to run containers: varve's daemon and dockerd by the same docker command, and podman. */
import { copyFileSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { inTurn } from "../compare.ts";
import type { DiskMaker } from "../measure/disk.ts";
import type { Cgroup } from "../measure/cgroup.ts";
import { run } from "../measure/program.ts";
import type { VarveCommand } from "../peers/varve.ts";
import { engineKinds, type EngineHost } from "./engine_host.ts";
import { memoryOf, type EngineMemory } from "./engine_memory.ts";

/** Numbers by action and engine, of each time. */
type Series = Readonly<Record<string, Readonly<Record<string, readonly number[]>>>>;

export interface EngineTimes {
  readonly engines: readonly { readonly name: string; readonly version: string }[];
  readonly containers: number;
  readonly milliseconds: Series;
  /** Of all processes, the command's own included; podman's are not to be found together. */
  readonly cpuMilliseconds: Series;
  /** Containers started and stopped in a second. */
  readonly perSecond: Series;
  /** Of those that have a daemon. */
  readonly memory: Readonly<Record<string, Readonly<Record<"idle" | "running", EngineMemory>>>>;
}

export interface EngineOptions {
  readonly varve: VarveCommand;
  /** Linked statically. */
  readonly busybox: string;
  readonly work: string;
  readonly disks: DiskMaker;
  readonly rounds: number;
  readonly quick: boolean;
  readonly signal: AbortSignal;
  readonly note: (text: string) => void;
}

const image = "base:1";
const networks = ["none", "bridge"] as const;
/** Of each engine in each round, before it is the next one's turn. */
const repeats = 5;

export async function timeEngines(options: EngineOptions): Promise<EngineTimes> {
  const { varve, disks, signal, note, quick } = options;
  const rounds = quick ? 1 : options.rounds;
  const containers = quick ? 5 : 50;
  const archive = await rootFilesystem(options);
  await using all = new AsyncDisposableStack();
  const kinds = engineKinds(varve);
  const hosts: EngineHost[] = [];
  const memory: Record<string, Record<"idle" | "running", EngineMemory>> = {};
  for (const kind of kinds) {
    const { directory } = all.use(disks.make());
    const host = all.use(await kind.start(join(directory, "store"), signal));
    await run(host.command("import", archive, image), { signal });
    // What is made when it is first used belongs to no run.
    for (const network of networks) await runOnce(host, network, signal);
    hosts.push(host);
  }
  const series = new AllSeries();
  for (let round = 0; round < rounds; round++) {
    note(`engine: round ${round + 1}`);
    for (const network of networks)
      for (const host of inTurn(hosts, round)) await timeRuns(host, network, series, signal);
    for (const host of inTurn(hosts, round)) await timeStartStop(host, containers, series, signal);
  }
  for (const host of hosts)
    if (host.cgroup !== undefined)
      memory[host.name] = await memoryWith(host, host.cgroup, containers, signal);
  return {
    engines: kinds.map(({ name, version }) => ({ name, version })),
    containers,
    milliseconds: series.milliseconds,
    cpuMilliseconds: series.cpuMilliseconds,
    perSecond: series.perSecond,
    memory,
  };
}

class AllSeries {
  readonly milliseconds: Record<string, Record<string, number[]>> = {};
  readonly cpuMilliseconds: Record<string, Record<string, number[]>> = {};
  readonly perSecond: Record<string, Record<string, number[]>> = {};

  add(
    to: "milliseconds" | "cpuMilliseconds" | "perSecond",
    action: string,
    name: string,
    value: number,
  ): void {
    ((this[to][action] ??= {})[name] ??= []).push(value);
  }
}

async function timeRuns(
  host: EngineHost,
  network: string,
  series: AllSeries,
  signal: AbortSignal,
): Promise<void> {
  const action = `run --rm, ${network}`;
  for (let i = 0; i < repeats; i++) {
    series.add("milliseconds", action, host.name, 1000 * (await runOnce(host, network, signal)));
  }
  const { cgroup } = host;
  if (cgroup === undefined) return;
  const before = cgroup.used();
  // Entering it takes time itself: these runs are others.
  for (let i = 0; i < repeats; i++) await runOnce(host, network, signal, cgroup);
  const after = cgroup.used();
  const seconds = after.user - before.user + after.system - before.system;
  series.add("cpuMilliseconds", action, host.name, (1000 * seconds) / repeats);
}

async function runOnce(
  host: EngineHost,
  network: string,
  signal: AbortSignal,
  cgroup?: Cgroup,
): Promise<number> {
  const command = host.command("run", "--rm", "--network", network, ...host.flags, image, "true");
  return (await run(command, { signal, ...(cgroup && { cgroup }) })).seconds;
}

async function timeStartStop(
  host: EngineHost,
  count: number,
  series: AllSeries,
  signal: AbortSignal,
): Promise<void> {
  const names = await made(host, count, signal);
  for (const atOnce of [1, 8]) {
    const begun = performance.now();
    await withWorkers(names, atOnce, async (name) => {
      await run(host.command("start", name), { signal });
      await run(host.command("stop", "--time", "0", name), { signal });
    });
    const seconds = (performance.now() - begun) / 1000;
    series.add("perSecond", `start + stop, ${atOnce} at once`, host.name, count / seconds);
  }
  await run(host.command("rm", "--force", ...names), { signal });
}

async function memoryWith(host: EngineHost, cgroup: Cgroup, count: number, signal: AbortSignal) {
  const idle = memoryOf(cgroup);
  const names = await made(host, count, signal);
  await withWorkers(names, 4, async (name) => void (await run(host.command("start", name), { signal })));
  const running = memoryOf(cgroup);
  await run(host.command("rm", "--force", ...names), { signal });
  return { idle, running };
}

async function made(host: EngineHost, count: number, signal: AbortSignal): Promise<string[]> {
  const names = Array.from({ length: count }, (_, i) => `c${i}`);
  await withWorkers(names, 4, async (name) => {
    const words = ["create", "--name", name, "--network", "bridge", ...host.flags, image, "sleep", "100000"];
    await run(host.command(...words), { signal });
  });
  return names;
}

async function withWorkers<T>(
  items: readonly T[],
  count: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const queue = [...items];
  const one = async (): Promise<void> => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: count }, one));
}

async function rootFilesystem({ work, busybox, signal }: EngineOptions): Promise<string> {
  const [root, archive] = [join(work, "engine-root"), join(work, "engine-root.tar")];
  mkdirSync(join(root, "bin"), { recursive: true });
  copyFileSync(busybox, join(root, "bin/busybox"));
  for (const name of ["true", "sleep"]) symlinkSync("busybox", join(root, "bin", name));
  await run(["tar", "--create", "--file", archive, "--directory", root, "."], { signal });
  return archive;
}
