/** A complaint as a person sees it. */
import { Failure } from "../errors.ts";
import type { LocatedComplaint } from "./statement_place.ts";
import { positionOf } from "./statement_place.ts";

/**
 * In Docker's words: `dockerfile parse error line 2: unknown instruction: BOGUS`. The hint shows the place:
 *
 *     Dockerfile:2:1
 *     2 | BOGUS x
 *       | ^^^^^ did you mean RUN?
 *
 * Without `file` (`--change`, triggers) neither says where.
 */
export function parseFailure(error: LocatedComplaint, lines: readonly string[], file?: string): Failure {
  const { complaint, place, text } = error;
  const position = positionOf(place, complaint.at, lines);
  const length = complaint.length ?? /^\S*/.exec(text.slice(complaint.at))?.[0].length ?? 0;
  const shown = excerpt(lines[position.line - 1] ?? "", position.column - 1, length);
  const margin = `${position.line}`;
  const blank = " ".repeat(margin.length);
  const meant = complaint.guess === undefined ? "" : ` did you mean ${complaint.guess}?`;
  const hint = [
    ...(file === undefined ? [] : [`${file}:${position.line}:${position.column}`]),
    `${margin} | ${shown.line}`,
    `${blank} | ${" ".repeat(shown.at)}${"^".repeat(shown.length)}${meant}`,
  ];
  return new Failure("invalid", printable(prefix(error, file) + complaint.message), {
    hint: hint.join("\n"),
    // Of a trigger the place is none in a file.
    ...(file !== undefined && { cause: error }),
  });
}

function prefix({ complaint, place }: LocatedComplaint, file: string | undefined): string {
  if (file === undefined || complaint.phase === "file") return "";
  return complaint.phase === "syntax"
    ? `failed to parse ${file}: `
    : `dockerfile parse error line ${place.startLine + 1}: `;
}

const widest = 120;

/** The part of a line around what is wrong, which a terminal can show. */
function excerpt(line: string, at: number, length: number): { line: string; at: number; length: number } {
  const characters = [...printable(line)];
  const start = Math.max(0, Math.min(at - widest / 2, characters.length - widest));
  const part = characters.slice(start, start + widest);
  const room = Math.max(1, part.length - (at - start));
  return { line: part.join(""), at: at - start, length: Math.max(1, Math.min(length, room)) };
}

/** Control characters could command the terminal. */
function printable(text: string): string {
  return text.replaceAll("\t", " ").replace(/\p{Cc}/gu, "\uFFFD");
}
