/** docker-registry 2.8 on a free port, to be asked the same. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

export const peerSkip =
  spawnSync("docker-registry", ["--version"]).error === undefined ? false : "there is no docker-registry";

/** @param auth of its configuration */
export async function peerRegistry(
  directory: string,
  auth: object,
): Promise<{ url: string } & AsyncDisposable> {
  const file = join(directory, "peer.yml");
  const storage = { inmemory: {} };
  // YAML takes JSON as it is.
  writeFileSync(file, JSON.stringify({ version: 0.1, storage, http: { addr: "127.0.0.1:0" }, auth }));
  const child = spawn("docker-registry", ["serve", file], { stdio: ["ignore", "ignore", "pipe"] });
  const said: string[] = [];
  const exited = once(child, "exit");
  const stop = async () => {
    child.kill();
    await exited;
  };
  for await (const line of createInterface({ input: child.stderr })) {
    said.push(line);
    const address = /listening on (127\.0\.0\.1:\d+)/.exec(line)?.[1];
    if (address === undefined) continue;
    child.stderr.resume();
    return { url: `http://${address}`, [Symbol.asyncDispose]: stop };
  }
  throw new Error(`docker-registry did not start: ${said.join("\n")}`);
}
