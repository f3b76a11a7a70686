/**
 * Bundles the CLI into `dist/`: one entry, lazily loaded chunks, and the worker beside them under the name that
 * `layer/` asks for. `--library` also emits plain JavaScript with types into `lib/` for the package's exports.
 */
import { build, type Plugin } from "esbuild";
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const dist = join(root, "dist");
// Built beside and moved file by file, entries last: whoever starts meanwhile gets the old bundle or the new one.
const staging = join(root, `dist.${process.pid}`);

/** Chunks are named by their content, so files of two bundles can lie side by side. */
function install(): void {
  mkdirSync(dist, { recursive: true });
  const fresh = readdirSync(staging).sort(
    (a, b) => Number(b.startsWith("chunk-")) - Number(a.startsWith("chunk-")),
  );
  for (const name of fresh) renameSync(join(staging, name), join(dist, name));
  rmSync(staging, { recursive: true });
  for (const name of readdirSync(dist)) {
    const path = join(dist, name);
    // A program that runs may still load chunks of the bundle with which it started.
    if (!fresh.includes(name) && name.endsWith(".js") && statSync(path).mtimeMs < Date.now() - hour)
      rmSync(path);
  }
}

const hour = 3_600_000;

/**
 * Takes Node's own modules from `process.getBuiltinModule`. A static `import` reads every property of such a module
 * to make its named exports, and so loads what hides behind getters: for node:http that is a whole second HTTP client
 * (37 ms of CPU time instead of 4).
 */
const builtins: Plugin = {
  name: "builtins",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:/ }, ({ path }) => ({ path, namespace: "builtin" }));
    onLoad({ filter: /.*/, namespace: "builtin" }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule(${JSON.stringify(path)});`,
      loader: "js",
    }));
  },
};

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
  plugins: [builtins],
  minifySyntax: true,
  legalComments: "none",
  logLevel: "warning",
});
install();

if (process.argv.includes("--library")) {
  // Emptied first: a file whose source has gone must not be published.
  rmSync(join(root, "lib"), { recursive: true, force: true });
  execFileSync(join(root, "node_modules/.bin/tsc"), ["-p", join(root, "tsconfig.emit.json")], {
    stdio: "inherit",
  });
}
