/** CPU time of a tree of processes, those that have ended included. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { runName } from "../work.ts";

export interface CpuSeconds {
  readonly user: number;
  readonly system: number;
}

/** A control group; its processes' children are in it too, however far they have gone from their parents. */
export interface Cgroup extends Disposable {
  /** File into which a process writes its own ID to enter. */
  readonly procs: string;
  used(): CpuSeconds;
}

const root = "/sys/fs/cgroup";

/** cgroup v2 counts CPU time in every group; v1 has a hierarchy for it (kernel cgroup-v2.rst, cpuacct.rst). */
function hierarchy(): { isV2: boolean; base: string } {
  const isV2 = existsSync(join(root, "cgroup.controllers"));
  return { isV2, base: isV2 ? root : join(root, "cpuacct") };
}

/** A group of this run. @throws Error where control groups cannot be made */
export function makeCgroup(name: string): Cgroup {
  const { isV2, base } = hierarchy();
  const directory = join(base, `${runName()}-${name}`);
  mkdirSync(directory, { recursive: true });
  return {
    procs: join(directory, "cgroup.procs"),
    used: () => (isV2 ? usedV2(directory) : usedV1(directory)),
    [Symbol.dispose]: () => removeCgroup(directory),
  };
}

function usedV2(directory: string): CpuSeconds {
  const stat = readFileSync(join(directory, "cpu.stat"), "utf8");
  const field = (name: string): number => Number(new RegExp(`^${name} (\\d+)$`, "m").exec(stat)?.[1]) / 1e6;
  return { user: field("user_usec"), system: field("system_usec") };
}

function usedV1(directory: string): CpuSeconds {
  const read = (name: string): number => Number(readFileSync(join(directory, name), "utf8")) / 1e9;
  return { user: read("cpuacct.usage_user"), system: read("cpuacct.usage_sys") };
}

/** Daemons may have made groups below. A group that is still in use stays: it is empty and costs nothing. */
function removeCgroup(directory: string): void {
  try {
    rmdirSync(directory);
  } catch {
    return;
  }
}

/** Removes what is left of a run whose processes have ended. */
export function removeCgroups(run: string): void {
  const { base } = hierarchy();
  for (const name of readdirSync(base)) if (name.startsWith(`${run}-`)) removeCgroup(join(base, name));
}

/** The command that does `command` inside of `cgroup`. */
export function inCgroup(cgroup: Cgroup, command: readonly string[]): [string, ...string[]] {
  return ["/bin/sh", "-c", 'echo $$ > "$0" && exec "$@"', cgroup.procs, ...command];
}
