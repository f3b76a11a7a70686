/** `--memory`, `--cpus` and their kin: checked with Docker's words, turned into the runtime's resources. */
import { Failure } from "../errors.ts";
import { blockResources, checkBlockLimits, type BlockLimits } from "./block_limits.ts";
import { hostCgroups, parseCpuList, type HostCgroups } from "./host_cgroups.ts";
import type { OciResources } from "./oci_spec.ts";

export interface ContainerLimits {
  /** Bytes. */
  readonly memory?: number;
  /** Bytes of memory and swap together; -1 no limit; default twice `memory`. */
  readonly memorySwap?: number;
  /** Bytes; the soft limit. */
  readonly memoryReservation?: number;
  /** 0 to 100; cgroup v1 only. */
  readonly memorySwappiness?: number;
  /** How many CPUs' time, such as 1.5. */
  readonly cpus?: number;
  /** Microseconds; instead of `cpus`. */
  readonly cpuPeriod?: number;
  readonly cpuQuota?: number;
  /** Relative weight; the kernel's default is 1024. */
  readonly cpuShares?: number;
  readonly cpusetCpus?: string;
  readonly cpusetMems?: string;
  /** Microseconds of real-time processes in a period; cgroup v1 only. */
  readonly realtimePeriod?: number;
  readonly realtimeRuntime?: number;
  readonly block?: BlockLimits;
  /** 0 or less: no limit. */
  readonly pids?: number;
  /** -1000 to 1000. */
  readonly oomScoreAdj?: number;
  /** cgroup v1 only. */
  readonly oomKillDisable?: boolean;
}

const minMemory = 6 << 20;
/** Docker turns `--cpus` into a quota in periods of 100 ms. */
const period = 100_000;

/**
 * Checks the limits against each other and the machine.
 * @returns what is left out because this machine cannot do it, as warnings in Docker's words
 * @throws {Failure} `invalid` in Docker's words
 */
export function checkLimits(limits: ContainerLimits, host: HostCgroups = hostCgroups()): string[] {
  const warnings: string[] = [];
  checkMemory(limits);
  checkCpu(limits, host);
  const { oomScoreAdj = 0, block = {} } = limits;
  if (oomScoreAdj < -1000 || oomScoreAdj > 1000)
    throw invalid(`Invalid value ${oomScoreAdj}, range for oom score adj is [-1000, 1000]`);
  if (limits.memory !== undefined && limits.memory > 0 && !host.swapLimit)
    warnings.push(
      "Your kernel does not support swap limit capabilities or the cgroup is not mounted. Memory limited without swap.",
    );
  if (limits.oomKillDisable === true && host.version === 2)
    warnings.push("Your kernel does not support OomKillDisable. OomKillDisable discarded.");
  else if (limits.oomKillDisable === true && !limits.memory)
    warnings.push(
      "OOM killer is disabled for the container, but no memory limit is set, this can result in the system running out of resources.",
    );
  if (limits.memorySwappiness !== undefined && !host.swappiness)
    warnings.push(
      "Your kernel does not support memory swappiness capabilities or the cgroup is not mounted. Memory swappiness discarded.",
    );
  return [...warnings, ...checkBlockLimits(block, host)];
}

function checkMemory(limits: ContainerLimits): void {
  const { memory = 0, memorySwap = 0, memoryReservation = 0, memorySwappiness = 0 } = limits;
  if (memorySwappiness < 0 || memorySwappiness > 100)
    throw invalid(`Invalid value: ${memorySwappiness}, valid memory swappiness range is 0-100`);
  if (memory !== 0 && memory < minMemory) throw invalid("Minimum memory limit allowed is 6MB");
  if (memory > 0 && memorySwap > 0 && memorySwap < memory)
    throw invalid("Minimum memoryswap limit should be larger than memory limit, see usage");
  if (memory === 0 && memorySwap > 0)
    throw invalid("You should always set the Memory limit when using Memoryswap limit, see usage");
  if (memoryReservation !== 0 && memoryReservation < minMemory)
    throw invalid("Minimum memory reservation allowed is 6MB");
  if (memory > 0 && memoryReservation > 0 && memory < memoryReservation)
    throw invalid("Minimum memory limit can not be less than memory reservation limit, see usage");
}

