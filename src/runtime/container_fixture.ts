/** A small root filesystem and a way to run containers on it, for tests. No part of the product. */
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { PassThrough, Readable, Writable } from "node:stream";
import { writeContainerFiles } from "./container_files.ts";
import { containerHostname, containerSpec, type SpecOptions } from "./container_spec.ts";
import { findRuntime, type RuntimePrograms } from "./find_runtime.ts";
import { runForeground, type ForegroundResult, type RunForegroundOptions } from "./run_foreground.ts";

/** Why containers cannot be run here, or false. */
export const cannotRun: string | false = await whyNot();

async function whyNot(): Promise<string | false> {
  if (process.platform !== "linux") return "containers need Linux";
  if (process.getuid?.() !== 0) return "containers need root";
  if (findBusybox() === undefined) return "there is no busybox to make a root filesystem from";
  return findRuntime().then(
    () => false as const,
    (error: Error) => error.message,
  );
}

function findBusybox(): string | undefined {
  return ["/bin/busybox", "/usr/bin/busybox", "/usr/local/bin/busybox"].find((path) => existsSync(path));
}

/** What a run printed and how it ended. */
export interface RunOutcome {
  readonly result: ForegroundResult;
  readonly stdout: string;
  readonly stderr: string;
}

export type RunOverrides = Partial<SpecOptions> &
  Partial<
    Pick<RunForegroundOptions, "signal" | "onStarted" | "detachKeys" | "stdin" | "stdout" | "proxySignals">
  >;

export class ContainerFixture implements Disposable {
  readonly directory: string = mkdtempSync(join(tmpdir(), "varve-run-"));
  readonly rootfs: string = join(this.directory, "rootfs");
  readonly programs: RuntimePrograms;

  private constructor(programs: RuntimePrograms) {
    this.programs = programs;
  }

  static async create(): Promise<ContainerFixture> {
    const fixture = new ContainerFixture(await findRuntime());
    buildRootfs(fixture.rootfs);
    return fixture;
  }

  /** The spec of a container with its own /etc files. */
  async spec(
    command: readonly string[],
    options: Partial<SpecOptions> = {},
  ): Promise<SpecOptions & { id: string }> {
    const id = randomBytes(32).toString("hex");
    const network = options.network ?? "private";
    const files = await writeContainerFiles(join(this.directory, "files", id), {
      hostname: containerHostname({ id, network }),
      hostNetwork: network === "host",
    });
    return { id, rootfs: this.rootfs, image: {}, command, network, files, ...options };
  }

  bundle(id: string): string {
    return join(this.directory, "bundles", id);
  }

  /** Runs a command to its end. @param input what it reads; undefined for no stdin */
  async run(command: readonly string[], overrides: RunOverrides = {}, input?: string): Promise<RunOutcome> {
    const options = await this.spec(command, overrides);
    const [stdout, stderr] = [new Collector(), new Collector()];
    const result = await runForeground({
      programs: this.programs,
      bundle: this.bundle(options.id),
      id: options.id,
      spec: containerSpec(options),
      interactive: input !== undefined || overrides.stdin !== undefined,
      stdin:
        overrides.stdin ?? (input === undefined ? new PassThrough() : Readable.from([Buffer.from(input)])),
      stdout: overrides.stdout ?? stdout,
      stderr,
      proxySignals: overrides.proxySignals === true,
      signal: overrides.signal ?? new AbortController().signal,
      ...(overrides.onStarted === undefined ? {} : { onStarted: overrides.onStarted }),
      ...(overrides.detachKeys === undefined ? {} : { detachKeys: overrides.detachKeys }),
    });
    return { result, stdout: stdout.text, stderr: stderr.text };
  }

  /** A shell script to its end: exit code and what it printed. */
  async shell(
    script: string,
    overrides: RunOverrides = {},
    input?: string,
  ): Promise<RunOutcome & { code: number }> {
    const outcome = await this.run(["sh", "-c", script], overrides, input);
    return { ...outcome, code: outcome.result.kind === "exited" ? outcome.result.exitCode : -1 };
  }

  /** What containers have left behind: bundles, shims, cgroups, mounts. Empty when all is as it should be. */
  leftovers(): string[] {
    const bundles = join(this.directory, "bundles");
    const left = existsSync(bundles) ? readdirSync(bundles).map((name) => `bundle ${name}`) : [];
    for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name)))
      if (readProc(pid, "cmdline").includes(this.directory)) left.push(`process ${pid}`);
    if (readProc("self", "mountinfo").includes(this.directory)) left.push("mounts");
    for (const id of readdirSync(join(this.directory, "files")))
      for (const controller of ["", "memory", "pids", "systemd", "unified"])
        if (existsSync(join("/sys/fs/cgroup", controller, `varve-${id}`)))
          left.push(`cgroup ${controller}/${id}`);
    return left;
  }

  [Symbol.dispose](): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

function readProc(pid: string, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, "latin1");
  } catch {
    // The process has ended in between.
    return "";
  }
}

/** Keeps what is written to it. */
export class Collector extends Writable {
  text = "";
  readonly #waiting: { part: string; resolve: () => void }[] = [];

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString("utf8");
    for (const { part, resolve } of this.#waiting) if (this.text.includes(part)) resolve();
    done();
  }

  /** Resolves as soon as `part` has been written; rejects when `running` ends without it. */
  async seen(part: string, running: Promise<unknown>): Promise<void> {
    if (this.text.includes(part)) return;
    const seen = new Promise<void>((resolve) => void this.#waiting.push({ part, resolve }));
    const ended = running.then(() => {
      if (this.text.includes(part)) return;
      throw new Error(`it ended without ${JSON.stringify(part)}: ${JSON.stringify(this.text)}`);
    });
    await Promise.race([seen, ended]);
  }
}

function buildRootfs(rootfs: string): void {
  const busybox = findBusybox() as string;
  for (const directory of ["bin", "etc", "proc", "sys", "dev", "tmp", "root", "var/lib"])
    mkdirSync(join(rootfs, directory), { recursive: true });
  copyFileSync(busybox, join(rootfs, "bin/busybox"));
  for (const library of librariesOf(busybox)) {
    mkdirSync(join(rootfs, dirname(library)), { recursive: true });
    copyFileSync(library, join(rootfs, library));
  }
  const applets = execFileSync(busybox, ["--list"], { encoding: "utf8" }).trim().split("\n");
  for (const applet of applets) if (applet !== "busybox") symlinkSync("busybox", join(rootfs, "bin", applet));
  writeFileSync(join(rootfs, "etc/passwd"), "root:x:0:0::/root:/bin/sh\njo:x:1000:1001::/home/jo:/bin/sh\n");
  writeFileSync(join(rootfs, "etc/group"), "root:x:0:\njo:x:1001:\ntape:x:26:jo\n");
  for (const name of ["hosts", "hostname", "resolv.conf"]) writeFileSync(join(rootfs, "etc", name), "");
  writeFileSync(join(rootfs, "etc/not-executable"), "x\n", { mode: 0o644 });
}

/** Of a busybox that is linked dynamically; a static one has none, and ldd fails on it. */
function librariesOf(program: string): string[] {
  try {
    const text = execFileSync("ldd", [program], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
    return [...text.matchAll(/(\/\S+) \(0x/g)].map(([, path]) => path as string);
  } catch {
    return [];
  }
}
