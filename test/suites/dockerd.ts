/** A real dockerd as an oracle, on a data root of its own. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { unlessRoot } from "./scratch.ts";

export interface Dockerd extends AsyncDisposable {
  /** The daemon's data root. */
  readonly root: string;
  /** Runs `docker ...arguments` against it. @returns standard output without the final LF */
  docker(...args: string[]): string;
}

const isInstalled = (program: string): boolean =>
  ["/usr/bin", "/usr/sbin", "/usr/local/bin"].some((directory) => existsSync(join(directory, program)));

/** The reason to skip a test that needs dockerd and its CLI, or false. */
export const dockerdSkip: string | false =
  unlessRoot || (isInstalled("dockerd") && isInstalled("docker") ? false : "needs dockerd and docker");

/**
 * Starts dockerd without networks.
 * @param directory an empty one, for its sockets and its data root `<directory>/root`
 * @param driver its storage driver
 * @param within goes before its command, such as `nsenter ...`
 * @throws Error with the daemon's last words if it does not come up
 */
export async function startDockerd(
  directory: string,
  driver: string,
  within: readonly string[] = [],
): Promise<Dockerd> {
  const root = join(directory, "root");
  mkdirSync(root, { recursive: true, mode: 0o710 });
  const socket = `unix://${directory}/s`;
  const own = [
    "--data-root",
    root,
    "--exec-root",
    join(directory, "exec"),
    "--pidfile",
    join(directory, "pid"),
  ];
  const flags = ["--iptables=false", "--bridge=none", "--storage-driver", driver, "-H", socket, ...own];
  const [program, ...args] = [...within, "dockerd", ...flags] as [string, ...string[]];
  const daemon = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"] });
  const closed = once(daemon, "close");
  const said: string[] = [];
  const listening = Promise.withResolvers<void>();
  createInterface({ input: daemon.stderr }).on("line", (line) => {
    said.push(line);
    if (line.includes("API listen on")) listening.resolve();
  });
  void closed.then(() => listening.reject(new Error(`dockerd ended: ${said.slice(-5).join("\n")}`)));
  await listening.promise;
  return {
    root,
    docker: (...args) => execFileSync("docker", ["-H", socket, ...args], { encoding: "utf8" }).trimEnd(),
    [Symbol.asyncDispose]: async () => {
      daemon.kill("SIGTERM");
      await closed;
    },
  };
}