function checkCpu(limits: ContainerLimits, host: HostCgroups): void {
  const { cpus = 0, cpuPeriod = 0, cpuQuota = 0, cpuShares = 0 } = limits;
  if (cpus !== 0 && cpuPeriod !== 0)
    throw invalid("Conflicting options: Nano CPUs and CPU Period cannot both be set");
  if (cpus !== 0 && cpuQuota !== 0)
    throw invalid("Conflicting options: Nano CPUs and CPU Quota cannot both be set");
  // What is below the 0.01 of the text is taken, and the kernel's to refuse (moby, daemon/daemon_unix.go).
  if (!(cpus >= 0 && cpus <= host.cpus))
    throw invalid(
      `Range of CPUs is from 0.01 to ${host.cpus}.00, as there are only ${host.cpus} CPUs available`,
    );
  if (cpuPeriod !== 0 && (cpuPeriod < 1000 || cpuPeriod > 1_000_000))
    throw invalid("CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)");
  if (cpuQuota > 0 && cpuQuota < 1000) throw invalid("CPU cfs quota can not be less than 1ms (i.e. 1000)");
  if (cpuShares < 0) throw invalid("shares: invalid argument");
  checkRealtime(limits, host);
  checkSet("CPUs", "cpus", limits.cpusetCpus ?? "", host.onlineCpus);
  checkSet("memory nodes", "mems", limits.cpusetMems ?? "", host.onlineMems);
}

function checkRealtime(
  { realtimePeriod = 0, realtimeRuntime = 0 }: ContainerLimits,
  host: HostCgroups,
): void {
  if (realtimePeriod === 0 && realtimeRuntime === 0) return;
  if (!host.realtime) throw invalid("Your kernel does not support CPU real-time scheduler");
  if (realtimePeriod !== 0 && realtimeRuntime > realtimePeriod)
    throw invalid("cpu real-time runtime cannot be higher than cpu real-time period");
}

function checkSet(what: string, name: string, wanted: string, available: string): void {
  if (wanted === "") return;
  const members = parseCpuList(wanted);
  if (members.size === 0)
    throw invalid(`Invalid value ${wanted} for cpuset ${name}: invalid format: ${wanted}`);
  const there = parseCpuList(available);
  if (![...members].every((member) => there.has(member)))
    throw invalid(`Requested ${what} are not available - requested ${wanted}, available: ${available}`);
}

/**
 * The cgroup settings, without the device rules. runc and crun turn those of v1 into those of v2 themselves
 * (shares into a weight, memory and swap together into swap alone).
 */
export function limitResources(limits: ContainerLimits, host: HostCgroups): Omit<OciResources, "devices"> {
  const blockIO = blockResources(limits.block ?? {}, host);
  const pids = limits.pids === undefined ? {} : { pids: { limit: limits.pids > 0 ? limits.pids : -1 } };
  return {
    memory: memoryResources(limits, host),
    cpu: cpuResources(limits),
    ...pids,
    ...(blockIO !== undefined && { blockIO }),
  };
}

function memoryResources(limits: ContainerLimits, host: HostCgroups): NonNullable<OciResources["memory"]> {
  const { memory = 0, memoryReservation = 0, memorySwappiness } = limits;
  const memorySwap =
    limits.memorySwap === undefined || limits.memorySwap === 0 ? memory * 2 : limits.memorySwap;
  return {
    ...(memory > 0 ? { limit: memory } : {}),
    ...(memory > 0 && host.swapLimit ? { swap: memorySwap } : {}),
    ...(memoryReservation > 0 ? { reservation: memoryReservation } : {}),
    ...(memorySwappiness !== undefined && host.swappiness ? { swappiness: memorySwappiness } : {}),
    ...(host.version === 1 ? { disableOOMKiller: limits.oomKillDisable === true } : {}),
  };
}

function cpuResources(limits: ContainerLimits): NonNullable<OciResources["cpu"]> {
  const { cpus = 0, cpuShares = 0, cpuPeriod = 0, cpuQuota = 0, cpusetCpus = "", cpusetMems = "" } = limits;
  const { realtimePeriod = 0, realtimeRuntime = 0 } = limits;
  return {
    ...(cpuShares > 0 ? { shares: cpuShares } : {}),
    ...(cpus > 0 ? { period, quota: Math.round(cpus * period) } : {}),
    ...(cpuPeriod > 0 ? { period: cpuPeriod } : {}),
    ...(cpuQuota !== 0 ? { quota: cpuQuota } : {}),
    ...(realtimePeriod !== 0 ? { realtimePeriod } : {}),
    ...(realtimeRuntime !== 0 ? { realtimeRuntime } : {}),
    ...(cpusetCpus === "" ? {} : { cpus: cpusetCpus }),
    ...(cpusetMems === "" ? {} : { mems: cpusetMems }),
  };
}

function invalid(message: string): Failure {
  return new Failure("invalid", message);
}
