/** A registry that is measured, in a process of its own. */
import { execFileSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Cgroup, makeCgroup } from "../measure/cgroup.ts";
import { watchMemory, type PeakMemory } from "../measure/memory.ts";
import { start, untilReady } from "../measure/program.ts";
import type { VarveCommand } from "../peers/varve.ts";
import { dockerRegistryBinary, freePort } from "../registry.ts";

export interface RegistryKind {
  readonly name: string;
  readonly version: string;
  /** @param config a file that both read */
  readonly serve: (config: string) => readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

/** varve's, and Debian's where it is installed. */
export function registryKinds({ command, environment }: VarveCommand): RegistryKind[] {
  const versionOf = (line: readonly string[]) =>
    execFileSync(line[0] as string, [...line.slice(1), "--version"], { encoding: "utf8" }).trim();
  const own = {
    name: "varve",
    version: versionOf(command),
    serve: (config: string) => [...command, "registry", "serve", config],
    environment,
  };
  if (!existsSync(dockerRegistryBinary)) return [own];
  const theirs = {
    name: "docker-registry",
    version: versionOf([dockerRegistryBinary]),
    serve: (config: string) => [dockerRegistryBinary, "serve", config],
    environment: {},
  };
  return [own, theirs];
}

export interface Measured extends PeakMemory {
  readonly seconds: number;
  readonly cpuSeconds: number;
}

export interface RegistryServer extends AsyncDisposable {
  readonly name: string;
  /** `http://127.0.0.1:41234` */
  readonly origin: string;
  /** From the start of its process to its first answer, in milliseconds. */
  readonly startMilliseconds: number;
  /** What it takes to answer what `act` asks. */
  measure(act: () => Promise<unknown>): Promise<Measured>;
}

export interface RegistryServerOptions {
  /** Where its blobs lie; several servers may have the same. */
  readonly root: string;
  /** For its configuration. */
  readonly work: string;
  readonly signal: AbortSignal;
}

export async function startServer(
  kind: RegistryKind,
  { root, work, signal }: RegistryServerOptions,
): Promise<RegistryServer> {
  const address = `127.0.0.1:${await freePort()}`;
  const config = join(work, `${kind.name}.yml`);
  writeFileSync(config, configOf(root, address));
  await using undo = new AsyncDisposableStack();
  const cgroup = undo.use(makeCgroup(`registry-${kind.name}`));
  const begun = performance.now();
  const daemon = undo.use(
    start(kind.serve(config), { cgroup, signal, environment: { ...kind.environment } }),
  );
  const origin = `http://${address}`;
  await untilReady(daemon, async () => (await fetch(`${origin}/v2/`)).ok, signal, 5);
  const startMilliseconds = performance.now() - begun;
  const parts = undo.move();
  return {
    name: kind.name,
    origin,
    startMilliseconds,
    measure: (act) => Promise.race([measure(daemon.pid, cgroup, act), daemon.ended]),
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

async function measure(pid: number, cgroup: Cgroup, act: () => Promise<unknown>): Promise<Measured> {
  using memory = watchMemory(pid);
  const before = cgroup.used();
  const begun = performance.now();
  await act();
  const seconds = (performance.now() - begun) / 1000;
  const after = cgroup.used();
  const cpuSeconds = after.user - before.user + after.system - before.system;
  return { seconds, cpuSeconds, ...memory.peak() };
}

/** As Debian's package configures it, without a log of each request. */
function configOf(root: string, address: string): string {
  return [
    "version: 0.1",
    "log: { level: error, accesslog: { disabled: true } }",
    `storage: { filesystem: { rootdirectory: ${JSON.stringify(root)} }, cache: { blobdescriptor: inmemory } }`,
    `http: { addr: "${address}" }`,
    "",
  ].join("\n");
}
