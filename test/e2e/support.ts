/** What the tests of the bundled CLI share: varve as a program, strangers beside it, images to try them on. */
import assert from "node:assert/strict";
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { delimiter, join } from "node:path";
import { createInterface } from "node:readline";
import { pipeline } from "node:stream";
import { text } from "node:stream/consumers";
import * as sys from "../../src/sys/index.ts";
import { dockerdSkip } from "../suites/dockerd.ts";
import { overlaySkip } from "../suites/overlay_skip.ts";
import { scratch, unlessRoot } from "../suites/scratch.ts";

const checkout = join(import.meta.dirname, "../..");

/** The bundle: `VARVE_BUNDLE`, or the checkout's, which `./varve` makes anew when a source is newer. */
export const bundle = ((): string => {
  if (process.env["VARVE_BUNDLE"] !== undefined) return process.env["VARVE_BUNDLE"];
  execFileSync(join(checkout, "varve"), ["version"]);
  return join(checkout, "dist/varve.js");
})();

/** How a program ended and what it said. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string | Uint8Array;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** A program with fixed first arguments. */
export interface Program {
  /** Runs it to its end, whatever that is. */
  run(args: readonly string[], options?: RunOptions): Promise<Outcome>;
  /** Standard output without the final LF. Throws unless the exit code is 0. */
  (...args: string[]): Promise<string>;
  /** Starts it with pipes on all three streams. */
  start(args: readonly string[], options?: RunOptions): ChildProcess;
}

function programOf(path: string, first: readonly string[], env: Readonly<Record<string, string>>): Program {
  const start: Program["start"] = (args, options = {}) =>
    spawn(path, [...first, ...args], {
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...process.env, ...env, ...options.env },
      ...(options.cwd !== undefined && { cwd: options.cwd }),
    });
  const run: Program["run"] = async (args, options = {}) => {
    const child = start(args, options);
    // A program that ends without reading its input is not this side's failure.
    child.stdin?.on("error", () => undefined).end(options.input ?? "");
    const ended = once(child, "close") as Promise<[number | null, NodeJS.Signals | null]>;
    const [stdout, stderr, [code]] = await Promise.all([text(child.stdout!), text(child.stderr!), ended]);
    return { code: code ?? -1, stdout, stderr };
  };
  const call = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await run(args);
    assert.equal(code, 0, `${[path, ...first, ...args].join(" ")}: ${stderr}`);
    return stdout.replace(/\n$/, "");
  };
  return Object.assign(call, { run, start });
}

/** Nothing of this machine's settings takes part. */
const isolated = { DOCKER_CONFIG: "/nonexistent-varve-test", NO_PROXY: "127.0.0.1", no_proxy: "127.0.0.1" };

/** What an empty root gets unless a test says otherwise: most of them look at what dockerd would see, too. */
const usualDriver = process.env["VARVE_TEST_DRIVER"] ?? "overlay2";

/** The bundled varve on a root of its own. Without a driver it takes the one that the root holds, or the usual one. */
export function varveOn(root: string, driver?: "overlay2" | "erofs" | "vfs"): Program {
  const chosen = driver ?? (fs.existsSync(join(root, "image")) ? undefined : usualDriver);
  const globals = ["--root", root, ...(chosen === undefined ? [] : ["--driver", chosen])];
  return programOf(process.execPath, [bundle, ...globals], isolated);
}

/** The docker CLI of the daemon that `startDockerd(directory, ...)` started; builds are those of its classic builder. */
export function dockerOn(directory: string): Program {
  return programOf("docker", ["-H", `unix://${directory}/s`], { ...isolated, DOCKER_BUILDKIT: "0" });
}

/** Any other program on the PATH. */
export function program(name: string, ...first: string[]): Program {
  return programOf(name, first, isolated);
}

/** The reason to skip a test that needs these programs, or false. */
export function unless(...programs: string[]): string | false {
  const path = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/sbin"];
  const missing = programs.find((name) => !path.some((folder) => fs.existsSync(join(folder, name))));
  return missing === undefined ? false : `${missing} is not installed`;
}

/** Reasons to skip tests that run containers, and tests beside dockerd. */
export const runSkip: string | false =
  unlessRoot || overlaySkip || unless("busybox", "tar", "runc", "containerd-shim-runc-v2");
export const besideDockerdSkip: string | false = runSkip || dockerdSkip;

export interface Registry extends AsyncDisposable {
  /** `127.0.0.1:port`. */
  readonly address: string;
  /** Forgets the requests so far. */
  forget(): void;
  /** `METHOD path` of each request since {@link forget}, oldest first. */
  requests(): string[];
}

