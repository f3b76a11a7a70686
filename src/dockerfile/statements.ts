/**
 * A file to statements: one instruction each, continued lines joined, here-documents taken (buildkit,
 * frontend/dockerfile/parser/parser.go, `Parse`).
 */
import { countBlanks, trimBlanksAtEnd } from "./blanks.ts";
import { Complaint } from "./complaint.ts";
import { readDirective, type Directives } from "./directives.ts";
import { hereDocumentMarks, type HereDocumentMark } from "./here_documents.ts";
import { jsonWords } from "./json_words.ts";
import type { SourceLine } from "./source_lines.ts";
import { splitStatement } from "./split_statement.ts";
import { LocatedComplaint, type StatementPlace } from "./statement_place.ts";
import type { Comment, HereDocument } from "./types.ts";

export interface Statement {
  /** Joined and trimmed. */
  readonly text: string;
  /** Blanks behind it. */
  readonly trailing: string;
  readonly place: StatementPlace;
  readonly hereDocuments: readonly HereDocument[];
  /** Their lines as written, without the feed of the last: for triggers. */
  readonly documentLines: string;
  /** Numbers of the blank lines inside it. */
  readonly blankLines: readonly number[];
}

export interface Statements {
  readonly statements: readonly Statement[];
  readonly comments: readonly Comment[];
  readonly directives: Readonly<Directives>;
  readonly escape: "\\" | "`";
}

/** Throws {@link LocatedComplaint}. `escape` is used where the file itself names none. */
export function readStatements(lines: readonly SourceLine[], escape: "\\" | "`"): Statements {
  return new Reader(lines, escape).run();
}

class Reader {
  readonly #lines: readonly SourceLine[];
  readonly #statements: Statement[] = [];
  readonly #comments: Comment[] = [];
  readonly #directives: Directives = {};
  #escape: "\\" | "`";
  /** Index of the next line. */
  #next = 0;

  constructor(lines: readonly SourceLine[], escape: "\\" | "`") {
    this.#lines = lines;
    this.#escape = escape;
  }

  run(): Statements {
    while (this.#directive());
    while (this.#next < this.#lines.length) {
      const line = this.#text();
      if (this.#comment(line)) continue;
      const indent = countBlanks(line);
      if (indent === line.length) this.#next++;
      else this.#statements.push(this.#statement(indent));
    }
    return {
      statements: this.#statements,
      comments: this.#comments,
      directives: this.#directives,
      escape: this.#escape,
    };
  }

  #directive(): boolean {
    const line = this.#lines[this.#next]?.text ?? "";
    const indent = countBlanks(line);
    const pieces = [{ at: 0, line: this.#next, column: indent }];
    const found = located({ pieces, startLine: this.#next, endLine: this.#next }, line, () =>
      readDirective(line.slice(indent), this.#directives),
    );
    this.#escape = this.#directives.escape ?? this.#escape;
    if (found) this.#next++;
    return found;
  }

  #statement(indent: number): Statement {
    const startLine = this.#next;
    const pieces: { at: number; line: number; column: number }[] = [];
    const blankLines: number[] = [];
    let [joined, open] = ["", true];
    for (; open && this.#next < this.#lines.length;) {
      const line = this.#text();
      if (pieces.length > 0 && this.#comment(line)) continue;
      if (pieces.length > 0 && countBlanks(line) === line.length) blankLines.push(this.#next + 1);
      else {
        const column = pieces.length === 0 ? indent : 0;
        pieces.push({ at: joined.length, line: this.#next, column });
        const continued = this.#continued(line.slice(column));
        joined += continued ?? line.slice(column);
        open = continued !== undefined;
      }
      this.#next++;
    }
    const blanks = countBlanks(joined);
    const text = trimBlanksAtEnd(joined.slice(blanks));
    const shifted = pieces.map((piece) => ({ ...piece, at: piece.at - blanks }));
    const soFar: StatementPlace = { pieces: shifted, startLine, endLine: this.#next - 1 };
    const hereDocuments = located(soFar, text, () => this.#hereDocuments(text));
    const documentLines = this.#written(soFar.endLine + 1);
    const place = { ...soFar, endLine: this.#next - 1 };
    const trailing = joined.slice(blanks + text.length);
    return { text, trailing, place, hereDocuments, documentLines, blankLines };
  }

  /** The line without the escape at its end, which an escape before it makes plain. */
  #continued(line: string): string | undefined {
    const end = line.replace(/[ \t]+$/, "");
    const last = end.length - 1;
    if (end.charAt(last) !== this.#escape || end.charAt(last - 1) === this.#escape) return undefined;
    return end.slice(0, last);
  }

  #hereDocuments(text: string): HereDocument[] {
    if (!text.includes("<<") || !takesHereDocuments(text, this.#escape)) return [];
    return hereDocumentMarks(text).map((mark) => this.#hereDocument(mark, text));
  }

  #hereDocument({ name, chomp, expand }: HereDocumentMark, text: string): HereDocument {
    const first = this.#next;
    let content = "";
    for (; this.#next < this.#lines.length; this.#next++) {
      const { text: line, end } = this.#lines[this.#next] as SourceLine;
      const shown = chomp ? line.replace(/^\t+/, "") : line;
      if (shown === name) {
        const start = { line: first + 1, column: 1 };
        return { name, content, expand, span: { start, end: { line: ++this.#next, column: 1 } } };
      }
      content += shown + end;
    }
    throw new Complaint("unterminated heredoc", { at: Math.max(0, text.indexOf("<<")), phase: "syntax" });
  }

  /** From that line to where we are. */
  #written(from: number): string {
    const lines = this.#lines.slice(from, this.#next);
    return lines.map(({ text, end }, i) => text + (i < lines.length - 1 ? end : "")).join("");
  }

  #comment(line: string): boolean {
    const indent = countBlanks(line);
    if (line.charAt(indent) !== "#") return false;
    this.#next++;
    this.#comments.push({ text: line.slice(indent + 1).trim(), line: this.#next });
    return true;
  }

  #text(): string {
    return (this.#lines[this.#next] as SourceLine).text;
  }
}

function takesHereDocuments(text: string, escape: string): boolean {
  let statement = splitStatement(text, escape);
  if (/^onbuild$/i.test(statement.word)) statement = splitStatement(text, escape, statement.restAt);
  return (
    /^(?:add|copy|run)$/i.test(statement.word) && jsonWords(statement.rest, statement.restAt) === undefined
  );
}

function located<T>(place: StatementPlace, text: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof Complaint) throw new LocatedComplaint(error, place, text);
    throw error;
  }
}
