/**
 * Command lines by pflag's rules, which are Docker's (spf13/pflag, flag.go, `parseLongArg`, `parseSingleShortArg`):
 *
 *     --name value   --name=value   --switch   --switch=false
 *     -n value   -nvalue   -n=value   -abc (switches)   -abn value   -ab=false (sets b)
 *     --             ends the flags;   -   is a positional argument
 *
 * A switch never takes the next word. The last of several values wins, except for lists and maps.
 */
import type { Flag, Flags } from "./command.ts";
import { suggest } from "./suggest.ts";
import { parseBytes } from "./units.ts";

export interface ParsedFlags {
  readonly values: Record<string, unknown>;
  readonly given: ReadonlySet<string>;
  readonly positional: readonly string[];
  /** `--help`, or `-h` where no flag has that letter; parsing stops there. */
  readonly help: boolean;
}

export interface ParseOptions {
  readonly stopAtFirst?: boolean;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** What pflag would return as error; the caller adds the usage. */
export class FlagError extends Error {
  override readonly name = "FlagError";
}

/** Sorts words into flags and positional arguments. Throws {@link FlagError} in pflag's words. */
export function parseFlags(table: Flags, words: readonly string[], options: ParseOptions = {}): ParsedFlags {
  const parser = new Parser(table);
  const positional: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i] as string;
    if (word === "--") {
      positional.push(...words.slice(i + 1));
      break;
    }
    if (!word.startsWith("-") || word === "-") {
      positional.push(...(options.stopAtFirst ? words.slice(i) : [word]));
      if (options.stopAtFirst) break;
      continue;
    }
    const next = words[i + 1];
    const took = word.startsWith("--") ? parser.long(word, next) : parser.shorts(word.slice(1), next);
    if (took === "help") return { ...parser, positional, help: true };
    if (took) i++;
  }
  parser.complete(options.env ?? {});
  return { values: parser.values, given: parser.given, positional, help: false };
}

/** The flags set so far. Its methods tell whether they took the next word too. */
class Parser {
  readonly values: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  readonly given = new Set<string>();
  readonly #table: Flags;

  constructor(table: Flags) {
    this.#table = table;
    for (const [name, flag] of Object.entries(table)) this.values[name] = initialValue(flag);
  }

  long(word: string, next: string | undefined): boolean | "help" {
    const body = word.slice(2);
    if (body === "" || body.startsWith("-") || body.startsWith("=")) {
      throw new FlagError(`bad flag syntax: ${word}`);
    }
    const equals = body.indexOf("=");
    const name = equals < 0 ? body : body.slice(0, equals);
    const flag = Object.hasOwn(this.#table, name) ? this.#table[name] : undefined;
    if (flag === undefined) {
      if (name === "help") return "help";
      throw new FlagError(`unknown flag: --${name}${meant(name, Object.keys(this.#table))}`);
    }
    if (equals >= 0) this.#set(name, flag, body.slice(equals + 1));
    else if (flag.kind === "boolean") this.#set(name, flag, "true");
    else if (flag.kind === "string" && flag.bare !== undefined) this.#set(name, flag, flag.bare);
    else if (next === undefined) throw new FlagError(`flag needs an argument: --${name}`);
    else {
      this.#set(name, flag, next);
      return true;
    }
    return false;
  }

  shorts(letters: string, next: string | undefined): boolean | "help" {
    for (let rest = letters; rest !== ""; rest = rest.slice(1)) {
      const letter = rest[0] as string;
      const found = Object.entries(this.#table).find(([, flag]) => flag.short === letter);
      if (found === undefined) {
        if (letter === "h") return "help";
        throw new FlagError(`unknown shorthand flag: '${letter}' in -${rest}`);
      }
      const [name, flag] = found;
      if (rest.length > 2 && rest[1] === "=") {
        this.#set(name, flag, rest.slice(2));
        return false;
      }
      if (flag.kind === "boolean") {
        this.#set(name, flag, "true");
        continue;
      }
      if (rest.length > 1) {
        this.#set(name, flag, rest.slice(1));
        return false;
      }
      if (next === undefined) throw new FlagError(`flag needs an argument: '${letter}' in -${rest}`);
      this.#set(name, flag, next);
      return true;
    }
    return false;
  }

  /** Environment, then required flags. */
  complete(env: Readonly<Record<string, string | undefined>>): void {
    const missing: string[] = [];
    for (const [name, flag] of Object.entries(this.#table)) {
      const fromEnv = flag.env ? env[flag.env] : undefined;
      if (!this.given.has(name) && fromEnv) this.#set(name, flag, fromEnv, `$${flag.env}`);
      if ("required" in flag && flag.required && !this.given.has(name)) missing.push(`"${name}"`);
    }
    if (missing.length > 0) throw new FlagError(`required flag(s) ${missing.join(", ")} not set`);
  }

  #set(name: string, flag: Flag, text: string, from?: string): void {
    if (flag.refused !== undefined) throw new FlagError(`--${name} is not supported: ${flag.refused}`);
    try {
      this.values[name] = convert(flag, text, this.values[name]);
    } catch (cause) {
      const shown = flag.short === undefined ? `--${name}` : `-${flag.short}, --${name}`;
      const where = from === undefined ? `"${shown}" flag` : from;
      throw new FlagError(
        `invalid argument ${JSON.stringify(text)} for ${where}: ${(cause as Error).message}`,
        {
          cause,
        },
      );
    }
    this.given.add(name);
  }
}

function initialValue(flag: Flag): unknown {
  switch (flag.kind) {
    case "boolean":
      return flag.default ?? false;
    case "list":
      return [];
    case "map":
      return new Map<string, string>();
    case "string":
    case "number":
    case "bytes":
      return flag.default;
  }
}

function convert(flag: Flag, text: string, before: unknown): unknown {
  switch (flag.kind) {
    case "boolean":
      return parseBoolean(text);
    case "string":
      if (flag.values !== undefined && !flag.values.includes(text)) {
        throw new Error(`must be one of ${flag.values.join(", ")}`);
      }
      return text;
    case "number":
      return parseNumber(text, flag.integer === true);
    case "bytes":
      return parseBytes(text);
    case "list":
      return [...(before as string[]), text];
    case "map": {
      const equals = text.indexOf("=");
      const key = equals < 0 ? text : text.slice(0, equals);
      if (key === "") throw new Error("invalid key=value: the key is empty");
      return new Map(before as Map<string, string>).set(key, equals < 0 ? "" : text.slice(equals + 1));
    }
  }
}

/** Go's strconv.ParseBool. Throws an Error in its words. */
export function parseBoolean(text: string): boolean {
  if (/^(1|t|T|TRUE|true|True)$/.test(text)) return true;
  if (/^(0|f|F|FALSE|false|False)$/.test(text)) return false;
  throw new Error(`strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`);
}

function parseNumber(text: string, integer: boolean): number {
  const number = Number(text);
  const wellFormed = (integer ? /^[+-]?\d+$/ : /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i).test(text);
  if (wellFormed && (integer ? Number.isSafeInteger(number) : Number.isFinite(number))) return number;
  const reason = wellFormed ? "value out of range" : "invalid syntax";
  throw new Error(
    `strconv.${integer ? "ParseInt" : "ParseFloat"}: parsing ${JSON.stringify(text)}: ${reason}`,
  );
}

function meant(name: string, known: string[]): string {
  const near = suggest(name, known);
  return near === undefined ? "" : `\n\nDid you mean --${near}?`;
}
