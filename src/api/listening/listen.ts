/** Opens the sockets on which an API server is reached. */
import { chmodSync, chownSync, lstatSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { createConnection, isIP, type ListenOptions, type Server } from "node:net";
import { dirname } from "node:path";
import { Failure } from "../../errors.ts";
import type { Host } from "./parse_host.ts";

export interface ListenSettings {
  /** Who may use a unix socket beside its owner: a group's name or number. */
  readonly group: string | undefined;
  /** Whether only clients with a certificate get in. */
  readonly verified: boolean;
}

/**
 * @returns where it listens, as `unix:///path` or `tcp://host:port`
 * @throws Failure("denied") for TCP that others could reach without a certificate; "conflict" where a daemon answers
 *   already; "not-found" for no such group
 */
export async function listen(
  server: Server,
  host: Exclude<Host, { kind: "activated" }>,
  settings: ListenSettings,
): Promise<string> {
  if (host.kind === "unix") return listenUnix(server, host.path, settings.group);
  const { name, port } = host;
  if (!settings.verified && !isLoopback(name)) {
    throw new Failure(
      "denied",
      `listen on tcp://${name}:${port}: without TLS anybody who can reach it is root here`,
      {
        hint: "Give --tlsverify with certificates, or an address of the loopback.",
      },
    );
  }
  await started(server, { host: name, port });
  const bound = server.address();
  const shown = isIP(name) === 6 ? `[${name}]` : name;
  return `tcp://${shown}:${typeof bound === "object" ? bound?.port : port}`;
}

/**
 * Takes a socket that listens already.
 * @throws Failure("denied") for one of TCP that others could reach without a certificate
 */
export async function listenOn(server: Server, fd: number, { verified }: ListenSettings): Promise<string> {
  await started(server, { fd });
  const bound = server.address();
  if (typeof bound !== "object" || bound === null) return `fd://${fd}`;
  const where = `tcp://${isIP(bound.address) === 6 ? `[${bound.address}]` : bound.address}:${bound.port}`;
  if (verified || isLoopback(bound.address)) return where;
  server.close();
  throw new Failure("denied", `listen on ${where}: without TLS anybody who can reach it is root here`);
}

const isLoopback = (name: string): boolean =>
  name === "localhost" || name === "::1" || (isIP(name) === 4 && name.startsWith("127."));

async function listenUnix(server: Server, path: string, group: string | undefined): Promise<string> {
  const owner = group === undefined ? undefined : groupId(group);
  mkdirSync(dirname(path), { recursive: true });
  await removeStale(path);
  // Made for its owner alone, so that nobody gets in before the group is set.
  const umask = process.umask(0o177);
  const ready = started(server, { path });
  // It is bound by now; other files are made meanwhile.
  process.umask(umask);
  await ready;
  if (owner !== undefined) {
    chownSync(path, -1, owner);
    chmodSync(path, 0o660);
  }
  return `unix://${path}`;
}

/** Node's `fd` is missing in its types. */
type Where = ListenOptions | { readonly fd: number };

function started(server: Server, where: Where): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(where as ListenOptions, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

/** A socket that nobody answers on is what a kill has left. */
async function removeStale(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) {
    throw new Failure("conflict", `listen on ${path}: it exists, and is no socket`);
  }
  const used = await new Promise<boolean>((resolve) => {
    const connection = createConnection(path, () => {
      connection.destroy();
      resolve(true);
    });
    connection.once("error", () => resolve(false));
  });
  if (used) {
    throw new Failure("conflict", `listen on ${path}: a daemon answers there already`, {
      hint: "Stop it, or give another --host.",
    });
  }
  rmSync(path, { force: true });
}

function groupId(group: string): number {
  const line = readFileSync("/etc/group", "utf8")
    .split("\n")
    .find((each) => each.startsWith(`${group}:`));
  const id = line?.split(":")[2] ?? (/^\d{1,9}$/.test(group) ? group : undefined);
  if (id === undefined) throw new Failure("not-found", `group ${group} not found`);
  return Number(id);
}
