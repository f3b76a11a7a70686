import { execFileSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { start, untilReady } from "../measure/program.ts";
import type { Command, Peer } from "./types.ts";

/** containerd with its own client; it unpacks into its overlayfs snapshotter and keeps the blobs beside. */
export const containerd: Peer = {
  name: "ctr",
  version: () => execFileSync("containerd", ["--version"], { encoding: "utf8" }).trim(),
  async start({ directory, cgroup, signal }) {
    const socket = join(directory, "s");
    const config = join(directory, "config.toml");
    const lines = [
      "version = 2",
      `root = "${join(directory, "root")}"`,
      `state = "${join(directory, "state")}"`,
      'disabled_plugins = ["io.containerd.grpc.v1.cri"]',
      "[grpc]",
      `address = "${socket}"`,
    ];
    writeFileSync(config, lines.join("\n"));
    const daemon = start(["containerd", "--config", config, "--log-level", "error"], { cgroup, signal });
    await untilReady(daemon, async () => existsSync(socket) && answers(socket), signal);
    const images = (...args: string[]): Command => ["ctr", "-a", socket, "images", ...args];
    return {
      pull: (image) => [images("pull", "--plain-http", "--snapshotter", "overlayfs", image)],
      // Waits for the garbage collection, which removes blobs and snapshots.
      remove: (image) => [images("rm", "--sync", image)],
      [Symbol.asyncDispose]: () => daemon[Symbol.asyncDispose](),
    };
  },
};

function answers(socket: string): boolean {
  execFileSync("ctr", ["-a", socket, "version"], { stdio: "ignore" });
  return true;
}
