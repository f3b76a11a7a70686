/** `varve daemon`: serves until SIGTERM or SIGINT. */
import { resolve } from "node:path";
import { keepHeapSmall } from "../bytes/index.ts";
import {
  type Daemon,
  checkSettings,
  driverNames,
  enterNamespace,
  notifyService,
  type DaemonSettings,
  type DriverName,
  type EngineOptions,
} from "../engine/index.ts";
import { Failure, isFailure } from "../errors.ts";
import {
  daemonSettings,
  directives,
  isDirective,
  proxyEnvironment,
  readDaemonJson,
  type DaemonJson,
  type Directive,
  type Directives,
} from "./config/index.ts";
import { parseHost, type TlsFiles } from "./listening/index.ts";
import { serveDaemon, type ServeDaemonOptions } from "./serve_daemon.ts";

interface ServerBeside extends AsyncDisposable {
  /** What is said once it serves. */
  readonly greeting: string;
}

export interface RunDaemonOptions extends EngineOptions {
  /** Where it listens unless flags or file say it. */
  readonly defaultHost: string;
  /** What flags have set, under the names that `daemon.json` has for them. */
  readonly directives: Directives;
  /** A file that must be there if the user has named it. */
  readonly configFile: { readonly path: string; readonly named: boolean };
  /** Only says whether it could start with these settings. */
  readonly validate: boolean;
  /** Serves the same engine in another way; it begins last and ends first. */
  beside?(daemon: Daemon, warn: (text: string) => void): Promise<ServerBeside>;
}

/** Returns the exit code. Says `API listen on …` when it is ready, as dockerd does. */
export async function runDaemon(options: RunDaemonOptions, say: (line: string) => void): Promise<number> {
  const config = readConfig(options);
  const settings = daemonSettings(config.directives);
  const serving = servingOptions(options, config.directives, settings);
  const proxies = proxyEnvironment(config.directives);
  await checkSettings(settings);
  const tell = teller(config.directives, say);
  if (options.validate) {
    say("configuration OK");
    return 0;
  }
  Object.assign(process.env, proxies);
  keepHeapSmall();
  await enterNamespace({ ...serving, mounts: true });
  warnOf(config, options.configFile.path, tell);
  const ended = Promise.withResolvers<void>();
  for (const name of ["SIGTERM", "SIGINT"] as const) process.once(name, () => ended.resolve());
  // A client that goes away is no reason to end.
  process.on("SIGPIPE", () => undefined);
  // Whoever asks too early must not end it.
  let reload = async (): Promise<void> => undefined;
  process.on("SIGHUP", () => void reload());
  await using running = await serveDaemon({
    ...serving,
    warn: (text) => tell("warn", text),
    onRequest: (what) => tell("debug", `Calling ${what}`),
  });
  reload = async () => {
    try {
      const now = daemonSettings(readConfig(options).directives);
      await checkSettings(now);
      running.reload(reloaded(settings, now));
      tell("info", "Reloaded configuration");
    } catch (error) {
      if (!isFailure(error)) throw error;
      tell("error", error.message);
    }
  };
  await using beside = await options.beside?.(running.daemon, (text) => tell("warn", text));
  for (const address of running.addresses) say(`API listen on ${address.replace(/^(unix|tcp):\/\//, "")}`);
  if (beside !== undefined) say(beside.greeting);
  const manager = process.env["NOTIFY_SOCKET"];
  if (manager !== undefined) notifyService(manager, "READY=1");
  await ended.promise;
  if (manager !== undefined) notifyService(manager, "STOPPING=1");
  return 0;
}

const levels = ["debug", "info", "warn", "error", "fatal"] as const;
type Level = (typeof levels)[number];
type Tell = (level: Level, text: string) => void;

/** @throws Failure("invalid") for no such level */
function teller({ debug, "log-level": level = "info" }: Directives, say: (line: string) => void): Tell {
  const least = levels.indexOf((debug === true ? "debug" : level) as Level);
  if (least < 0) throw new Failure("invalid", `unable to parse logging level: ${level}`);
  return (of, text) => {
    // A reload may ask for more; who calls with `debug` has looked.
    if (of === "debug" || levels.indexOf(of) >= least) say(of === "info" ? text : `${of}: ${text}`);
  };
}

function warnOf({ directives: given, idle }: DaemonJson, path: string, tell: Tell): void {
  for (const name of idle) tell("warn", `${path}: ${name} changes nothing here${reasonOf(name)}`);
  if (given["live-restore"] === false) tell("warn", "live-restore: containers always outlive this daemon");
}

function reasonOf(name: string): string {
  const why = isDirective(name) ? (directives[name] as Directive).why : undefined;
  return why === undefined ? "" : `: ${why}`;
}

function readConfig({ configFile: { path, named }, directives }: RunDaemonOptions): DaemonJson {
  return readDaemonJson(path, directives, { optional: !named });
}

/** What containers get that dockerd takes over without a restart, where the file says it (moby, daemon/reload_unix.go). */
const reloadable = ["Runtime", "ShmSize", "IpcMode", "CgroupnsMode"] as const;

function reloaded(before: DaemonSettings, now: DaemonSettings): DaemonSettings {
  const changed = reloadable.filter((name) => now.containers[name] !== undefined);
  const containers = Object.fromEntries(changed.map((name) => [name, now.containers[name]]));
  const { initPath, experimental } = before;
  return { ...now, initPath, experimental, containers: { ...before.containers, ...containers } };
}

function servingOptions(
  options: RunDaemonOptions,
  given: Directives,
  settings: DaemonSettings,
): Omit<ServeDaemonOptions, "warn"> {
  const { root, driver, storageOptions, remote } = options;
  const chosen = given["storage-driver"];
  if (chosen !== undefined && !isDriver(chosen)) {
    throw new Failure("invalid", `error initializing graphdriver: driver not supported: ${chosen}`, {
      hint: `There are ${driverNames.join(", ")}.`,
    });
  }
  const used = chosen ?? driver;
  const storage = given["storage-opts"] ?? storageOptions;
  const tls = given.tlsverify === true || given.tls === true ? tlsFiles(given) : undefined;
  const hosts = given.hosts ?? [options.defaultHost];
  for (const host of hosts) parseHost(host, tls !== undefined);
  return {
    root: resolve(given["data-root"] ?? root),
    hosts,
    settings,
    ...(used !== undefined && { driver: used }),
    ...(storage !== undefined && { storageOptions: storage }),
    ...(remote !== undefined && { remote }),
    ...(given.pidfile !== undefined && { pidfile: given.pidfile }),
    ...(given.group !== undefined && { group: given.group }),
    ...(tls !== undefined && { tls }),
  };
}

const isDriver = (name: string): name is DriverName => driverNames.some((known) => known === name);

function tlsFiles(given: Directives): TlsFiles {
  const { tlsverify, tlscacert, tlscert, tlskey } = given;
  return {
    verify: tlsverify === true,
    ...(tlscacert !== undefined && { ca: tlscacert }),
    ...(tlscert !== undefined && { cert: tlscert }),
    ...(tlskey !== undefined && { key: tlskey }),
  };
}
