/**
 * OCI runtimes by the names that containers choose them by (`--runtime`). Those of an operator are links in
 * `ROOT/varve/runtimes`, so that every process on the root knows them. What runs arguments along is a script, as in dockerd,
 * and stays: containers run on that were started by it.
 */
import { createHash, randomUUID } from "node:crypto";
import {
  mkdirSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { Failure } from "../../errors.ts";
import { isRuntimeName, isUsualRuntime } from "./runtime_names.ts";

export interface NamedRuntime {
  /** A program, or its name in PATH. */
  readonly path: string;
  /** What it is given before all else. */
  readonly runtimeArgs?: readonly string[];
}

/**
 * What to look for; undefined: whatever the machine has.
 * @throws Failure("invalid") in Docker's words for a name that nobody has configured
 */
export function runtimeNamed(root: string, name: string): string | undefined {
  if (isUsualRuntime(name)) return undefined;
  try {
    if (isRuntimeName(name)) return readlinkSync(join(linksOf(root), name));
  } catch {
    // There is one that needs no link.
  }
  if (name === "crun") return name;
  throw new Failure("invalid", `Unknown runtime specified ${name}`, {
    hint: 'Runtimes are named by "runtimes" in daemon.json, or by --add-runtime NAME=PATH.',
  });
}

/** From now on there are these, and no others. */
export function configureRuntimes(root: string, runtimes: Readonly<Record<string, NamedRuntime>>): void {
  const links = linksOf(root);
  const named = Object.entries(runtimes);
  mkdirSync(links, { recursive: true, mode: 0o711 });
  for (const [name, runtime] of named) {
    const beside = join(links, `.${randomUUID()}`);
    symlinkSync(programOf(root, runtime), beside);
    renameSync(beside, join(links, name));
  }
  for (const name of readdirSync(links)) if (!Object.hasOwn(runtimes, name)) rmSync(join(links, name));
}

const linksOf = (root: string): string => join(root, "varve", "runtimes");

function programOf(root: string, { path, runtimeArgs = [] }: NamedRuntime): string {
  if (runtimeArgs.length === 0) return path;
  const text = `#!/bin/sh\nexec ${[path, ...runtimeArgs].map(quoted).join(" ")} "$@"\n`;
  const scripts = join(root, "varve", "runtime-scripts");
  mkdirSync(scripts, { recursive: true, mode: 0o711 });
  const script = join(scripts, createHash("sha256").update(text).digest("hex").slice(0, 32));
  const beside = `${script}.${randomUUID()}`;
  writeFileSync(beside, text, { mode: 0o700, flush: true });
  renameSync(beside, script);
  return script;
}

const quoted = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;
