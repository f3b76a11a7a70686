import { execFileSync } from "node:child_process";
import { cpSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import type { Command, Peer } from "./types.ts";

const checkout = join(import.meta.dirname, "../..");
const node = join(checkout, "node_modules/.bin/node");

/**
 * The bundled command, as a package would install it: a copy, so that a new bundle made meanwhile does not pull the
 * files away from under it.
 */
export class VarveCommand {
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;

  /** @param work directory for the copy */
  constructor(work: string) {
    // Bundles what is newer than the bundle.
    execFileSync(join(checkout, "varve"), ["--version"], { stdio: "ignore" });
    const copy = join(work, "varve");
    cpSync(join(checkout, "dist"), join(copy, "dist"), { recursive: true });
    for (const name of ["node_modules", "package.json"]) symlinkSync(join(checkout, name), join(copy, name));
    this.command = [node, join(copy, "dist/varve.js")];
    this.environment = { NODE_COMPILE_CACHE: join(copy, "dist/.cache") };
  }
}

/** With either driver an image is ready to run when the pull ends: unpacked, or its EROFS image made. */
export function varve({ command, environment }: VarveCommand, driver: "erofs" | "overlay2"): Peer {
  return {
    name: driver === "erofs" ? "varve" : `varve-${driver}`,
    version: () => execFileSync(node, [...command.slice(1), "--version"], { encoding: "utf8" }).trim(),
    async start({ directory }) {
      const root = join(directory, "root");
      const globals = ["--root", root, "--driver", driver];
      const varve = (...args: string[]): Command => [...command, ...globals, ...args];
      return {
        pull: (image) => [varve("pull", "--quiet", image)],
        // The compressed layers would stay for a while, to be pushed or pulled again.
        remove: (image) => [varve("rmi", image), ["rm", "-rf", join(root, "varve/blobs")]],
        run: (image, inside) => varve("run", "--rm", "-i", "--network", "none", image, ...inside),
        // It also tells what each line costs.
        build: ({ context, name, cache }) =>
          varve("build", "--network=none", ...(cache ? [] : ["--no-cache"]), "-t", name, context),
        environment,
        [Symbol.asyncDispose]: async () => undefined,
      };
    },
  };
}
