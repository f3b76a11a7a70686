/** Images of varve's in the hands of strangers. */
import { join } from "node:path";
import { dockerOn, program, type Program } from "../support.ts";
import type { Case } from "./types.ts";

export interface ForeignRunner {
  /** What the container prints on its standard output; else the failure with all that was said. */
  run(image: string, given: Case): Promise<string>;
}

/** @param directory that of a dockerd which is up */
export async function dockerRunner(directory: string, archive: string): Promise<ForeignRunner> {
  const docker = dockerOn(directory);
  await docker("load", "-q", "-i", archive);
  return runnerOf(docker, []);
}

/** podman on a store of its own, without cgroups of systemd and with limits that any machine allows. */
export async function podmanRunner(directory: string, archive: string): Promise<ForeignRunner> {
  const at = (name: string): string => join(directory, name);
  const storage = ["--root", at("storage"), "--runroot", at("run"), "--storage-driver", "overlay"];
  const daemonless = ["--runtime", "runc", "--cgroup-manager", "cgroupfs", "--events-backend", "none"];
  const podman = program("env", "-u", "DOCKER_CONFIG", "podman", ...storage, ...daemonless);
  await podman("load", "-q", "-i", archive);
  return runnerOf(podman, ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1000:1000"]);
}

function runnerOf(runner: Program, flags: readonly string[]): ForeignRunner {
  return {
    run: async (image, { run }) => {
      const command = run?.command ?? [];
      const ended = await runner.run(["run", "--rm", "--network", "none", ...flags, image, ...command]);
      return ended.code === 0 ? ended.stdout : `${ended.code}: ${ended.stdout}${ended.stderr}`;
    },
  };
}
