/** Where the characters of a statement stand in its file. */
import type { Complaint } from "./complaint.ts";
import type { Position, Span } from "./types.ts";

export interface StatementPlace {
  /** What was joined, in order. `at`: offset in the text; `line` and `column` count from 0, in code units. */
  readonly pieces: readonly { readonly at: number; readonly line: number; readonly column: number }[];
  /** From 0. Where Docker says that the statement begins: a lone escape before the word belongs to it. */
  readonly startLine: number;
  readonly endLine: number;
}

/** The place in the file of an offset in the statement's text. */
export function positionOf(place: StatementPlace, at: number, lines: readonly string[]): Position {
  const piece = place.pieces.findLast((each) => each.at <= at) ?? place.pieces[0];
  if (piece === undefined) return { line: place.startLine + 1, column: 1 };
  const before = (lines[piece.line] ?? "").slice(0, piece.column + at - piece.at);
  return { line: piece.line + 1, column: [...before].length + 1 };
}

export function spanOf(place: StatementPlace, lines: readonly string[]): Span {
  const last = lines[place.endLine] ?? "";
  return {
    start: positionOf(place, 0, lines),
    end: { line: place.endLine + 1, column: [...last].length + 1 },
  };
}

/** A complaint with its statement. */
export class LocatedComplaint extends Error {
  readonly complaint: Complaint;
  readonly place: StatementPlace;
  readonly text: string;

  constructor(complaint: Complaint, place: StatementPlace, text: string) {
    super(complaint.message);
    this.complaint = complaint;
    this.place = place;
    this.text = text;
  }
}
