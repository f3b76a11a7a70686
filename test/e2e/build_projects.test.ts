/** Projects as people have them: a Node application, a compiler that is installed, a program alone on `scratch`. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { dirname, join } from "node:path";
import { test, type TestContext } from "node:test";
import { dockerdSkip, startDockerd } from "../suites/dockerd.ts";
import { dockerOn, makeBench, program, runSkip, unless, type Bench } from "./support.ts";
import { unlessAll } from "../suites/scratch.ts";

const which = (name: string): string | undefined => {
  try {
    const found = execFileSync("sh", ["-c", 'command -v "$1"', "sh", name], { encoding: "utf8" });
    return found.trim();
  } catch {
    return undefined;
  }
};

/** A program of this machine with the libraries that it loads, in a tree that is a root filesystem. */
function copyPrograms(tree: string, ...programs: string[]): void {
  const files = programs.flatMap((path) => [path, ...libraries(path)]);
  for (const path of new Set(files)) {
    fs.mkdirSync(join(tree, dirname(path)), { recursive: true });
    fs.copyFileSync(path, join(tree, path));
  }
}

function libraries(path: string): string[] {
  try {
    const said = execFileSync("ldd", [path], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
    return [...said.matchAll(/(\/\S+) \(0x/g)].map(([, library]) => library as string);
  } catch {
    // It is linked statically.
    return [];
  }
}

function write(directory: string, files: Readonly<Record<string, string>>): string {
  for (const [path, content] of Object.entries(files)) {
    fs.mkdirSync(join(directory, path, ".."), { recursive: true });
    fs.writeFileSync(join(directory, path), content);
  }
  return directory;
}

/** Builds twice: the second time every step that makes a layer is in the cache, and the image is the same. */
async function buildTwice({ varve }: Bench, name: string, ...args: string[]): Promise<void> {
  const build = async (): Promise<{ id: string; log: string }> => {
    const command = ["build", "--progress", "plain", "--network", "none", "-t", name, ...args];
    const { code, stderr } = await varve.run(command);
    assert.equal(code, 0, stderr);
    return { id: await varve("images", "-q", "--no-trunc", name), log: stderr };
  };
  const [first, second] = [await build(), await build()];
  assert.doesNotMatch(first.log, /^#\d+ CACHED$/m);
  const made = /^#(\d+) \[.*\] (?:RUN|COPY|ADD|WORKDIR) /gm;
  const steps = [...second.log.matchAll(made)].map(([, number]) => number);
  assert.ok(steps.length > 2, second.log);
  for (const step of steps) assert.match(second.log, new RegExp(`^#${step} CACHED$`, "m"));
  assert.equal(second.id, first.id);
}

/** Runs the image under varve and, where the machine has them, under strangers. */
async function runEverywhere(t: TestContext, bench: Bench, name: string, said: string): Promise<void> {
  const { varve, path } = bench;
  assert.equal(await varve("run", "--rm", "--network", "none", name), said);
  const archive = join(path, "saved.tar");
  await varve("save", "-o", archive, name);
  const id = await varve("images", "-q", "--no-trunc", name);
  await t.test("dockerd runs it", { skip: dockerdSkip }, async () => {
    const directory = fs.mkdtempSync(join(path, "dockerd-"));
    await using dockerd = await startDockerd(directory, "overlay2");
    void dockerd;
    const docker = dockerOn(directory);
    await docker("load", "-i", archive);
    assert.equal(await docker("images", "-q", "--no-trunc", name), id);
    assert.equal(await docker("run", "--rm", "--network", "none", name), said);
  });
  await t.test("podman runs it", { skip: unless("podman", "runc") }, async (t) => {
    const places = ["--root", join(path, "podman"), "--runroot", join(path, "podman-run")];
    const podman = program("podman", ...places, "--storage-driver", "overlay");
    // It wants a file where the tests' settings name none.
    const env = { DOCKER_CONFIG: write(join(path, "settings"), { "config.json": "{}" }) };
    // Its storage is mounted onto itself.
    using storage = { [Symbol.dispose]: () => void spawnSync("umount", [join(path, "podman/overlay")]) };
    void storage;
    await podman("load", "-q", "-i", archive);
    const limits = ["--ulimit", `nofile=${await hardLimit("-n")}`, "--ulimit", "nproc=1000"];
    const flags = ["--runtime", "runc", "--cgroup-manager", "cgroupfs", "run", "--rm", "--network", "none"];
    const outcome = await podman.run([...flags, ...limits, id], { env });
    if (/cgroup|rlimit|newuidmap/i.test(outcome.stderr)) {
      t.skip(`podman runs nothing here: ${outcome.stderr.split("\n")[0]}`);
      return;
    }
    assert.deepEqual([outcome.code, outcome.stdout.trimEnd()], [0, said], outcome.stderr);
  });
}

const hardLimit = (limit: string): Promise<string> => program("sh")("-c", `ulimit -H ${limit}`);

const npm = which("npm");
const npmPackage = npm === undefined ? "" : join(dirname(fs.realpathSync(npm)), "..");
const npmSkip =
  runSkip ||
  unless("ldd", "tar") ||
  (fs.existsSync(join(npmPackage, "bin/npm-cli.js")) ? false : "npm is not installed as a package");

/** An npm package as a tarball. */
function packageTarball(directory: string, name: string): string {
  const from = write(join(directory, name), {
    "package/package.json": JSON.stringify({ name, version: "1.0.0", main: "index.js" }),
    "package/index.js": `module.exports = ${JSON.stringify(`${name} is here`)};\n`,
  });
  const tarball = join(directory, `${name}-1.0.0.tgz`);
  execFileSync("tar", ["-czf", tarball, "-C", from, "package"]);
  return tarball;
}

const nodeDockerfile = `FROM node:1 AS base
WORKDIR /app
FROM base AS dependencies
COPY package.json package-lock.json ./
COPY packages ./packages
RUN --mount=type=cache,target=/root/.npm npm ci --offline
FROM dependencies AS build
COPY src ./src
RUN node src/build.js
FROM base AS production
ENV NODE_ENV=production
COPY package.json package-lock.json ./
COPY packages ./packages
RUN --mount=type=cache,target=/root/.npm npm ci --offline --omit=dev && rm -r packages
COPY --from=build --chown=65534:65534 /app/dist ./dist
USER nobody
CMD ["node", "dist/main.js"]
`;

function writeNodeApplication(directory: string): string {
  const context = join(directory, "app");
  const packages = join(context, "packages");
  fs.mkdirSync(packages, { recursive: true });
  const locked: Record<string, object> = {};
  for (const name of ["needed", "tool"]) {
    const content = fs.readFileSync(packageTarball(directory, name));
    const file = `packages/${name}-1.0.0.tgz`;
    fs.writeFileSync(join(context, file), content);
    const integrity = `sha512-${createHash("sha512").update(content).digest("base64")}`;
    const dev = name === "tool" && { dev: true };
    locked[`node_modules/${name}`] = { version: "1.0.0", resolved: `file:${file}`, integrity, ...dev };
  }
  const manifest = {
    name: "app",
    version: "1.0.0",
    dependencies: { needed: "file:packages/needed-1.0.0.tgz" },
    devDependencies: { tool: "file:packages/tool-1.0.0.tgz" },
  };
  return write(context, {
    "package.json": JSON.stringify(manifest),
    "package-lock.json": JSON.stringify({
      name: "app",
      version: "1.0.0",
      lockfileVersion: 3,
      requires: true,
      packages: { "": manifest, ...locked },
    }),
    "src/build.js": `const fs = require("fs"); fs.mkdirSync("dist"); fs.writeFileSync("dist/main.js", ${JSON.stringify(
      'console.log(require("needed"), require("fs").readdirSync("node_modules").filter((n) => !n.startsWith(".")).join(), process.getuid());',
    )} + "//" + require("tool"));\n`,
    "node_modules/needed/index.js": "module.exports = 'from the context';\n",
    ".dockerignore": "node_modules\n",
    Dockerfile: nodeDockerfile,
  });
}

test(
  "a Node application in stages, with npm ci behind a cache mount",
  { skip: npmSkip || unlessAll, timeout: 120_000 },
  async (t) => {
    await using bench = await makeBench("project-node");
    const { varve, path } = bench;
    const tree = join(path, "tree");
    copyPrograms(tree, process.execPath);
    const npmHome = join(tree, "usr/lib/node_modules/npm");
    fs.cpSync(npmPackage, npmHome, { recursive: true, verbatimSymlinks: true });
    const links = `RUN ln -s ${process.execPath} /bin/node && ln -s /usr/lib/node_modules/npm/bin/npm-cli.js /bin/npm`;
    write(tree, {
      Dockerfile: `FROM base:1\nENV PATH=/bin:/usr/bin\nCOPY . /\nRUN mkdir -p /usr/bin && ln -s /bin/env /usr/bin/env\n${links}\n`,
      ".dockerignore": "Dockerfile\n.dockerignore\n",
    });
    await varve("build", "-q", "--network", "none", "-t", "node:1", tree);
    await buildTwice(bench, "app:1", writeNodeApplication(path));
    await runEverywhere(t, bench, "app:1", "needed is here needed 65534");
    const list = ["run", "--rm", "--network", "none", "--entrypoint", "/bin/ls", "app:1", "-a", "/root"];
    assert.deepEqual((await varve(...list)).split("\n"), [".", ".."], "the cache is in no layer");
  },
);

/** What a compiler needs that needs no library: `tcc`, or the parts of `gcc`. */
function compilerPrograms(): readonly string[] | undefined {
  const tcc = which("tcc");
  if (tcc !== undefined) return [tcc];
  const gcc = which("gcc");
  if (gcc === undefined) return undefined;
  const ask = (what: string): string =>
    execFileSync(gcc, [`-print-prog-name=${what}`], { encoding: "utf8" }).trim();
  const parts = ["cc1", "collect2", "as", "ld"].map((part) => which(ask(part)));
  const found = parts.filter((part) => part !== undefined);
  return found.length === parts.length ? [gcc, ...found] : undefined;
}

/** Of a static program without any library: writes a line, and ends. */
const sourceText = `static long call(long n, long a, long b, long c) {
  long result;
  __asm__ volatile("syscall" : "=a"(result) : "a"(n), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
  return result;
}
void _start(void) {
  static const char text[] = GREETING;
  call(1, 1, (long)text, sizeof text - 1);
  call(60, 0, 0, 0);
}
`;

const compilers = compilerPrograms();
const compilerSkip =
  runSkip ||
  unless("ldd", "tar") ||
  (process.arch === "x64" ? false : "the program is written for x86-64") ||
  (compilers === undefined ? "neither tcc nor gcc is installed" : false);

/** Installs what lies in the named context `packages`. */
const aptGet = `#!/bin/sh
mkdir -p /var/lib/apt/lists
case $1 in
update) ls /packages > /var/lib/apt/lists/all ;;
install) grep -q "^$3.tar$" /var/lib/apt/lists/all && busybox tar -xf "/packages/$3.tar" -C / ;;
esac
`;

test(
  "a compiler from apt-get, and a program that is built with it and runs alone on scratch",
  { skip: compilerSkip || unlessAll, timeout: 120_000 },
  async (t) => {
    await using bench = await makeBench("project-c");
    const { path } = bench;
    const tree = join(path, "compiler");
    copyPrograms(tree, ...(compilers ?? []));
    const [compiler = ""] = compilers ?? [];
    fs.mkdirSync(join(path, "packages"));
    execFileSync("tar", ["-cf", join(path, "packages/compiler.tar"), "-C", tree, "."]);
    const flags = compiler.includes("tcc")
      ? "-nostdlib -static"
      : "-nostdlib -static -O1 -ffreestanding -fno-use-linker-plugin -fno-stack-protector";
    const context = write(join(path, "context"), {
      "apt-get": aptGet,
      "hello.c": sourceText,
      "greeting.h": '#define GREETING "hello from scratch\\n"\n',
      Dockerfile: `FROM base:1 AS debian
COPY --chmod=755 apt-get /usr/bin/apt-get
FROM debian AS build
RUN --mount=type=bind,from=packages,target=/packages \\
    apt-get update && apt-get install -y compiler && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY *.h *.c .
RUN PATH=$PATH:/usr/bin ${compiler} ${flags} -include greeting.h -o /hello hello.c
FROM scratch
COPY --from=build /hello /hello
ENTRYPOINT ["/hello"]
`,
    });
    const packages = `packages=${join(path, "packages")}`;
    await buildTwice(bench, "hello:1", "--build-context", packages, context);
    await runEverywhere(t, bench, "hello:1", "hello from scratch");
  },
);
