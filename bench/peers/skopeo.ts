import { execFileSync } from "node:child_process";
import { join } from "node:path";
import type { Peer } from "./types.ts";

/** skopeo copies the image into an OCI layout, umoci unpacks it: one root file system, no layers. */
export const skopeo: Peer = {
  name: "skopeo",
  version: () =>
    ["skopeo", "umoci"]
      .map((program) => execFileSync(program, ["--version"], { encoding: "utf8" }).trim())
      .join(", "),
  async start({ directory }) {
    const [layout, bundle] = [join(directory, "layout"), join(directory, "bundle")];
    return {
      pull: (image) => [
        ["skopeo", "copy", "--quiet", "--src-tls-verify=false", `docker://${image}`, `oci:${layout}:bench`],
        ["umoci", "unpack", "--image", `${layout}:bench`, bundle],
      ],
      remove: () => [["rm", "-rf", layout, bundle]],
      environment: { TMPDIR: directory },
      [Symbol.asyncDispose]: async () => undefined,
    };
  },
};
