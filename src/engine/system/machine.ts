/** What this machine can do for containers, and with which programs: for `info` and `version` (moby, pkg/sysinfo). */
import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { findRuntime, hostCgroups, type RuntimePrograms } from "../../runtime/index.ts";
import { initProgram } from "../containers/init_program.ts";
import { knowsRecursiveReadOnly } from "./recursive_read_only.ts";

export interface ProgramVersion {
  readonly name: string;
  readonly version: string;
  /** Empty where the program does not say it. */
  readonly commit: string;
}

export interface MachineInfo {
  readonly cgroupVersion: 1 | 2;
  readonly limits: {
    readonly memory: boolean;
    readonly swap: boolean;
    readonly oomKillDisable: boolean;
    readonly cpuShares: boolean;
    readonly cpuQuota: boolean;
    readonly cpuSet: boolean;
    readonly pids: boolean;
  };
  readonly forwardsIPv4: boolean;
  /** Undefined: it is not there. */
  readonly shim: ProgramVersion | undefined;
  readonly runtime: (ProgramVersion & { readonly path: string }) | undefined;
  readonly init: ProgramVersion | undefined;
  /** Whether mounts can be read-only with all that is mounted below them. */
  readonly recursiveReadOnly: boolean;
}

/** Asks the programs: takes some milliseconds. */
export async function machineInfo(root: string): Promise<MachineInfo> {
  const programs = await findRuntime().catch(() => undefined);
  const { version, swapLimit } = hostCgroups();
  return {
    cgroupVersion: version,
    limits: version === 2 ? unifiedLimits() : { ...classicLimits(), swap: swapLimit },
    forwardsIPv4: readLine("/proc/sys/net/ipv4/ip_forward") === "1",
    shim: programs && (await shimVersion(programs.shim)),
    runtime: programs && (await runtimeVersion(programs)),
    init: await initVersion(root),
    recursiveReadOnly: await knowsRecursiveReadOnly(),
  };
}

const cgroups = "/sys/fs/cgroup";

function classicLimits(): Omit<MachineInfo["limits"], "swap"> {
  const has = (path: string): boolean => existsSync(join(cgroups, path));
  return {
    memory: has("memory/memory.limit_in_bytes"),
    oomKillDisable: has("memory/memory.oom_control"),
    cpuShares: has("cpu/cpu.shares"),
    cpuQuota: has("cpu/cpu.cfs_quota_us"),
    cpuSet: has("cpuset/cpuset.cpus"),
    pids: has("pids"),
  };
}

function unifiedLimits(): MachineInfo["limits"] {
  const controllers = (readLine(join(cgroups, "cgroup.controllers")) ?? "").split(" ");
  const [memory, cpu] = [controllers.includes("memory"), controllers.includes("cpu")];
  return {
    memory,
    swap: memory,
    oomKillDisable: false,
    cpuShares: cpu,
    cpuQuota: cpu,
    cpuSet: controllers.includes("cpuset"),
    pids: controllers.includes("pids"),
  };
}

async function shimVersion(path: string): Promise<ProgramVersion> {
  const text = await output(path, ["-v"]);
  return { name: basename(path), version: word(text, "Version"), commit: word(text, "Revision") };
}

async function runtimeVersion({ runtime, name, version }: RuntimePrograms) {
  const commit = word(await output(runtime, ["--version"]), "commit");
  return { name, version, commit, path: runtime };
}

async function initVersion(root: string): Promise<ProgramVersion | undefined> {
  const path = await initProgram(root).catch(() => undefined);
  if (path === undefined) return undefined;
  const text = await output(path, ["--version"]);
  const [, version = "", commit = ""] = /version (\S+)(?: - git\.(\w+))?/.exec(text) ?? [];
  return { name: basename(path), version, commit };
}

const word = (text: string, name: string): string =>
  new RegExp(`^\\s*${name}:\\s*(\\S+)`, "m").exec(text)?.[1] ?? "";

/** Empty where the program fails: what it is called is known all the same. */
function output(path: string, words: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    execFile(path, words, { timeout: 10_000 }, (_error, stdout) => resolve(stdout));
  });
}

function readLine(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return undefined;
  }
}
