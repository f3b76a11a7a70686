/** The programs that run containers, found on this machine. */
import { execFile } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import { basename, isAbsolute, join } from "node:path";
import { Failure } from "../errors.ts";

export interface RuntimePrograms {
  /** Path of containerd-shim-runc-v2. */
  readonly shim: string;
  /** Path of the OCI runtime. */
  readonly runtime: string;
  /** `runc`, `crun`, or what one that was asked for calls itself. */
  readonly name: string;
  /** As the runtime says it: "1.1.5+ds1"; empty where one that was asked for does not say it. */
  readonly version: string;
}

export interface FindRuntimeOptions {
  /** A runtime, by its name or path; default: the first of runc and crun that is there. */
  readonly runtime?: string;
  /** Directories in the order of preference; default: PATH, then those of the system administrator. */
  readonly path?: readonly string[];
}

const shimName = "containerd-shim-runc-v2";
const hint =
  "Install them: apt-get install containerd runc (Debian, Ubuntu), dnf install containerd runc (Fedora)";

/**
 * Finds shim and runtime and asks the runtime for its version.
 * @throws {Failure} `unsupported` that names every program that is missing and says how to install it
 */
export async function findRuntime(options: FindRuntimeOptions = {}): Promise<RuntimePrograms> {
  const directories = options.path ?? defaultPath();
  const wanted = wantedRuntimes(options);
  const shim = findProgram(shimName, directories);
  const runtime = firstProgram(wanted, directories);
  const missing = [...(shim ? [] : [shimName]), ...(runtime ? [] : [wanted.join(" or ")])];
  if (shim === undefined || runtime === undefined)
    throw new Failure("unsupported", `run containers: ${missing.join(" and ")} not found in PATH`, { hint });
  return { shim, runtime, ...(await versionOf(runtime, options.runtime !== undefined)) };
}

/** The path of the shim alone; its name where it is not there, for what has no need to run it. */
export function findShim(path: readonly string[] = defaultPath()): string {
  return findProgram(shimName, path) ?? shimName;
}

/**
 * Finds the runtime alone, for containers that need no shim; it is not asked for its version.
 * @returns its path @throws {Failure} `unsupported` when there is none
 */
export async function findRuntimeProgram(options: FindRuntimeOptions = {}): Promise<string> {
  const wanted = wantedRuntimes(options);
  const runtime = firstProgram(wanted, options.path ?? defaultPath());
  if (runtime !== undefined) return runtime;
  throw new Failure("unsupported", `run containers: ${wanted.join(" or ")} not found in PATH`, { hint });
}

function wantedRuntimes({ runtime }: FindRuntimeOptions): readonly string[] {
  return runtime === undefined ? ["runc", "crun"] : [runtime];
}

function firstProgram(names: readonly string[], directories: readonly string[]): string | undefined {
  return names.map((name) => findProgram(name, directories)).find((path) => path !== undefined);
}

/**
 * Finds a program that can be process 1 for `--init`: reaps orphans and passes signals on.
 * @param wanted a path, which need not be there, or a name; default: the first of those that are known
 * @throws {Failure} `unsupported`, beginning with Docker's words, when there is none
 */
export async function findInit(
  wanted?: string,
  directories: readonly string[] = defaultPath(),
): Promise<string> {
  if (wanted !== undefined && isAbsolute(wanted)) return wanted;
  // All understand `<program> -- <command>...`.
  const found = firstProgram(
    wanted === undefined ? ["docker-init", "tini-static", "catatonit"] : [wanted],
    directories,
  );
  if (found !== undefined) return found;
  const name = wanted ?? "docker-init";
  throw new Failure("unsupported", `exec: ${JSON.stringify(name)}: executable file not found in $PATH`, {
    hint: "Install one: apt-get install tini (or catatonit)",
  });
}

function defaultPath(): string[] {
  // runc lies in sbin on Debian, which an ordinary user's PATH lacks.
  return [...(process.env["PATH"] ?? "").split(":"), "/usr/local/sbin", "/usr/sbin", "/sbin"].filter(
    isAbsolute,
  );
}

function findProgram(name: string, directories: readonly string[]): string | undefined {
  const candidates = isAbsolute(name) ? [name] : directories.map((directory) => join(directory, name));
  return candidates.find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

type Version = Pick<RuntimePrograms, "name" | "version">;

/** By the file that was asked: a daemon asks once, until another program lies there. */
const versions = new Map<string, Promise<Version>>();

function versionOf(runtime: string, isChosen: boolean): Promise<Version> {
  const { ino, size, mtimeMs } = statSync(runtime);
  const key = [runtime, ino, size, mtimeMs, isChosen].join("\0");
  let version = versions.get(key);
  if (version === undefined) {
    version = isChosen ? saidVersion(runtime) : askVersion(runtime);
    versions.set(key, version);
    version.catch(() => versions.delete(key));
  }
  return version;
}

/** Of a runtime that an operator has chosen: whatever it is, it is taken. */
async function saidVersion(runtime: string): Promise<Version> {
  const output = await outputOf(runtime).catch(() => "");
  const [, name = basename(runtime), version = ""] = /^(\S+) version (\S+)/.exec(output) ?? [];
  return { name, version };
}

/** Both print `<name> version <version>` in the first line. */
async function askVersion(runtime: string): Promise<Version> {
  const output = await outputOf(runtime);
  const [, name, version] = /^(runc|crun) version (\S+)/.exec(output) ?? [];
  if ((name !== "runc" && name !== "crun") || version === undefined)
    throw new Failure(
      "unsupported",
      `${runtime} --version: neither runc nor crun, it says ${JSON.stringify(output)}`,
    );
  return { name, version };
}

function outputOf(runtime: string): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(runtime, ["--version"], (error, stdout) => {
      if (error === null) resolve(stdout);
      else
        reject(new Failure("unsupported", `${runtime} --version: ${error.message}`, { hint, cause: error }));
    });
  });
}
