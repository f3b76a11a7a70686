/** What a runtime leaves that fails at its own deletions, and a shim that was killed while it came up or hung. */
import { existsSync, readdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { setTimeout } from "node:timers/promises";

/**
 * Kills what has the bundle for its working directory: shim and runtime, nothing of the container. Resolves when they
 * have gone.
 */
export async function killWorkersIn(bundle: string): Promise<void> {
  const place = statSync(bundle, { throwIfNoEntry: false });
  if (place === undefined) return;
  for (let tries = 0; tries < patience; tries++) {
    const workers = processes().filter((pid) => worksIn(pid, place));
    if (workers.length === 0) return;
    for (const pid of workers) kill(pid);
    await setTimeout(pause);
  }
}

/**
 * Directories of a container's control group, one for each hierarchy: as runc has written them down, and, since it may have
 * been killed before it did, as it was told to make them.
 */
export function cgroupsOf(bundle: string, stateDirectory: string): string[] {
  const id = basename(stateDirectory);
  const state = readJson<{ cgroup_paths?: Record<string, string> }>(join(stateDirectory, "state.json"));
  const config = readJson<{ linux?: { cgroupsPath?: string } }>(join(bundle, "config.json"));
  const wanted = config?.linux?.cgroupsPath ?? "";
  const places = wanted === "" ? [] : [cgroupRoot, ...hierarchies()].map((at) => join(at, wanted));
  // Whatever else stands there is not to be emptied.
  return [...new Set([...Object.values(state?.cgroup_paths ?? {}), ...places])].filter(
    (path) => path.startsWith(`${cgroupRoot}/`) && basename(path).includes(id),
  );
}

const cgroupRoot = "/sys/fs/cgroup";

/** Of cgroup v1; on v2 some files are taken for some, in which nothing is found. */
function hierarchies(): string[] {
  return (attempt(() => readdirSync(cgroupRoot)) ?? []).map((name) => join(cgroupRoot, name));
}

function readJson<T>(path: string): T | undefined {
  return attempt(() => JSON.parse(readFileSync(path, "utf8")) as T);
}

/** Kills all that runs in them and removes them. One that is gone is no failure, and neither is one that stays. */
export async function removeCgroups(paths: readonly string[]): Promise<void> {
  for (let tries = 0; tries < patience; tries++) {
    const left = paths.filter((path) => existsSync(path));
    if (left.length === 0) return;
    for (const path of left) empty(path);
    await setTimeout(tries === 0 ? 0 : pause);
  }
}

/** Rounds, with a pause of so many milliseconds. */
const patience = 200;
const pause = 10;

function empty(cgroup: string): void {
  for (const name of attempt(() => readdirSync(cgroup, { withFileTypes: true })) ?? []) {
    if (name.isDirectory()) empty(join(cgroup, name.name));
  }
  // What is frozen does not die: v1 and v2.
  attempt(() => writeFileSync(join(cgroup, "freezer.state"), "THAWED", { flag: "r+" }));
  attempt(() => writeFileSync(join(cgroup, "cgroup.freeze"), "0", { flag: "r+" }));
  const pids = attempt(() => readFileSync(join(cgroup, "cgroup.procs"), "utf8")) ?? "";
  for (const pid of pids.split("\n").filter((line) => line !== "")) kill(Number(pid));
  attempt(() => rmdirSync(cgroup));
}

function processes(): number[] {
  return readdirSync("/proc")
    .filter((name) => /^[1-9][0-9]*$/.test(name))
    .map(Number);
}

/** By number of the file: a process in a container may be in a directory of the same name. */
function worksIn(pid: number, place: { readonly dev: number; readonly ino: number }): boolean {
  const own = attempt(() => statSync(`/proc/${pid}/cwd`));
  return own !== undefined && own.dev === place.dev && own.ino === place.ino;
}

function kill(pid: number): void {
  if (pid > 1 && pid !== process.pid) attempt(() => process.kill(pid, "SIGKILL"));
}

/** Undefined: it could not be done. Here that means that somebody else has. */
function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
