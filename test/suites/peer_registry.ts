/** `docker-registry`, distribution's server as Debian has it, on a tree that this registry uses as well. */
import { execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import type { ServedRegistry } from "./registry_requests.ts";

/** The reason to skip a test that needs it, or false. */
export const peerRegistrySkip: string | false = ((): string | false => {
  try {
    execFileSync("docker-registry", ["--version"], { stdio: "ignore" });
    return false;
  } catch {
    return "docker-registry is not installed";
  }
})();

/** The `uploadSecret` of a registry that goes on with the peer's uploads. */
export const peerSecret = "the same for both";

function writeConfig(root: string): string {
  const path = `${root}-${randomBytes(4).toString("hex")}.yml`;
  const storage = `storage:\n  delete: {enabled: true}\n  filesystem: {rootdirectory: ${root}}\n`;
  writeFileSync(path, `version: 0.1\n${storage}http:\n  addr: 127.0.0.1:0\n  secret: ${peerSecret}\n`);
  return path;
}

/** @param root the tree's; a configuration is written beside it */
export async function servePeer(root: string): Promise<ServedRegistry> {
  const child = spawn("docker-registry", ["serve", writeConfig(root)], { stdio: ["ignore", "pipe", "pipe"] });
  const listening = Promise.withResolvers<string>();
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on("line", (line) => {
      const address = /listening on (127\.0\.0\.1:\d+)/.exec(line)?.[1];
      if (address !== undefined) listening.resolve(address);
    });
  }
  const closed = once(child, "close");
  void closed.then(() => listening.reject(new Error("docker-registry ended")));
  const end = async (): Promise<void> => {
    child.kill();
    await closed;
  };
  return { origin: `http://${await listening.promise}`, [Symbol.asyncDispose]: end };
}

/** Its `garbage-collect`. */
export function collectByPeer(root: string, ...flags: string[]): void {
  execFileSync("docker-registry", ["garbage-collect", ...flags, writeConfig(root)], { stdio: "pipe" });
}
