import { execFileSync } from "node:child_process";
import { join } from "node:path";
import type { Peer } from "./types.ts";

/** podman has no daemon. */
export const podman: Peer = {
  name: "podman",
  version: () => execFileSync("podman", ["--version"], { encoding: "utf8" }).trim(),
  async start({ directory }) {
    const places = ["root", "runroot", "tmpdir"].flatMap((name) => [`--${name}`, join(directory, name)]);
    const podman = ["podman", ...places, "--storage-driver", "overlay"];
    return {
      pull: (image) => [[...podman, "pull", "--quiet", "--tls-verify=false", image]],
      remove: (image) => [[...podman, "rmi", image]],
      // Large blobs wait there for the copy.
      environment: { TMPDIR: directory },
      [Symbol.asyncDispose]: async () => undefined,
    };
  },
};
