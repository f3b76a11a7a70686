/** The daemon as a program: opens the root, listens, serves until it is told to end. */
import { chmodSync, chownSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createConnection } from "node:net";
import type { Server } from "node:http";
import { Failure } from "../errors.ts";
import { openDaemon, version, type Daemon, type DaemonOptions } from "../engine/index.ts";
import { allRoutes } from "./groups/index.ts";
import { createApiServer } from "./http/index.ts";

export interface ServeDaemonOptions extends DaemonOptions {
  /** `unix:///path` or `tcp://127.0.0.1:2375`. */
  readonly hosts: readonly string[];
  /** File that holds the process ID while it runs. */
  readonly pidfile?: string;
  /** Who may use the socket: a group by name; default: nobody but its owner. */
  readonly group?: string;
}

export interface RunningDaemon extends AsyncDisposable {
  readonly daemon: Daemon;
  /** Where it listens, as `hosts`; a port of 0 has become the one that was given. */
  readonly addresses: readonly string[];
}

/** Resolves when all hosts accept connections. Disposing leaves containers running. */
export async function serveDaemon(options: ServeDaemonOptions): Promise<RunningDaemon> {
  await using undo = new AsyncDisposableStack();
  const daemon = undo.use(await openDaemon(options));
  if (options.pidfile !== undefined) {
    const { pidfile } = options;
    writeFileSync(pidfile, String(process.pid));
    undo.defer(() => rmSync(pidfile, { force: true }));
  }
  const onError = (error: unknown, where: string): void =>
    options.warn(`${where}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  const routes = allRoutes(daemon);
  const addresses: string[] = [];
  for (const host of options.hosts) {
    const server = createApiServer({ routes, version, onError });
    undo.defer(() => close(server));
    addresses.push(await listen(server, host, options.group));
  }
  const parts = undo.move();
  return { daemon, addresses, [Symbol.asyncDispose]: () => parts.disposeAsync() };
}

async function listen(server: Server, host: string, group: string | undefined): Promise<string> {
  const unix = /^unix:\/\/(\/.+)$/.exec(host)?.[1];
  if (unix !== undefined) {
    await removeStaleSocket(unix);
    await started(server, { path: unix });
    chmodSync(unix, group === undefined ? 0o600 : 0o660);
    if (group !== undefined) chownSync(unix, 0, groupId(group));
    return host;
  }
  const [, name, port] = /^tcp:\/\/(\[?[\w.:-]+?\]?):(\d+)$/.exec(host) ?? [];
  if (name === undefined || port === undefined) {
    throw new Failure("invalid", `unable to parse docker host ${host}`, {
      hint: "give unix:///path/to.sock or tcp://127.0.0.1:2375",
    });
  }
  const address = name.replace(/^\[|\]$/g, "");
  if (!/^(127\.|::1$|localhost$)/.test(address)) {
    throw new Failure("denied", `listen on ${host}: without TLS anybody who can reach it is root here`, {
      hint: "Give --tlsverify with certificates, or an address of the loopback.",
    });
  }
  await started(server, { host: address, port: Number(port) });
  const bound = server.address();
  return `tcp://${name}:${typeof bound === "object" ? bound?.port : port}`;
}

function started(server: Server, where: { path: string } | { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(where, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

/** A socket that nobody answers on is what a kill has left. */
async function removeStaleSocket(path: string): Promise<void> {
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

function groupId(name: string): number {
  const line = readFileSync("/etc/group", "utf8")
    .split("\n")
    .find((each) => each.startsWith(`${name}:`));
  const id = line?.split(":")[2];
  if (id === undefined) throw new Failure("not-found", `group ${name} not found`);
  return Number(id);
}

/** Connections that wait for something are cut. */
function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
