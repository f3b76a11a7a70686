/** The `<<NAME` of a line (buildkit, frontend/dockerfile/parser/parser.go, `heredocsFromLine`). */
import { lexWord, type WordRules } from "./word_lexer.ts";

export interface HereDocumentMark {
  readonly name: string;
  /** `<<-`: tabs at the beginning of its lines mean nothing. */
  readonly chomp: boolean;
  readonly expand: boolean;
}

const asWritten: WordRules = {
  escape: "\\",
  lookup: () => undefined,
  quotes: "keep",
  keepEscapes: true,
  keepUndefined: true,
};

/** Those of a whole line, in order; none where its quotes are not closed. */
export function hereDocumentMarks(line: string): HereDocumentMark[] {
  return words(line, asWritten).flatMap((word) => hereDocumentMark(word) ?? []);
}

/** The mark that `word` is, if it is one: `<<EOF`, `<<-"EOF"`, `3<<EOF`. */
export function hereDocumentMark(word: string): HereDocumentMark | undefined {
  const [, dash, rest = ""] = /^\d*<<(-?)\s*([^<]+)$/.exec(word) ?? [];
  const keepingQuotes = { ...asWritten, keepEscapes: false };
  const [name, ...more] = words(rest, { ...keepingQuotes, quotes: "remove" });
  if (name === undefined || more.length > 0) return undefined;
  const quoted = words(rest, keepingQuotes)[0] !== name;
  return { name, chomp: dash === "-", expand: !quoted };
}

function words(text: string, rules: WordRules): readonly string[] {
  try {
    return lexWord(text, rules).words;
  } catch {
    return [];
  }
}
