/** What a runtime leaves that fails at its own deletions, and a shim that was killed while it came up or hung. */
import { readdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from "node:fs";
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

/** Directories of a container's control group, one for each hierarchy, as runc has written them down. */
export function cgroupsOf(stateDirectory: string): string[] {
  try {
    const state = JSON.parse(readFileSync(join(stateDirectory, "state.json"), "utf8")) as {
      readonly cgroup_paths?: Readonly<Record<string, string>>;
    };
    const id = basename(stateDirectory);
    // Whatever else stands there is not to be emptied.
    return Object.values(state.cgroup_paths ?? {}).filter(
      (path) => path.startsWith("/sys/fs/cgroup/") && basename(path).includes(id),
    );
  } catch {
    return [];
  }
}

/** Kills all that runs in them and removes them. One that is gone is no failure, and neither is one that stays. */
export async function removeCgroups(paths: readonly string[]): Promise<void> {
  for (let tries = 0; tries < patience; tries++) {
    const left = paths.filter((path) => statSync(path, { throwIfNoEntry: false }) !== undefined);
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