/** The distribution project's registry on a free port, data below `directory`. */
export async function startRegistry(directory: string): Promise<Registry> {
  const config = join(directory, "registry.yml");
  const storage = `storage:\n  filesystem:\n    rootdirectory: ${join(directory, "registry")}\n`;
  fs.writeFileSync(config, `version: 0.1\n${storage}http:\n  addr: 127.0.0.1:0\n`);
  const child = spawn("docker-registry", ["serve", config], { stdio: ["ignore", "pipe", "pipe"] });
  const listening = Promise.withResolvers<string>();
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on("line", (line) => {
      const address = /listening on (127\.0\.0\.1:\d+)/.exec(line)?.[1];
      if (address !== undefined) listening.resolve(address);
    });
  }
  const closed = once(child, "close");
  void closed.then(() => listening.reject(new Error("docker-registry ended")));
  let requests: string[] = [];
  const recorder = await recordingProxy(await listening.promise, (request) => requests.push(request));
  return {
    address: recorder.address,
    forget: () => void (requests = []),
    requests: () => [...requests],
    [Symbol.asyncDispose]: async () => {
      await recorder[Symbol.asyncDispose]();
      child.kill();
      await closed;
    },
  };
}

/**
 * Passes requests on and says what they are before they are answered. (The registry's own log says it some time after
 * the client has its answer.)
 */
