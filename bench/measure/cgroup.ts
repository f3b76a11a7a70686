/** CPU time of a tree of processes, those that have ended included. */
import { existsSync, mkdirSync, readFileSync, rmdirSync } from "node:fs";
import { join } from "node:path";

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

const base = "/sys/fs/cgroup";

/** @throws Error where control groups cannot be made */
export function makeCgroup(name: string): Cgroup {
  // cgroup v2 counts CPU time in every group; v1 has a hierarchy for it (kernel cgroup-v2.rst, cpuacct.rst).
  const isV2 = existsSync(join(base, "cgroup.controllers"));
  const directory = join(isV2 ? base : join(base, "cpuacct"), name);
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

/** The command that does `command` inside of `cgroup`. */
export function inCgroup(cgroup: Cgroup, command: readonly string[]): [string, ...string[]] {
  return ["/bin/sh", "-c", 'echo $$ > "$0" && exec "$@"', cgroup.procs, ...command];
}
