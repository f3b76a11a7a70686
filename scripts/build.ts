/**
 * Bundles the CLI into `dist/`: one entry, lazily loaded chunks, and the worker beside them under the name that
 * `layer/` asks for. `--library` also emits plain JavaScript with types into `lib/` for the package's exports.
 */
import { build } from "esbuild";
import { execFileSync } from "node:child_process";
import { renameSync, rmSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const dist = join(root, "dist");
// Built beside and renamed, so that two first runs at once do not see half a bundle.
const staging = join(root, `dist.${process.pid}`);

await build({
  absWorkingDir: root,
  entryPoints: { varve: "src/bin/cli.ts", unpack_worker: "src/layer/unpack_worker.ts" },
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node26",
  outdir: staging,
  chunkNames: "chunk-[hash]",
  external: ["koffi"],
  minifySyntax: true,
  legalComments: "none",
  logLevel: "warning",
});
rmSync(dist, { recursive: true, force: true });
renameSync(staging, dist);

if (process.argv.includes("--library")) {
  execFileSync(join(root, "node_modules/.bin/tsc"), ["-p", join(root, "tsconfig.emit.json")], {
    stdio: "inherit",
  });
}
