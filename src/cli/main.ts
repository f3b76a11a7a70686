/** From the command line to the exit code. */
import { resolve } from "node:path";
import { homedir } from "node:os";
import {
  arriveInNamespace,
  enterNamespace,
  mountFreeDriver,
  openEngine,
  type Arrival,
  type Engine,
  type EngineOptions,
} from "../engine/index.ts";
import type { App } from "./app.ts";
import type { CriProgram } from "./cri_program.ts";
import type { DaemonProgram } from "./daemon_program.ts";
import { exitOnBrokenPipe, reportFailure, runProgram, type Command, type CommandCall } from "./kit/index.ts";
import { program } from "./program.ts";
import type { RegistryProgram } from "./registry_program.ts";

type Globals = Readonly<Record<string, unknown>>;

let arrival: Arrival | undefined;

/** What this folder may not import, and the program has all the same. */
export interface Parts {
  registry(): Promise<RegistryProgram>;
  daemon(): Promise<DaemonProgram>;
  cri(): Promise<CriProgram>;
}

/** Runs one command line (without node and script). Never throws. */
export async function main(words: readonly string[], parts: Parts): Promise<number> {
  exitOnBrokenPipe(process.stdout);
  exitOnBrokenPipe(process.stderr);
  try {
    arrival = arriveInNamespace();
  } catch (error) {
    return reportFailure(error, process.stderr);
  }
  return runProgram(program, words, {
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    open: async (globals, _signal, command, call) => {
      const { storeless = false } = command;
      if (typeof storeless === "function" ? storeless(call) : storeless)
        return appOf(engineOptions(globals), globals, parts);
      const placed = { ...globals, root: await rootFor(globals, command) };
      const options = await outsideOptions(placed, command, call);
      if (options !== undefined) return appOf(options, globals, parts);
      // Here, because the program begins anew, and has read nothing of its input yet.
      await enterNamespace({ ...engineOptions(placed), mounts: command.mounts === true });
      return appOf(engineOptions(placed), globals, parts);
    },
    names: async (kind, globals, command) => {
      const { namesOfDaemon, namesOfRoot } = await import("./completion_names.ts");
      const url = namedDaemon(globals, command);
      if (url === undefined) return namesOfRoot(kind, engineOptions(globals));
      const { EngineClient, parseEngineAddress } = await import("./engine_client/index.ts");
      return namesOfDaemon(kind, await EngineClient.connect(parseEngineAddress(url, process.env)));
    },
  });
}

/** Where a command works: on the root that the user names, or that of the daemon that he names. */
async function rootFor(globals: Globals, command: Command<App>): Promise<unknown> {
  const root = globals["root"] as string | undefined;
  const url = namedDaemon(globals, command);
  if (url === undefined || command.daemon === "asked") return root;
  const { rootOfDaemon } = await import("./root_of_daemon.ts");
  return rootOfDaemon({ url, root, command: command.name });
}

/** The daemon that the user means for this command; undefined: none, or whichever is at the usual place. */
function namedDaemon(globals: Globals, command: Command<App> | undefined): string | undefined {
  const host = globals["host"] as string | undefined;
  if (host !== undefined || globals["root"] !== undefined || command?.daemon === undefined) return host;
  return process.env["DOCKER_HOST"] || undefined;
}

/** For a call that mounts nothing, on a root that can do without; undefined: it needs the namespace, or is in it. */
async function outsideOptions(
  globals: Globals,
  command: Command<App>,
  call: CommandCall<App>,
): Promise<EngineOptions | undefined> {
  if (command.mountsNothing === undefined) return undefined;
  const options = engineOptions(globals);
  const driver = mountFreeDriver(options.root, options.driver);
  if (driver === undefined || !(await command.mountsNothing(call))) return undefined;
  return { ...options, driver };
}

function appOf(options: EngineOptions, globals: Globals, parts: Parts): App & AsyncDisposable {
  let engine: Promise<Engine> | undefined;
  let stdin: App["stdin"] | undefined;
  return {
    engine: () => (engine ??= openEngine(options)),
    registry: () => parts.registry(),
    daemon: () => parts.daemon(),
    cri: () => parts.cri(),
    engineOptions: options,
    host: globals["host"] as string | undefined,
    rootGiven: globals["root"] !== undefined,
    givenGlobals: new Set(Object.keys(globals).filter((name) => globals[name] !== undefined)),
    ordinaryUser: arrival !== undefined || process.getuid?.() !== 0,
    get stdin() {
      return (stdin ??= process.stdin);
    },
    stdout: process.stdout,
    stderr: process.stderr,
    json: globals["json"] === true,
    // A pipe that its writer keeps open would keep this process, too, when a command stops reading half-way.
    [Symbol.asyncDispose]: async () => void stdin?.destroy(),
  };
}

function engineOptions(globals: Globals): EngineOptions {
  const root = resolve((globals["root"] as string | undefined) ?? defaultRoot());
  const driver = globals["driver"] as EngineOptions["driver"];
  const storageOptions = globals["storage-opt"] as EngineOptions["storageOptions"];
  return {
    root,
    ...(driver !== undefined && { driver }),
    ...(storageOptions !== undefined && { storageOptions }),
  };
}

/** Root has the machine's store; everybody else has one of their own, also where he is root in his namespace. */
function defaultRoot(): string {
  if (arrival !== undefined) return arrival.root;
  if (process.getuid?.() === 0) return "/var/lib/varve";
  return resolve(process.env["XDG_DATA_HOME"] ?? resolve(homedir(), ".local/share"), "varve");
}
