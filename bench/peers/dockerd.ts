import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { start, untilReady } from "../measure/program.ts";
import type { Command, Peer } from "./types.ts";

/** Docker's daemon without networks; the CLI asks it to pull, and to build. */
export const dockerd: Peer = {
  name: "dockerd",
  version: () => execFileSync("dockerd", ["--version"], { encoding: "utf8" }).trim(),
  async start({ directory, cgroup, signal }) {
    const socket = join(directory, "s");
    const own = {
      "--data-root": join(directory, "root"),
      "--exec-root": join(directory, "exec"),
      "--pidfile": join(directory, "pid"),
      "-H": `unix://${socket}`,
    };
    const fixed = ["--iptables=false", "--bridge=none", "--storage-driver=overlay2"];
    const daemon = start(["dockerd", ...fixed, ...Object.entries(own).flat()], { cgroup, signal });
    await untilReady(daemon, async () => existsSync(socket) && answers(socket), signal);
    const docker = (...args: string[]): Command => ["docker", "-H", `unix://${socket}`, ...args];
    return {
      pull: (image) => [docker("pull", "--quiet", image)],
      remove: (image) => [docker("rmi", image)],
      run: (image, command) => docker("run", "--rm", "-i", "--network", "none", image, ...command),
      build: ({ context, name, cache }) =>
        docker("build", "--network=none", "--quiet", ...(cache ? [] : ["--no-cache"]), "-t", name, context),
      // The classic builder.
      environment: { DOCKER_BUILDKIT: "0" },
      [Symbol.asyncDispose]: () => daemon[Symbol.asyncDispose](),
    };
  },
};

function answers(socket: string): boolean {
  execFileSync("docker", ["-H", `unix://${socket}`, "version"], { stdio: "ignore" });
  return true;
}
