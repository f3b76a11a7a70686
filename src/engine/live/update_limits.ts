/** `update`: other limits and another restart policy, also while the container runs (moby, daemon/update.go). */
import { Failure } from "../../errors.ts";
import type { OciResources } from "../../runtime/index.ts";
import type { Store } from "../../store/index.ts";
import { checkHostConfig } from "../containers/check_host_config.ts";
import { defaultHostConfig } from "../containers/host_config.ts";
import {
  readHostConfig,
  writeHostConfig,
  type ContainerRecord,
  type HostConfig,
} from "../containers/record.ts";
import { whileRecordIsHeld } from "../containers/update_record.ts";
import type { ContainerRun } from "./run.ts";

const numbers = [
  "CpuShares",
  "Memory",
  "NanoCpus",
  "BlkioWeight",
  "CpuPeriod",
  "CpuQuota",
  "CpuRealtimePeriod",
  "CpuRealtimeRuntime",
  "MemoryReservation",
  "MemorySwap",
] as const;
const texts = ["CpusetCpus", "CpusetMems"] as const;

/** What is to change; zeros and empty texts leave it as it is. */
export type UpdateRequest = Readonly<Record<string, unknown>>;

/**
 * Writes the new host config and gives a running container its limits.
 * @param run that is under way; one that ends meanwhile needs no limits
 * @returns warnings
 * @throws Failure in Docker's words, `conflict` where the new limits contradict those that there are; nothing has changed then
 */
export function updateContainer(
  store: Store,
  record: ContainerRecord,
  given: UpdateRequest,
  run: Pick<ContainerRun, "task" | "hasEnded"> | undefined,
): Promise<string[]> {
  const asked = readRequest(given);
  const warnings = checkHostConfig({ ...defaultHostConfig(), ...checkable(asked) });
  return whileRecordIsHeld(store, record.ID, async () => {
    const before = readHostConfig(store.root, record.ID);
    try {
      const after = merge(before, asked);
      await writeHostConfig(store.root, record.ID, after);
      const resources = resourcesOf(asked);
      if (run !== undefined && Object.keys(resources).length > 0) await limit(run, resources);
    } catch (cause) {
      await writeHostConfig(store.root, record.ID, before);
      const { kind, message } = cause as Failure;
      throw new Failure(kind ?? "internal", `Cannot update container ${record.ID}: ${message}`, { cause });
    }
    return warnings;
  });
}

async function limit(
  run: Pick<ContainerRun, "task" | "hasEnded">,
  resources: Partial<OciResources>,
): Promise<void> {
  try {
    await run.task.update(resources);
  } catch (error) {
    if (!(await run.hasEnded())) throw error;
  }
}

/** A limit of swap goes with the limit of memory that the container has (moby, `verifyPlatformContainerResources`). */
function checkable(asked: Partial<HostConfig>): Partial<HostConfig> {
  return asked.Memory === undefined ? { ...asked, MemorySwap: 0 } : asked;
}

/** Only what an update may change. @throws Failure("invalid") for a value of another type */
function readRequest(given: UpdateRequest): Partial<HostConfig> {
  const asked: Record<string, unknown> = {};
  const take = (name: string, type: string): void => {
    const value = given[name] ?? undefined;
    if (value === undefined || value === 0 || value === "") return;
    if (typeof value !== type || (type === "number" && !Number.isInteger(value))) throw mistyped(name);
    asked[name] = value;
  };
  for (const name of numbers) take(name, "number");
  for (const name of texts) take(name, "string");
  const { PidsLimit, RestartPolicy } = given;
  if (PidsLimit !== undefined && PidsLimit !== null) {
    if (!Number.isInteger(PidsLimit)) throw mistyped("PidsLimit");
    // Whatever is not above zero means no limit.
    asked["PidsLimit"] = Math.max(0, PidsLimit as number);
  }
  const policy = (RestartPolicy ?? {}) as { readonly Name?: unknown; readonly MaximumRetryCount?: unknown };
  if (typeof policy !== "object") throw mistyped("RestartPolicy");
  const { Name = "", MaximumRetryCount = 0 } = policy;
  if (typeof Name !== "string" || !Number.isInteger(MaximumRetryCount)) throw mistyped("RestartPolicy");
  if (Name !== "") asked["RestartPolicy"] = { Name, MaximumRetryCount };
  return asked;
}

function mistyped(name: string): Failure {
  return new Failure("invalid", `invalid JSON: ${name} has the wrong type`);
}

/** moby, container/container_unix.go, `UpdateContainer`. */
function merge(before: HostConfig, asked: Partial<HostConfig>): HostConfig {
  const had = (name: string): boolean => Number(before[name] ?? 0) > 0;
  const wants = (name: string): boolean => Number(asked[name] ?? 0) > 0;
  const clash = (text: string): Failure => new Failure("conflict", text);
  for (const [name, what] of [
    ["CpuPeriod", "CPU Period"],
    ["CpuQuota", "CPU Quota"],
  ] as const) {
    if (wants("NanoCpus") && had(name)) {
      throw clash(`Conflicting options: Nano CPUs cannot be updated as ${what} has already been set`);
    }
    if (wants(name) && had("NanoCpus")) {
      throw clash(`Conflicting options: ${what} cannot be updated as NanoCPUs has already been set`);
    }
  }
  const { Memory = 0, MemorySwap = 0 } = asked;
  if (MemorySwap === 0 && before.MemorySwap !== -1 && Memory > before.MemorySwap) {
    throw clash(
      "Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time",
    );
  }
  const { Name = "no" } = (asked["RestartPolicy"] as { readonly Name?: string } | undefined) ?? {};
  if (before.AutoRemove && Name !== "no") {
    throw clash("Restart policy cannot be updated because AutoRemove is enabled for the container");
  }
  return { ...before, ...asked };
}

/** Docker turns `--cpus` into a quota in periods of 100 ms. */
const period = 100_000;

function resourcesOf(asked: Partial<HostConfig>): Partial<OciResources> {
  const { CpuShares, NanoCpus = 0, Memory, MemorySwap = 0, PidsLimit } = asked;
  const number = (name: string): number | undefined => asked[name] as number | undefined;
  const cpu = {
    shares: CpuShares,
    period: NanoCpus > 0 ? period : number("CpuPeriod"),
    quota: NanoCpus > 0 ? Math.round((NanoCpus * period) / 1e9) : number("CpuQuota"),
    realtimePeriod: number("CpuRealtimePeriod"),
    realtimeRuntime: number("CpuRealtimeRuntime"),
    cpus: asked["CpusetCpus"] as string | undefined,
    mems: asked["CpusetMems"] as string | undefined,
  };
  const memory = {
    limit: Memory,
    reservation: number("MemoryReservation"),
    swap: MemorySwap === 0 ? undefined : MemorySwap,
  };
  const weight = number("BlkioWeight");
  const isSet = (part: object): boolean => Object.values(part).some((value) => value !== undefined);
  // Absent members are left out when this becomes JSON.
  return {
    ...(isSet(cpu) && { cpu: cpu as OciResources["cpu"] }),
    ...(isSet(memory) && { memory: memory as OciResources["memory"] }),
    ...(typeof PidsLimit === "number" && { pids: { limit: PidsLimit > 0 ? PidsLimit : -1 } }),
    ...(weight !== undefined && { blockIO: { weight } }),
  } as Partial<OciResources>;
}
