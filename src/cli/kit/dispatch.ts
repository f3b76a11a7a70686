/** From the words of a command line to the command that they call. */
import type { Command, Flags, Program } from "./command.ts";
import { FlagError, parseFlags, type ParsedFlags } from "./flags.ts";
import { commandHelp, groupHelp, rootHelp, usageLine } from "./help.ts";
import { suggest } from "./suggest.ts";
import { UsageError } from "./usage_error.ts";

export type Dispatched<App> =
  | {
      readonly kind: "run";
      readonly command: Command<App>;
      readonly flags: Record<string, unknown>;
      readonly given: ReadonlySet<string>;
      readonly args: readonly string[];
      /** Values of the program's global flags. */
      readonly globals: Record<string, unknown>;
    }
  /** Text for standard output; exit code 0. */
  | { readonly kind: "help"; readonly text: string };

export interface DispatchOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Columns of the terminal, for help. */
  readonly width?: number;
}

/**
 * Finds the command and parses its flags. Global flags may stand before the command or among its own flags.
 * Throws {@link UsageError} with the text and exit code of Docker's CLI.
 */
export function dispatch<App>(
  program: Program<App>,
  words: readonly string[],
  options: DispatchOptions = {},
): Dispatched<App> {
  const rootFlags: Flags = {
    ...program.globals,
    version: { kind: "boolean", short: "v", help: "Print version information and quit" },
  };
  const root = atRoot(program, () => parseFlags(rootFlags, words, { stopAtFirst: true, ...options }));
  if (root.values["version"] === true) return { kind: "help", text: `${program.version}\n` };
  if (root.help || root.positional.length === 0) {
    return { kind: "help", text: rootHelp(program as Program<never>, options.width) };
  }
  if (root.positional[0] === "help") return helpOn(program, root.positional.slice(1), options);
  const found = findCommand(program, root.positional);
  if ("group" in found) return { kind: "help", text: groupHelp(program as Program<never>, found.group) };
  return withFlags(program, found.command, found.rest, root, options);
}

/** `varve help run` is `varve run --help`, as in Docker. */
function helpOn<App>(
  program: Program<App>,
  words: readonly string[],
  { width }: DispatchOptions,
): Dispatched<App> {
  const plain = program as Program<never>;
  if (words.length === 0) return { kind: "help", text: rootHelp(plain, width) };
  const found = findCommand(program, words);
  if ("group" in found) return { kind: "help", text: groupHelp(plain, found.group) };
  return { kind: "help", text: commandHelp(plain, found.command as Command<never>, width) };
}

function withFlags<App>(
  program: Program<App>,
  command: Command<App>,
  words: readonly string[],
  root: ParsedFlags,
  options: DispatchOptions,
): Dispatched<App> {
  const usage = usageLine(program as Program<never>, command as Command<never>);
  const path = `${program.name} ${command.name}`;
  const parsed = explained(path, usage, () =>
    parseFlags(tableOf(program, command), words, {
      stopAtFirst: command.stopAtFirst ?? false,
      ...(options.env === undefined ? {} : { env: options.env }),
    }),
  );
  if (parsed.help) {
    return {
      kind: "help",
      text: commandHelp(program as Program<never>, command as Command<never>, options.width),
    };
  }
  checkExclusive(command, parsed.given, path, usage);
  checkCount(program.name, command, parsed.positional.length, path, usage);
  const globals = { ...root.values };
  for (const name of Object.keys(program.globals)) {
    if (parsed.given.has(name) && !Object.hasOwn(command.flags, name)) globals[name] = parsed.values[name];
  }
  return {
    kind: "run",
    command,
    flags: parsed.values,
    given: parsed.given,
    args: parsed.positional,
    globals,
  };
}

/** The command's own flags come first: a letter that a global flag has too is theirs. */
function tableOf<App>({ globals }: Program<App>, { flags }: Command<App>): Flags {
  return { ...flags, ...withoutEnv(globals), ...flags };
}

