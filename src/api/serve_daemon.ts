/** The daemon as a program: opens the root, listens, serves until it is told to end. */
import type { Server } from "node:http";
import type { TlsOptions } from "node:tls";
import {
  openDaemon,
  version,
  type Daemon,
  type DaemonOptions,
  type DaemonSettings,
} from "../engine/index.ts";
import { allRoutes } from "./groups/index.ts";
import { createApiServer } from "./http/index.ts";
import {
  activatedSockets,
  closeServer,
  forgetActivation,
  listen,
  listenOn,
  parseHost,
  readTls,
  writePidfile,
  type Host,
  type ListenSettings,
  type TlsFiles,
} from "./listening/index.ts";

export interface ServeDaemonOptions extends DaemonOptions {
  /** `unix:///path`, `tcp://127.0.0.1:2375` or `fd://`. */
  readonly hosts: readonly string[];
  /** File that holds the process ID while it runs. */
  readonly pidfile?: string;
  /** Who may use the socket: a group by name or number; default: nobody but its owner. */
  readonly group?: string;
  /** TLS for what is no unix socket. */
  readonly tls?: TlsFiles;
  /** Told of each request while `settings.debug` holds. */
  readonly onRequest?: (what: string) => void;
}

export interface RunningDaemon extends AsyncDisposable {
  readonly daemon: Daemon;
  /** Where it listens, as `hosts`; a port of 0 has become the one that was given. */
  readonly addresses: readonly string[];
  /** Goes on by other settings, and says so to those who listen to events. */
  reload(settings: DaemonSettings): void;
}

/**
 * Resolves when all hosts accept connections. Disposing leaves containers running.
 * @throws Failure where a host cannot be listened on, or another daemon has the root or the pidfile
 */
export async function serveDaemon(options: ServeDaemonOptions): Promise<RunningDaemon> {
  const tls = options.tls === undefined ? undefined : readTls(options.tls);
  const hosts = options.hosts.map((host) => parseHost(host, tls !== undefined));
  await using undo = new AsyncDisposableStack();
  if (options.pidfile !== undefined) undo.use(writePidfile(options.pidfile));
  const daemon = undo.use(await openDaemon(options));
  const makeServer = serverMaker(daemon, options);
  const settings = { group: options.group, verified: options.tls?.verify === true };
  const addresses: string[] = [];
  for (const host of hosts) {
    for (const opened of await open(host, makeServer, tls, settings)) {
      undo.defer(opened.close);
      addresses.push(opened.address);
    }
  }
  forgetActivation(process.env);
  const parts = undo.move();
  return {
    daemon,
    addresses,
    reload: (changed) => reload(daemon, changed),
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

type MakeServer = (tls: TlsOptions | undefined) => Server;

function serverMaker(daemon: Daemon, { warn, onRequest }: ServeDaemonOptions): MakeServer {
  const onError = (error: unknown, where: string): void =>
    warn(`${where}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  const routes = allRoutes(daemon);
  const tell = (what: string): void => void (daemon.settings.debug && onRequest?.(what));
  const told = { version, experimental: daemon.settings.experimental === true, onError, onRequest: tell };
  return (tls) => createApiServer({ routes, ...told, ...(tls !== undefined && { tls }) });
}

interface Opened {
  readonly address: string;
  readonly close: () => Promise<void>;
}

/** @returns what listens; nothing stays open when it fails */
async function open(
  host: Host,
  makeServer: MakeServer,
  tls: TlsOptions | undefined,
  settings: ListenSettings,
): Promise<Opened[]> {
  if (host.kind !== "activated") {
    const server = makeServer(host.kind === "unix" ? undefined : tls);
    const close = closeServer(server);
    return [{ close, address: await listen(server, host, settings) }];
  }
  const activation = { pid: process.pid, environment: process.env };
  return Promise.all(
    activatedSockets(host.name, activation).map(async ({ fd, unix }) => {
      const server = makeServer(unix ? undefined : tls);
      const close = closeServer(server);
      return { close, address: await listenOn(server, fd, settings) };
    }),
  );
}

/** moby, daemon/reload.go. */
function reload(daemon: Daemon, settings: DaemonSettings): void {
  daemon.configure(settings);
  daemon.events.tell("daemon", "reload", daemon.id, {
    debug: String(settings.debug),
    labels: JSON.stringify(settings.labels),
    "live-restore": "true",
    ...(settings.registryMirrors !== undefined && {
      "registry-mirrors": JSON.stringify(settings.registryMirrors),
    }),
    ...(settings.insecureRegistries !== undefined && {
      "insecure-registries": JSON.stringify(settings.insecureRegistries),
    }),
  });
}
