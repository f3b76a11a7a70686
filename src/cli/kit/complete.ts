/**
 * Completion of command lines. The shells' scripts (`completion_script.ts`) call the hidden `__complete` with the words
 * up to the cursor, the last one unfinished; the answer is one candidate a line, `word TAB description`, and `:files` or
 * `:directories` on a line of its own where the shell shall add those.
 */
import type { Command, CompletionKind, Flag, Flags, Program } from "./command.ts";

export interface Candidate {
  readonly word: string;
  readonly text: string;
}

export interface Completions {
  readonly candidates: readonly Candidate[];
  readonly paths?: "files" | "directories";
}

type NameKind = Exclude<CompletionKind, "file" | "directory" | "none">;

/** Names for the arguments of `command`. */
type Names<App> = (
  kind: NameKind,
  globals: Readonly<Record<string, unknown>>,
  command: Command<App> | undefined,
) => Promise<readonly string[]>;

/** Candidates for the last of `words`. Never throws. `names` supplies images, containers and the like. */
export async function completeWords<App>(
  program: Program<App>,
  words: readonly string[],
  names?: Names<App>,
  env: Readonly<Record<string, string | undefined>> = {},
): Promise<Completions> {
  const partial = words.at(-1) ?? "";
  const line = readLine(program, words.slice(0, -1), env);
  const equals = partial.startsWith("--") ? partial.indexOf("=") : -1;
  if (equals > 0 && !line.flagsEnded) {
    const flag = line.flags[partial.slice(2, equals)];
    const found = flag && (await valuesOf(flag, partial.slice(equals + 1), { ...line, words, names }));
    return found === undefined ? { candidates: [] } : prefixed(found, partial.slice(0, equals + 1));
  }
  if (line.pending !== undefined) return valuesOf(line.pending, partial, { ...line, words, names });
  if (partial.startsWith("-") && !line.flagsEnded) return { candidates: flagCandidates(line.flags, partial) };
  if (line.command === undefined) return { candidates: commandCandidates(program, line.path, partial) };
  const { complete = "none", args } = line.command;
  if (args.max !== undefined && line.positional >= args.max) return { candidates: [] };
  const kind = typeof complete === "function" ? complete(line.positional) : complete;
  return byKind(kind, partial, { ...line, words, names });
}

/** The lines that `__complete` prints. */
export function completionText({ candidates, paths }: Completions): string {
  const lines = candidates.map(({ word, text }) => (text === "" ? word : `${word}\t${text}`));
  if (paths !== undefined) lines.push(`:${paths}`);
  return lines.map((line) => `${line}\n`).join("");
}

interface Line<App> {
  readonly command: Command<App> | undefined;
  /** Words of an unfinished command path, such as `system`. */
  readonly path: readonly string[];
  readonly flags: Flags;
  readonly globals: Record<string, unknown>;
  readonly positional: number;
  /** The flag whose value the next word is. */
  readonly pending: Flag | undefined;
  readonly flagsEnded: boolean;
}

