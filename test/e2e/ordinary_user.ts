/** What the tests of varve as an ordinary user share. */
import assert from "node:assert/strict";
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, cpSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { scratch, unlessLinux, unlessRoot } from "../suites/scratch.ts";
import { bundle, unless, type Outcome } from "./support.ts";

/** nobody, on most systems; whoever runs the tests where that is not root. */
export const user = unlessRoot === false ? { uid: 65534, gid: 65534 } : {};
const checkout = join(import.meta.dirname, "../..");

/** Whether the user may mount overlayfs in a user namespace of his own. */
function tryNamespace(): string | false {
  using directory = scratch("namespace");
  chmodSync(directory.path, 0o777);
  const mount = "mount -t overlay o -o userxattr,lowerdir=l,upperdir=u,workdir=w m";
  const script = `mkdir l u w m && unshare --user --mount --map-root-user ${mount}`;
  const tried = spawnSync("sh", ["-c", script], { ...user, cwd: directory.path, encoding: "utf8" });
  return tried.status === 0 ? false : `no overlayfs in a user namespace: ${tried.stderr.trim()}`;
}

/** The reason to skip a test in which the user mounts, or false. */
export const namespaceSkip: string | false =
  unlessLinux || unless("unshare", "nsenter", "mount") || tryNamespace();

interface Installed {
  readonly node: string;
  readonly bundle: string;
}

/** Where the user can read program and bundle: as they are, or copies in `directory`. */
function installedFor(directory: string): Installed {
  const asIs = { node: process.execPath, bundle };
  const tried = spawnSync(asIs.node, [asIs.bundle, "version"], { ...user, cwd: "/" });
  if (tried.status === 0) return asIs;
  const copy = { node: join(directory, "node"), bundle: join(directory, "dist", "varve.js") };
  cpSync(process.execPath, copy.node, { dereference: true });
  cpSync(dirname(bundle), join(directory, "dist"), { recursive: true });
  for (const name of ["koffi", "@koromix"]) {
    const from = join(checkout, "node_modules", name);
    cpSync(from, join(directory, "node_modules", name), { recursive: true, force: true, dereference: true });
  }
  spawnSync("chmod", ["-R", "a+rX", directory]);
  return copy;
}

export interface HomeOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** A program and its first arguments, by which varve is run. */
  readonly before?: readonly string[];
  /** That program is started by root and becomes the user. */
  readonly asRoot?: boolean;
}

/** A home of the user's, with a root and temporary files in it. */
export class Home {
  readonly path: string;
  readonly #installed: Installed;
  readonly #options: HomeOptions;

  constructor(directory: string, options: HomeOptions = {}) {
    this.#options = options;
    this.path = join(directory, "home");
    mkdirSync(join(this.path, "tmp"), { recursive: true });
    chmodSync(directory, 0o755);
    if (user.uid !== undefined)
      for (const path of ["", "tmp"]) chownSync(join(this.path, path), user.uid, user.gid);
    this.#installed = installedFor(directory);
  }

  /** Starts varve with pipes on all three streams. */
  start(args: readonly string[]): ChildProcess {
    const { node, bundle } = this.#installed;
    const { env, before = [], asRoot = false } = this.#options;
    const [program = node, ...rest] = [...before, node, bundle, ...args];
    return spawn(program, rest, {
      ...(asRoot ? {} : user),
      cwd: this.path,
      stdio: ["pipe", "pipe", "pipe"],
      env: {
        PATH: process.env["PATH"],
        HOME: this.path,
        TMPDIR: join(this.path, "tmp"),
        VARVE_ROOT: join(this.path, "root"),
        NO_PROXY: "127.0.0.1",
        ...env,
      },
    });
  }

  async run(args: readonly string[], input?: Uint8Array): Promise<Outcome> {
    const child = this.start(args);
    child.stdin!.on("error", () => undefined).end(input ?? "");
    const ended = once(child, "close") as Promise<[number | null]>;
    const [stdout, stderr, [code]] = await Promise.all([text(child.stdout!), text(child.stderr!), ended]);
    return { code: code ?? -1, stdout, stderr };
  }

  /** Standard output without the final LF; fails unless the exit code is 0. */
  async say(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(args);
    assert.equal(code, 0, `${args.join(" ")}: ${stderr}`);
    return stdout.replace(/\n$/, "");
  }
}