async function recordingProxy(
  upstream: string,
  record: (request: string) => void,
): Promise<AsyncDisposable & { readonly address: string }> {
  const [host, port] = upstream.split(":");
  const server = createServer((incoming, answer) => {
    const { method = "", url = "", headers } = incoming;
    record(`${method} ${url}`);
    const outgoing = request({ host, port, method, path: url, headers }, (response) => {
      answer.writeHead(response.statusCode ?? 502, response.headers);
      pipeline(response, answer, () => undefined);
    });
    outgoing.on("error", () => answer.destroy());
    pipeline(incoming, outgoing, () => undefined);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** What makes one base image differ from another, as distributions do. */
export interface BaseOptions {
  readonly id: string;
}

/**
 * A root filesystem of busybox with a fake apt-get and one of everything that a layer can hold: hard links, symlinks,
 * devices, FIFOs, odd and long names, owners, modes, attributes, nanosecond times, a sparse file. As a tar.
 */
export function makeBase(directory: string, { id }: BaseOptions): string {
  const root = join(directory, id);
  for (const path of ["bin", "dev", "etc", "proc", "root", "sys", "tmp", "usr/bin", "var/lib/apt", "odd"])
    fs.mkdirSync(join(root, path), { recursive: true });
  fs.chmodSync(join(root, "tmp"), 0o1777);
  const busybox = execFileSync("sh", ["-c", "command -v busybox"], { encoding: "utf8" }).trim();
  fs.copyFileSync(busybox, join(root, "bin/busybox"));
  const tools =
    "sh cat ls echo mkdir touch rm rmdir mv cp ln chmod chown head sleep find stat uname true false kill";
  for (const tool of `${tools} id env pwd sync tail grep dd readlink`.split(" "))
    fs.linkSync(join(root, "bin/busybox"), join(root, "bin", tool));
  fs.writeFileSync(join(root, "etc/profile"), "PATH=/bin:/usr/bin\n");
  fs.writeFileSync(
    join(root, "etc/passwd"),
    "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n",
  );
  fs.writeFileSync(join(root, "etc/os-release"), `ID=${id}\n`);
  fs.writeFileSync(join(root, "usr/bin/apt-get"), fakeApt, { mode: 0o755 });
  addOddities(join(root, "odd"));
  const tar = join(directory, `${id}.tar`);
  const attributes = ["--format=pax", "--xattrs", "--xattrs-include=*", "--numeric-owner"];
  execFileSync("tar", [...attributes, "-cf", tar, "-C", root, "."]);
  return tar;
}

const fakeApt = `#!/bin/sh
echo "$@" >> /var/lib/apt/log
if [ "$1" = install ]; then echo "#!/bin/sh" > /usr/bin/$3; chmod 755 /usr/bin/$3; head -c 100000 /dev/zero > /usr/$3.data; fi
`;

function addOddities(odd: string): void {
  const at = (name: string): string => join(odd, name);
  fs.writeFileSync(at("setuid"), "s", { mode: 0o755 });
  fs.chmodSync(at("setuid"), 0o4755);
  fs.writeFileSync(at("owned"), "o");
  fs.chownSync(at("owned"), 1234, 3_000_000);
  fs.writeFileSync(at(`${"long".repeat(45)}-é`), "long");
  fs.writeFileSync(Buffer.concat([Buffer.from(`${odd}/`), Buffer.from([0xff, 0xfe])]), "not UTF-8");
  fs.symlinkSync("../etc/passwd", at("symlink"));
  fs.symlinkSync("/nonexistent", at("dangling"));
  fs.writeFileSync(at("one"), "linked");
  fs.linkSync(at("one"), at("two"));
  fs.writeFileSync(at("attributes"), "a");
  sys.setXattrAt(sys.AT_FDCWD, at("attributes"), "user.note", Buffer.from([1, 0, 255]));
  // cap_net_raw+ep, revision 2 (linux/capability.h).
  const capability = Buffer.from("0100000200200000000000000000000000000000", "hex");
  sys.setXattrAt(sys.AT_FDCWD, at("attributes"), "security.capability", capability);
  execFileSync("mknod", [at("null"), "c", "1", "3"]);
  execFileSync("mkfifo", [at("fifo")]);
  fs.mkdirSync(at("empty"), { mode: 0o711 });
  fs.writeFileSync(at("sparse"), "end");
  fs.truncateSync(at("sparse"), 300_000);
  execFileSync("touch", ["-d", "2020-01-02 03:04:05.123456789Z", at("one"), at("empty")]);
}

/** A root of varve's with the image `base:1`; its containers are ended and all of it removed with the scope. */
export interface Bench extends AsyncDisposable {
  /** For what else a test writes; `base/` and `base.tar` are the image's tree. */
  readonly path: string;
  readonly root: string;
  readonly varve: Program;
}

export async function makeBench(name: string): Promise<Bench> {
  const directory = scratch(name);
  const root = join(directory.path, "root");
  const varve = varveOn(root);
  await varve("import", "-c", 'CMD ["sh"]', makeBase(directory.path, { id: "base" }), "base:1");
  return {
    path: directory.path,
    root,
    varve,
    [Symbol.asyncDispose]: async () => {
      // A test that failed may have left one running: its mounts would outlive the directory.
      const { stdout } = await varve.run(["ps", "-aq"]);
      if (stdout !== "") await varve.run(["rm", "-f", ...stdout.trimEnd().split("\n")]);
      directory[Symbol.dispose]();
    },
  };
}

/** The two example Dockerfiles of behaviours.md, sections 4, in `<directory>/A` and `<directory>/B`. */
export function writeExamples(directory: string, base: string): void {
  const [a, b] = [join(directory, "A"), join(directory, "B")];
  for (const path of [a, b]) fs.mkdirSync(path);
  const install =
    "RUN apt-get update -y && \\\n    apt-get install -y emacs\nRUN apt-get install -y apache2\n";
  fs.writeFileSync(
    join(a, "Dockerfile"),
    `FROM ${base}\nMAINTAINER Jo <jo@x>\n${install}CMD ["/bin/bash"]\n`,
  );
  const copy = (n: number): string => `COPY layer${n} /data/layer\n`;
  fs.writeFileSync(
    join(b, "Dockerfile"),
    `FROM ${base}\nRUN mkdir -p /data/layer\nWORKDIR /data/layer\n${copy(1)}${copy(2)}RUN touch /data/layer/layer1\n` +
      `${copy(3)}RUN echo 'echo "hello"' >> /etc/profile\n`,
  );
  for (const n of [1, 2, 3]) fs.writeFileSync(join(b, `layer${n}`), `${n}\n`);
}

/**
 * Asserts that `ours` prints what `theirs` prints, after `edit`. Ages such as `3 seconds ago` may tick between two
 * runs: the peer is asked before and after, and an answer between two equal ones must equal them to the letter. Where
 * the machine is too slow for that, all but the ages must.
 */
export async function assertSame(
  ours: Program,
  theirs: Program,
  args: readonly string[],
  edit: (printed: string) => string = (printed) => printed,
): Promise<void> {
  const ask = async (from: Program): Promise<Outcome> => {
    const outcome = await from.run(args);
    return { ...outcome, stdout: edit(outcome.stdout) };
  };
  let before = await ask(theirs);
  for (let attempt = 0; attempt < 4; attempt++) {
    const mine = await ask(ours);
    const after = await ask(theirs);
    if (before.stdout === after.stdout) return assert.deepEqual(mine, after, args.join(" "));
    if (attempt === 3) assert.equal(withoutAges(mine.stdout), withoutAges(after.stdout), args.join(" "));
    before = after;
  }
}

/** Ages decide how wide their column is, so blanks go too. */
const withoutAges = (printed: string): string =>
  printed
    .replace(/(?:\d+|Less than a|About an?) (?:second|minute|hour)s?(?: ago)?/g, "AGE")
    .replace(/ {2,}/g, "  ");

/** For {@link assertSame} of lists whose order Docker leaves open among equals: images of one second. */
export const sortLines = (printed: string): string => printed.split("\n").sort().join("\n");

/** Parses what a command printed. */
export function json<T = Record<string, unknown>[]>(printed: string): T {
  return JSON.parse(printed) as T;
}
