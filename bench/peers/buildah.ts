import { execFileSync } from "node:child_process";
import { join } from "node:path";
import type { Peer } from "./types.ts";

/**
 * buildah has no daemon, and no cache by default: with `--layers` it has one, and an image for each step.
 * @param layers whether it is asked for
 */
export function buildah({ layers }: { readonly layers: boolean }): Peer {
  return {
    name: layers ? "buildah-layers" : "buildah",
    version: () => execFileSync("buildah", ["--version"], { encoding: "utf8" }).trim(),
    async start({ directory }) {
      const places = ["root", "runroot"].flatMap((name) => [`--${name}`, join(directory, name)]);
      const buildah = ["buildah", ...places, "--storage-driver", "overlay"];
      // What dockerd and varve use, too.
      const fixed = ["--runtime", "runc", "--network", "none", "--pull=never", "--quiet"];
      return {
        pull: (image) => [[...buildah, "pull", "--quiet", "--tls-verify=false", image]],
        remove: (image) => [[...buildah, "rmi", image]],
        build: ({ context, name, cache }) => {
          const caching = layers ? ["--layers", ...(cache ? [] : ["--no-cache"])] : [];
          return [...buildah, "build", ...fixed, ...caching, "-t", name, context];
        },
        environment: { TMPDIR: directory },
        [Symbol.asyncDispose]: async () => undefined,
      };
    },
  };
}
