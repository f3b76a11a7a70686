/** What a build's commands may use: `memory`, `cpuquota`, `ulimits`, ... of `POST /build`. */
import type { BuildRequest } from "../../../engine/index.ts";
import { Failure } from "../../../errors.ts";
import type { Call } from "../../http/index.ts";

type StepLimits = NonNullable<BuildRequest["stepLimits"]>;

/** Zero and nothing are no limit. @throws Failure("invalid") */
export function stepLimits(call: Call): StepLimits {
  const number = <K extends string>(name: string, key: K): { readonly [P in K]?: number } => {
    const value = call.integer(name) ?? 0;
    return value === 0 ? {} : ({ [key]: value } as { readonly [P in K]?: number });
  };
  const text = <K extends string>(name: string, key: K): { readonly [P in K]?: string } => {
    const value = call.query.get(name) ?? "";
    return value === "" ? {} : ({ [key]: value } as { readonly [P in K]?: string });
  };
  return {
    limits: {
      ...number("memory", "memory"),
      ...number("memswap", "memorySwap"),
      ...number("cpushares", "cpuShares"),
      ...number("cpuperiod", "cpuPeriod"),
      ...number("cpuquota", "cpuQuota"),
      ...text("cpusetcpus", "cpusetCpus"),
      ...text("cpusetmems", "cpusetMems"),
    },
    ...number("shmsize", "shmSize"),
    ...cgroupParent(call.query.get("cgroupparent") ?? ""),
    ulimits: ulimits(call.query.get("ulimits") ?? ""),
  };
}

/** The path of a cgroup becomes that of a directory. */
function cgroupParent(path: string): Pick<StepLimits, "cgroupParent"> {
  if (path === "") return {};
  if (path.split("/").includes(".."))
    throw new Failure("invalid", `invalid cgroup parent ${JSON.stringify(path)}`);
  return { cgroupParent: path };
}

/** Docker's `[{"Name":"nofile","Soft":1,"Hard":2}]`. */
function ulimits(text: string): NonNullable<StepLimits["ulimits"]> {
  let value: unknown;
  try {
    value = text === "" ? null : JSON.parse(text);
  } catch (cause) {
    throw new Failure("invalid", `error reading ulimit settings: ${(cause as Error).message}`, { cause });
  }
  const list: unknown[] = value === null ? [] : Array.isArray(value) ? value : [undefined];
  return list.map((each) => {
    const { Name, Soft, Hard } = (each ?? {}) as Record<string, unknown>;
    if (typeof Name !== "string" || !Number.isSafeInteger(Soft) || !Number.isSafeInteger(Hard))
      throw new Failure("invalid", "error reading ulimit settings: not a list of limits");
    return { name: Name, soft: Soft as number, hard: Hard as number };
  });
}
