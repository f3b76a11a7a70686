/** The registry that all engines pull from. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import type { Cgroup } from "./measure/cgroup.ts";
import { type Daemon, start, untilReady } from "./measure/program.ts";

export interface Registry extends AsyncDisposable {
  /** `127.0.0.1:41234` */
  readonly address: string;
  readonly name: string;
  /** Aborted if it ends by itself. */
  readonly ended: AbortSignal;
}

export interface RegistryOptions {
  /** Where its content lies, perhaps from an earlier run. */
  readonly content: string;
  /** For its configuration. */
  readonly work: string;
  readonly cgroup: Cgroup;
  readonly signal: AbortSignal;
}

/** Debian's. */
export const dockerRegistryBinary = "/usr/bin/docker-registry";

/** Starts docker-registry; where it is not installed, varve's own in a process of its own. */
export async function startRegistry({ content, work, cgroup, signal }: RegistryOptions): Promise<Registry> {
  mkdirSync(content, { recursive: true });
  const address = `127.0.0.1:${await freePort()}`;
  const isDocker = existsSync(dockerRegistryBinary);
  const command = isDocker ? dockerRegistry(content, work, address) : ownRegistry(content, address);
  const daemon: Daemon = start(command, { cgroup, signal });
  await untilReady(daemon, async () => (await fetch(`http://${address}/v2/`)).ok, signal);
  const end = new AbortController();
  daemon.ended.catch((error: unknown) => end.abort(error));
  return {
    address,
    ended: end.signal,
    name: isDocker ? "docker-registry" : "varve's registry",
    [Symbol.asyncDispose]: () => daemon[Symbol.asyncDispose](),
  };
}

function dockerRegistry(content: string, work: string, address: string): string[] {
  const config = join(work, "registry.yml");
  const lines = [
    "version: 0.1",
    "log: { level: error, accesslog: { disabled: true } }",
    `storage: { filesystem: { rootdirectory: ${JSON.stringify(content)} } }`,
    `http: { addr: "${address}" }`,
  ];
  writeFileSync(config, lines.join("\n"));
  return [dockerRegistryBinary, "serve", config];
}

function ownRegistry(content: string, address: string): string[] {
  const module = JSON.stringify(join(import.meta.dirname, "../src/registry/index.ts"));
  const options = JSON.stringify({ storage: content, port: Number(address.split(":")[1]) });
  const script = `import(${module}).then(({ serveRegistry }) => serveRegistry(${options}))`;
  return [process.execPath, "--eval", script];
}

/** A port of this machine that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
