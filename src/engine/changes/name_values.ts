/** `name=value …` and the old `name value` of ENV and LABEL (buildkit, frontend/dockerfile/parser/line_parsers.go). */
import { Failure } from "../../errors.ts";

/** The pairs, quotes and variables still in them. Throws `Failure("invalid")` in Docker's words. */
export function nameValues(rest: string, instruction: string): [name: string, value: string][] {
  const words = quotedWords(rest);
  const [first] = words;
  if (first === undefined) throw new Failure("invalid", `${instruction} requires at least one argument`);
  const pairs = first.includes("=") ? words.map(splitPair) : [oldPair(rest, instruction)];
  if (pairs.some(([name]) => name === ""))
    throw new Failure("invalid", `${instruction} names can not be blank`);
  return pairs;
}

function splitPair(word: string): [string, string] {
  const equals = word.indexOf("=");
  if (equals >= 0) return [word.slice(0, equals), word.slice(equals + 1)];
  throw new Failure(
    "invalid",
    `Syntax error - can't find = in ${JSON.stringify(word)}. Must be of the form: name=value`,
  );
}

function oldPair(rest: string, instruction: string): [string, string] {
  const [, name, value] = /^(\S*)\s+([\s\S]*)$/.exec(rest) ?? [];
  if (name === undefined || value === undefined)
    throw new Failure("invalid", `${instruction} must have two arguments`);
  return [name, value];
}

/** Words at blanks that are neither quoted nor escaped; quotes and backslashes stay. An open quote goes to the end. */
function quotedWords(text: string): string[] {
  return text.match(/(?:\\[\s\S]|\\$|"(?:\\[\s\S]|[^"\\])*(?:"|\\?$)|'[^']*(?:'|$)|[^\s\\"'])+/g) ?? [];
}
