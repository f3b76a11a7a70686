/** Whether the kernel killed something in a container's cgroup for want of memory. */
import { readFile } from "node:fs/promises";
import { userNamespace } from "../sys/index.ts";

/**
 * Where the memory controller counts the kills of a process's cgroup: `memory.oom_control` on cgroup v1
 * (kernel Documentation/admin-guide/cgroup-v1/memory.rst), `memory.events` on v2. The process must be alive; the
 * file stays readable until the cgroup is removed. Undefined where there is none of the container's own.
 */
export async function oomCounterOf(pid: number): Promise<string | undefined> {
  // An ordinary user's containers are in the cgroup of whoever started them, where others are killed, too.
  if (userNamespace() !== undefined) return undefined;
  const text = await readFile(`/proc/${pid}/cgroup`, "utf8").catch(() => "");
  for (const line of text.split("\n")) {
    const [hierarchy, controllers = "", ...path] = line.split(":");
    const directory = path.join(":");
    if (controllers.split(",").includes("memory"))
      return `/sys/fs/cgroup/memory${directory}/memory.oom_control`;
    if (hierarchy === "0" && !text.includes(":memory:")) return `/sys/fs/cgroup${directory}/memory.events`;
  }
  return undefined;
}

/** Reads what {@link oomCounterOf} found. */
export async function wasOutOfMemory(counter: string | undefined): Promise<boolean> {
  if (counter === undefined) return false;
  const text = await readFile(counter, "utf8").catch(() => "");
  return Number(/^oom_kill (\d+)$/m.exec(text)?.[1] ?? 0) > 0;
}