/** Global flags for the second look, behind the command: the environment was read in the first. */
function withoutEnv(flags: Flags): Flags {
  return Object.fromEntries(
    Object.entries(flags).map(([name, flag]) => [name, flag.env === undefined ? flag : { ...flag, env: "" }]),
  );
}

/** The command with the longest path that the words begin with, or the group that they name. */
export function findCommand<App>(
  program: Program<App>,
  words: readonly string[],
): { readonly command: Command<App>; readonly rest: readonly string[] } | { readonly group: string } {
  for (let length = Math.min(3, words.length); length > 0; length--) {
    const key = words.slice(0, length).join(" ");
    const command = program.commands.find(
      ({ name, aliases }) => name === key || aliases?.some((path) => path.join(" ") === key),
    );
    if (command !== undefined) return { command, rest: words.slice(length) };
  }
  const [first = "", second] = words;
  const isGroup = Object.hasOwn(program.groups, first);
  if (isGroup && (second === undefined || second === "--help" || second === "-h")) return { group: first };
  throw unknownCommand(program, isGroup ? [first, second as string] : [first]);
}

function unknownCommand<App>(program: Program<App>, words: readonly string[]): UsageError {
  const parent = [program.name, ...words.slice(0, -1)].join(" ");
  const wrong = words.at(-1) as string;
  const siblings = program.commands.flatMap(({ path, hidden }) =>
    hidden !== true && path.length >= words.length && path[0] === (words.length > 1 ? words[0] : path[0])
      ? [path[words.length - 1] as string]
      : [],
  );
  const near = suggest(wrong, [...siblings, ...(words.length > 1 ? [] : Object.keys(program.groups))]);
  const message = `${program.name}: unknown command: ${program.name} ${words.join(" ")}`;
  const usage = words.length > 1 ? `\n\nUsage:  ${parent} COMMAND` : "";
  const meant = near === undefined ? "" : `\n\nDid you mean '${parent} ${near}'?`;
  return new UsageError(
    message,
    `${message}${usage}${meant}\n\nRun '${parent} --help' for more information`,
    1,
  );
}

function atRoot<App>(program: Program<App>, parse: () => ParsedFlags): ParsedFlags {
  return explained(program.name, `${program.name} [OPTIONS] COMMAND`, parse);
}

/** Adds the usage to pflag's error, as Docker's FlagErrorFunc does. */
function explained(path: string, usage: string, parse: () => ParsedFlags): ParsedFlags {
  try {
    return parse();
  } catch (error) {
    if (error instanceof FlagError) throw flagError(error.message, path, usage);
    throw error;
  }
}

function flagError(message: string, path: string, usage: string): UsageError {
  return new UsageError(
    message,
    `${message}\n\nUsage:  ${usage}\n\nRun '${path} --help' for more information`,
    125,
  );
}

function checkExclusive(
  { exclusive = [] }: Pick<Command, "exclusive">,
  given: ReadonlySet<string>,
  path: string,
  usage: string,
): void {
  for (const group of exclusive) {
    const both = group.filter((name) => given.has(name)).map((name) => `--${name}`);
    if (both.length > 1) throw flagError(`conflicting options: ${both.join(" and ")}`, path, usage);
  }
}

/** Docker's cli/required.go, word for word. */
function checkCount(
  name: string,
  { args }: Pick<Command, "args">,
  count: number,
  path: string,
  usage: string,
): void {
  const { min, max = Infinity } = args;
  if (count >= min && count <= max) return;
  const plural = (n: number): string => `${n} argument${n === 1 ? "" : "s"}`;
  const wanted =
    max === 0
      ? "accepts no arguments"
      : min === max
        ? `requires ${plural(min)}`
        : max === Infinity
          ? `requires at least ${plural(min)}`
          : min === 0
            ? `requires at most ${plural(max)}`
            : `requires at least ${min} and at most ${plural(max)}`;
  const message = `${name}: '${path}' ${wanted}`;
  const text = `${message}\n\nUsage:  ${usage}\n\nRun '${path} --help' for more information`;
  throw new UsageError(message, text, 1);
}
