/** The files in which the kernel counts what a container uses. */
import { readFileSync } from "node:fs";

/** Undefined where there is no such file, or its control group has gone. */
export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return undefined;
  }
}

export function readNumber(path: string): number | undefined {
  const text = readText(path)?.trim();
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

/** Lines of a name and a number, by name. */
export function readTable(path: string): Record<string, number> {
  const rows = (readText(path) ?? "").split("\n").map((line) => line.split(" "));
  const known = rows.filter(([, value]) => value !== undefined).map(([name, value]) => [name, Number(value)]);
  return Object.fromEntries(known.sort()) as Record<string, number>;
}

export interface CgroupPaths {
  readonly version: 1 | 2;
  /** The directory of the container's group for a controller. */
  of(controller: string): string;
}

/** Where the kernel's file systems are mounted. */
export interface KernelFiles {
  readonly proc: string;
  readonly cgroup: string;
}

export const kernelFiles: KernelFiles = { proc: "/proc", cgroup: "/sys/fs/cgroup" };

/** Of a process (cgroups(7), /proc/PID/cgroup). */
export function cgroupPaths(pid: number, { proc, cgroup }: KernelFiles): CgroupPaths | undefined {
  const text = readText(`${proc}/${pid}/cgroup`);
  if (text === undefined) return undefined;
  const groups = new Map<string, string>();
  for (const line of text.split("\n")) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    for (const controller of controllers?.split(",") ?? []) groups.set(controller, path ?? "/");
  }
  const version = groups.has("memory") ? 1 : 2;
  const of = (controller: string): string =>
    version === 1
      ? `${cgroup}/${controller}${groups.get(controller) ?? "/"}`
      : `${cgroup}${groups.get("") ?? "/"}`;
  return { version, of };
}
