/** What a build's commands may use: `shm-size`, `ulimit`, `memory`, ... among the attributes of the frontend. */
import type { BuildRequest } from "../../engine/index.ts";
import { Failure } from "../../errors.ts";

type StepLimits = NonNullable<BuildRequest["stepLimits"]>;

/** Zero and nothing are no limit. @throws Failure("invalid") */
export function stepLimits(attributes: Readonly<Record<string, string>>): StepLimits {
  const number = <K extends string>(key: string, name: K): { readonly [P in K]?: number } => {
    const value = integer(key, attributes[key] ?? "0");
    return value === 0 ? {} : ({ [name]: value } as { readonly [P in K]?: number });
  };
  const text = <K extends string>(key: string, name: K): { readonly [P in K]?: string } => {
    const value = attributes[key] ?? "";
    return value === "" ? {} : ({ [name]: value } as { readonly [P in K]?: string });
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
    ...number("shm-size", "shmSize"),
    ...cgroupParent(attributes["cgroup-parent"] ?? ""),
    ulimits: (attributes["ulimit"] ?? "")
      .split(",")
      .filter((each) => each !== "")
      .map(ulimitOf),
  };
}

function integer(key: string, text: string): number {
  if (/^-?\d{1,15}$/.test(text)) return Number(text);
  throw new Failure("invalid", `failed to parse ${key}: "${text}" is no number`);
}

/** `nofile=1024:2048`. */
function ulimitOf(text: string): NonNullable<StepLimits["ulimits"]>[number] {
  const [, name, soft, hard] = /^(\w+)=(-?\d{1,15})(?::(-?\d{1,15}))?$/.exec(text) ?? [];
  if (name === undefined) throw new Failure("invalid", `failed to parse ulimit: "${text}"`);
  return { name, soft: Number(soft), hard: Number(hard ?? soft) };
}

/** The path of a cgroup becomes that of a directory. */
function cgroupParent(path: string): Pick<StepLimits, "cgroupParent"> {
  if (path === "") return {};
  if (path.split("/").includes("..")) throw new Failure("invalid", `invalid cgroup parent "${path}"`);
  return { cgroupParent: path };
}
