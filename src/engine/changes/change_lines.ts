/**
 * The text of `--change` flags to instructions, as Docker's Dockerfile parser takes it apart (moby 20.10 with buildkit's
 * frontend/dockerfile/parser).
 */
import { Failure } from "../../errors.ts";

export interface ChangeLine {
  /** Upper case. */
  readonly word: string;
  /** `--name=value` in front of the rest. */
  readonly flags: ReadonlyMap<string, string>;
  /** Trimmed. */
  readonly rest: string;
}

/**
 * Joins the flags by line feeds, drops comments and blank lines, and continues lines that end in a backslash, also from
 * one flag into the next. Throws `Failure("invalid")` when nothing is left.
 */
export function changeLines(changes: readonly string[]): ChangeLine[] {
  const lines: string[] = [];
  let begun: string | undefined;
  for (const line of changes.join("\n").split("\n")) {
    const shown = begun === undefined ? line.trimStart() : line;
    if (/^\s*#/.test(shown) || shown.trim() === "") continue;
    const continued = /\\[ \t]*$/.exec(shown);
    const text = (begun ?? "") + (continued === null ? shown : shown.slice(0, continued.index));
    begun = continued === null ? undefined : text;
    if (begun === undefined) lines.push(text);
  }
  if (begun !== undefined) lines.push(begun);
  if (lines.length === 0) throw new Failure("invalid", "file with no instructions");
  return lines.map(parseLine);
}

function parseLine(line: string): ChangeLine {
  const [, word = "", all = ""] = /^(\S+)\s*([\s\S]*)$/.exec(line.trim()) ?? [];
  const flags = new Map<string, string>();
  let rest = all;
  for (let found = nextFlag(rest); found !== null; found = nextFlag(rest)) {
    flags.set(found[1] as string, found[2] ?? "");
    rest = rest.slice(found[0].length);
  }
  return { word: word.toUpperCase(), flags, rest };
}

function nextFlag(text: string): RegExpExecArray | null {
  return /^--([^\s=]+)(?:=(\S*))?(?:\s+|$)/.exec(text);
}
