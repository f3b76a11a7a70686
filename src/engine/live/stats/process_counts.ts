/** What stats(1) of Docker does not tell of a container, and Kubernetes wants to know. */
import { readdir, readlink } from "node:fs/promises";
import { cgroupPaths, kernelFiles, readNumber, readText } from "./cgroup_files.ts";

/** Of all processes in a container's control group; undefined where the kernel does not count it. */
export interface ProcessCounts {
  readonly processes: number;
  readonly fileDescriptors: number;
  /** Of the file descriptors. */
  readonly sockets: number;
  /** Processes that the kernel has killed for want of memory. */
  readonly oomKills: number | undefined;
  /** Bytes. */
  readonly swap: number | undefined;
  /** Bytes. */
  readonly kernelMemory: number | undefined;
}

/** @param pid of the container's first process; undefined is answered for one that has ended */
export async function countProcesses(pid: number, files = kernelFiles): Promise<ProcessCounts | undefined> {
  const paths = cgroupPaths(pid, files);
  if (paths === undefined) return undefined;
  const memory = paths.of("memory");
  const { events, swap, kernelMemory } = paths.version === 1 ? memoryV1(memory) : memoryV2(memory);
  const oomKills = lineOf(events, "oom_kill");
  const pids = (readText(`${paths.of("pids")}/cgroup.procs`) ?? "").split("\n").filter((line) => line !== "");
  return {
    processes: pids.length,
    ...(await countFiles(pids, files.proc)),
    oomKills,
    swap,
    kernelMemory,
  };
}

/** kernel Documentation/admin-guide/cgroup-v1/memory.rst. */
function memoryV1(memory: string) {
  return {
    events: `${memory}/memory.oom_control`,
    swap: lineOf(`${memory}/memory.stat`, "total_swap"),
    kernelMemory: readNumber(`${memory}/memory.kmem.usage_in_bytes`),
  };
}

/** kernel Documentation/admin-guide/cgroup-v2.rst. */
function memoryV2(memory: string) {
  return {
    events: `${memory}/memory.events`,
    swap: readNumber(`${memory}/memory.swap.current`),
    kernelMemory: lineOf(`${memory}/memory.stat`, "kernel"),
  };
}

function lineOf(path: string, name: string): number | undefined {
  const found = new RegExp(`^${name} (\\d+)$`, "m").exec(readText(path) ?? "")?.[1];
  return found === undefined ? undefined : Number(found);
}

/** One process after the other: there may be many, and they may have many. */
async function countFiles(
  pids: readonly string[],
  proc: string,
): Promise<Pick<ProcessCounts, "fileDescriptors" | "sockets">> {
  let [fileDescriptors, sockets] = [0, 0];
  for (const pid of pids) {
    const folder = `${proc}/${pid}/fd`;
    // Those of one that has ended are gone.
    const names = await readdir(folder).catch(() => []);
    const places = await Promise.all(names.map((name) => readlink(`${folder}/${name}`).catch(() => "")));
    fileDescriptors += places.filter((place) => place !== "").length;
    sockets += places.filter((place) => place.startsWith("socket:")).length;
  }
  return { fileDescriptors, sockets };
}