/** Reads the finished words leniently: a wrong word must not stop completion. */
function readLine<App>(
  program: Program<App>,
  words: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Line<App> {
  const globals: Record<string, unknown> = {};
  for (const [name, flag] of Object.entries(program.globals)) {
    globals[name] = (flag.env ? env[flag.env] : undefined) || ("default" in flag ? flag.default : undefined);
  }
  let command: Command<App> | undefined;
  let path: string[] = [];
  let flags = program.globals;
  let pending: string | undefined;
  let positional = 0;
  let flagsEnded = false;
  for (const word of words) {
    if (pending !== undefined) {
      if (Object.hasOwn(globals, pending)) globals[pending] = word;
      pending = undefined;
    } else if (!flagsEnded && word === "--") flagsEnded = true;
    else if (!flagsEnded && word.length > 1 && word.startsWith("-")) {
      const [name, value] = flagOf(flags, word);
      if (name === undefined) continue;
      if (value === undefined && takesNext(flags[name])) pending = name;
      else if (Object.hasOwn(globals, name)) globals[name] = value;
    } else if (command === undefined) {
      path = [...path, word];
      const name = path.join(" ");
      command = program.commands.find(
        (one) => one.name === name || one.aliases?.some((alias) => alias.join(" ") === name),
      );
      if (command !== undefined) flags = { ...program.globals, ...command.flags };
    } else {
      positional++;
      if (command.stopAtFirst === true) flagsEnded = true;
    }
  }
  const pendingFlag = pending === undefined ? undefined : flags[pending];
  return { command, path, flags, globals, positional, pending: pendingFlag, flagsEnded };
}

/** [name of the flag that a word sets, its value if the word holds it]. */
function flagOf(flags: Flags, word: string): [string | undefined, string?] {
  if (word.startsWith("--")) {
    const [name = "", ...value] = word.slice(2).split("=");
    if (!Object.hasOwn(flags, name)) return [undefined];
    return value.length === 0 ? [name] : [name, value.join("=")];
  }
  for (let i = 1; i < word.length; i++) {
    const name = Object.keys(flags).find((key) => flags[key]?.short === word[i]);
    if (name === undefined) return [undefined];
    const rest = word.slice(i + 1);
    if (flags[name]?.kind !== "boolean") return rest === "" ? [name] : [name, rest.replace(/^=/, "")];
  }
  return [undefined];
}

function flagCandidates(flags: Flags, partial: string): Candidate[] {
  const candidates: Candidate[] = [];
  for (const [name, { short, help, hidden }] of Object.entries(flags)) {
    if (hidden === true) continue;
    const text = help.split("\n")[0] ?? "";
    if (`--${name}`.startsWith(partial)) candidates.push({ word: `--${name}`, text });
    if (short !== undefined && `-${short}`.startsWith(partial) && partial !== "--") {
      candidates.push({ word: `-${short}`, text });
    }
  }
  return candidates;
}

function commandCandidates<App>(
  program: Program<App>,
  path: readonly string[],
  partial: string,
): Candidate[] {
  const found = new Map<string, string>();
  for (const command of program.commands) {
    if (command.hidden === true) continue;
    for (const words of [command.path, ...(command.aliases ?? [])]) {
      const word = words[path.length];
      if (word === undefined || !word.startsWith(partial)) continue;
      if (path.some((part, i) => part !== words[i])) continue;
      const last = words.length === path.length + 1;
      found.set(word, last ? command.summary : (program.groups[word]?.summary ?? ""));
    }
  }
  return [...found].map(([word, text]) => ({ word, text }));
}

/** Whether a flag without `=` has its value in the next word. */
function takesNext(flag: Flag | undefined): boolean {
  if (flag?.kind === "string") return flag.bare === undefined;
  return flag?.kind !== "boolean";
}

interface Asked<App> {
  /** The whole line, the last word unfinished. */
  readonly words: readonly string[];
  readonly globals: Readonly<Record<string, unknown>>;
  readonly names: Names<App> | undefined;
  readonly command: Command<App> | undefined;
}

async function valuesOf<App>(flag: Flag, partial: string, asked: Asked<App>): Promise<Completions> {
  const values =
    flag.kind === "boolean" ? ["true", "false"] : flag.kind === "string" ? flag.values : undefined;
  if (values !== undefined) return startingWith(partial, values);
  if (flag.candidates === undefined) return byKind(flag.complete ?? "none", partial, asked);
  try {
    return startingWith(partial, await flag.candidates(asked.words.slice(0, -1)));
  } catch {
    // As with names of the store.
    return { candidates: [] };
  }
}

function startingWith(partial: string, found: readonly string[]): Completions {
  return { candidates: found.filter((word) => word.startsWith(partial)).map((word) => ({ word, text: "" })) };
}

async function byKind<App>(
  kind: CompletionKind,
  partial: string,
  { globals, command, names }: Asked<App>,
): Promise<Completions> {
  switch (kind) {
    case "none":
      return { candidates: [] };
    case "file":
      return { candidates: [], paths: "files" };
    case "directory":
      return { candidates: [], paths: "directories" };
    default: {
      let found: readonly string[] = [];
      try {
        found = (await names?.(kind, globals, command)) ?? [];
      } catch {
        // An unreadable store offers no names; an error text would land in the user's command line.
      }
      return startingWith(partial, found);
    }
  }
}

function prefixed({ candidates, paths }: Completions, prefix: string): Completions {
  return {
    candidates: candidates.map(({ word, text }) => ({ word: prefix + word, text })),
    ...(paths === undefined ? {} : { paths }),
  };
}
