/**
 * Bundles the CLI into `dist/`: one file, `cli.js`, whose parts run when they are first imported (a file a part would
 * cost more to find than to compile), `varve.js`, which starts it, `registry.js`, `daemon.js` and `cri.js`, which one command each needs, and the workers
 * and the FUSE server beside it under the names by which they are asked for. `--library` also emits plain JavaScript with
 * types into `lib/` for the package's exports.
 */
import { build, type BuildOptions, type Plugin } from "esbuild";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  globSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const dist = join(root, "dist");
// Built beside and moved into place: whoever starts meanwhile gets the old bundle or the new one.
const staging = join(root, `dist.${process.pid}`);

function install(): void {
  mkdirSync(dist, { recursive: true });
  const fresh = readdirSync(staging);
  for (const name of fresh) renameSync(join(staging, name), join(dist, name));
  rmSync(staging, { recursive: true });
  for (const name of readdirSync(dist))
    if (!fresh.includes(name) && name.endsWith(".js")) rmSync(join(dist, name));
  // Of bundles that are gone.
  rmSync(join(dist, ".cache"), { recursive: true, force: true });
}

/**
 * Takes Node's own modules from `process.getBuiltinModule`, and of each only what the sources name. A static `import`
 * reads every property of such a module to make its named exports, and so loads what hides behind getters: for
 * node:http that is a whole second HTTP client (37 ms of CPU time instead of 4).
 */
const builtins: Plugin = {
  name: "builtins",
  setup({ onResolve, onLoad }) {
    const names = importedNames();
    onResolve({ filter: /^node:/ }, ({ path }) => ({ path, namespace: "builtin", sideEffects: false }));
    onLoad({ filter: /.*/, namespace: "builtin" }, ({ path }) => {
      const module = `const module = process.getBuiltinModule(${JSON.stringify(path)});`;
      const exports = [...(names.get(path) ?? [])].map((name) => `export const ${name} = module.${name};`);
      return { contents: [module, "export default module;", ...exports].join("\n"), loader: "js" };
    });
  },
};

/** Which names of each of Node's modules are imported anywhere. One that is missed is an error of the bundler. */
function importedNames(): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const file of globSync("src/**/*.ts", { cwd: root, exclude: ["**/*.test.ts"] })) {
    const text = readFileSync(join(root, file), "utf8");
    for (const [, list = "", module = ""] of text.matchAll(/import \{([^}]*)\} from "(node:[^"]+)"/g)) {
      const names = list.split(",").map((each) => each.trim().split(" ")[0] ?? "");
      const values = names.filter((name) => name !== "" && name !== "type");
      found.set(module, new Set([...(found.get(module) ?? []), ...values]));
    }
  }
  return found;
}

const common: BuildOptions = {
  absWorkingDir: root,
  bundle: true,
  platform: "node",
  target: "node26",
  outdir: staging,
  external: ["koffi"],
  // Its build for Node asks for modules by a `require` that the bundle does not have.
  alias: { yaml: join(root, "node_modules/yaml/browser/index.js") },
  plugins: [builtins],
  minifySyntax: true,
  legalComments: "none",
  logLevel: "warning",
};

/**
 * The same program in ASCII, since the bundler leaves regular expressions as they are: one letter beyond Latin-1 would double
 * the memory of the whole source.
 */
function inAscii(file: string): string {
  return readFileSync(file, "utf8").replace(
    /[^\x00-\x7f]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Makes of `cli.js` what `src/bin/start.ts` expects: a comment with a digest of the rest, and a function of its URL and a `require`. */
function wrapCli(): void {
  const file = join(staging, "cli.js");
  const code = `(function (bundleUrl, require) {"use strict";\n${inAscii(file)}\n})`;
  const digest = createHash("sha256").update(code).digest("hex");
  writeFileSync(file, `//${digest}\n${code}\n`);
}

/** What one command each needs: files of their own cost the others nothing. */
const serversApart: Plugin = {
  name: "servers",
  setup({ onResolve }) {
    const apart = (filter: RegExp, path: string): void =>
      onResolve({ filter }, ({ kind }) => (kind === "dynamic-import" ? { path, external: true } : undefined));
    apart(/\/registry_server\.ts$/, "./registry.js");
    apart(/\/api\/index\.ts$/, "./daemon.js");
    apart(/\/cri\/index\.ts$/, "./cri.js");
  },
};

await build({
  ...common,
  entryPoints: { cli: "src/bin/cli.ts" },
  plugins: [serversApart, builtins],
  format: "cjs",
  supported: { "dynamic-import": false },
  define: { "import.meta.url": "bundleUrl" },
});
wrapCli();

/**
 * Makes of `varve.js` a program that is one for the shell first. Node reads the file of an `--env-file` wherever it stands
 * on the command line, unless a `--` comes before, and obeys the NODE_OPTIONS in it: those of whoever wrote it for a container.
 */
function makeProgram(): void {
  const file = join(staging, "varve.js");
  const start = `#!/bin/sh\n":" //; exec node -- "$0" "$@"\n`;
  writeFileSync(file, start + readFileSync(file, "utf8"));
  chmodSync(file, 0o755);
}

await build({
  ...common,
  entryPoints: {
    varve: "src/bin/start.ts",
    registry: "src/bin/registry_server.ts",
    daemon: "src/api/index.ts",
    cri: "src/cri/index.ts",
    unpack_worker: "src/layer/unpack_worker.ts",
    fuse_server: "src/driver/erofs/fuse_server.ts",
    bcrypt_worker: "src/registry/access/htpasswd/bcrypt_worker.ts",
  },
  plugins: [serversApart, builtins],
  format: "esm",
});
makeProgram();
for (const name of ["registry.js", "daemon.js", "cri.js"]) {
  const file = join(staging, name);
  writeFileSync(file, inAscii(file));
}
install();

if (process.argv.includes("--library")) {
  // Emptied first: a file whose source has gone must not be published.
  rmSync(join(root, "lib"), { recursive: true, force: true });
  execFileSync(join(root, "node_modules/.bin/tsc"), ["-p", join(root, "tsconfig.emit.json")], {
    stdio: "inherit",
  });
}
