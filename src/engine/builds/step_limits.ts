/** What a build's commands may use, as clients say it: BuildKit's by attributes of the frontend, others in the query. */
import { Failure } from "../../errors.ts";
import type { StepLimits } from "./runner.ts";

/** The limits that have the same name for all clients; zero and "" where nothing is said. */
interface AskedLimits {
  integer(name: "memory" | "memswap" | "cpushares" | "cpuperiod" | "cpuquota"): number;
  text(name: "cpusetcpus" | "cpusetmems"): string;
}

interface OtherStepLimits {
  /** Bytes; zero: the usual ones. */
  readonly shmSize: number;
  /** "": the usual one. */
  readonly cgroupParent: string;
  readonly ulimits: NonNullable<StepLimits["ulimits"]>;
}

/** @throws Failure("invalid") for a cgroup that is none */
export function stepLimits(
  asked: AskedLimits,
  { shmSize, cgroupParent, ulimits }: OtherStepLimits,
): StepLimits {
  // It becomes the path of a directory.
  if (cgroupParent.split("/").includes(".."))
    throw new Failure("invalid", `invalid cgroup parent ${JSON.stringify(cgroupParent)}`);
  return {
    limits: said({
      memory: asked.integer("memory"),
      memorySwap: asked.integer("memswap"),
      cpuShares: asked.integer("cpushares"),
      cpuPeriod: asked.integer("cpuperiod"),
      cpuQuota: asked.integer("cpuquota"),
      cpusetCpus: asked.text("cpusetcpus"),
      cpusetMems: asked.text("cpusetmems"),
    }),
    ...said({ shmSize, cgroupParent }),
    ulimits,
  };
}

function said<T extends object>(all: T): Partial<T> {
  return Object.fromEntries(
    Object.entries(all).filter(([, value]) => value !== 0 && value !== ""),
  ) as Partial<T>;
}
