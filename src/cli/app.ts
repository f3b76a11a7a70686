/** What every command is handed, and how all of them print. */
import type { Readable } from "node:stream";
import type { WriteStream } from "node:tty";
import type { Engine, EngineOptions } from "../engine/index.ts";
import type { CriProgram } from "./cri_program.ts";
import type { DaemonProgram } from "./daemon_program.ts";
import type { RegistryProgram } from "./registry_program.ts";
import { commandsFor, renderList, type ListLayout, type Row } from "./kit/index.ts";

export interface App {
  /** Opens the root at first use: `--help` and `completion` never touch it. */
  engine(): Promise<Engine>;
  /** The registry server: loaded by the commands that run it. */
  registry(): Promise<RegistryProgram>;
  /** The Engine API's server: loaded by the command that runs it. */
  daemon(): Promise<DaemonProgram>;
  /** The server for Kubernetes: loaded by the command that runs it. */
  cri(): Promise<CriProgram>;
  /** What {@link engine} opens. */
  readonly engineOptions: EngineOptions;
  /** Names of the global flags that were given. */
  readonly givenGlobals: ReadonlySet<string>;
  /** Not root, or root of a namespace of his own only. */
  readonly ordinaryUser: boolean;
  /** `--host` or `VARVE_HOST`: the daemon to talk to. */
  readonly host: string | undefined;
  /** Whether the user has named a root: then what can be done without a daemon is done without. */
  readonly rootGiven: boolean;
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: WriteStream;
  readonly stderr: WriteStream;
  /** `--json`: machine-readable output instead of text. */
  readonly json: boolean;
}

/** Makes a command of this program; `run` sees its flags typed by the table. */
export const command = commandsFor<App>();

/** Prints one line. */
export function line(app: App, text: string): void {
  app.stdout.write(`${text}\n`);
}

/** Prints JSON for programs, or the lines for people. */
export function result(app: App, value: unknown, lines: readonly string[]): void {
  if (app.json) line(app, JSON.stringify(value, null, 2));
  else for (const text of lines) line(app, text);
}

/** Flags that every listing has. */
export const listFlags = {
  format: {
    kind: "string",
    type: "string",
    help: "Format output with a Go template, 'table TEMPLATE' or 'json'",
  },
  "no-trunc": { kind: "boolean", help: "Don't truncate output" },
  quiet: { kind: "boolean", short: "q", help: "Only show IDs" },
} as const;

/** Prints a list as the flags ask. */
export function list(
  app: App,
  rows: readonly Row[],
  layout: ListLayout,
  flags: { readonly format?: string | undefined; readonly quiet?: boolean },
): void {
  const { format, quiet = false } = flags;
  app.stdout.write(renderList(rows, layout, { format, quiet, json: app.json }));
}
