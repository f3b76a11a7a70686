/** Cuts a Go template into text and the tokens of its actions (Go's text/template/parse, lex.go). */
import { goQuote } from "./go_print.ts";
import { templateError } from "./template_error.ts";

export type TokenKind =
  "text" | "open" | "close" | "field" | "variable" | "word" | "number" | "string" | "char" | "dot" | "symbol";

export interface Token {
  readonly kind: TokenKind;
  /** As written; for text and strings the value. */
  readonly text: string;
  /** Offset in the template, for messages. */
  readonly at: number;
  /** Whether white space stands before it: `.A .B` are two operands, `.A.B` is one. */
  readonly spaced: boolean;
  /** As written in the template, where `text` is the value. */
  readonly raw?: string;
}

const patterns: readonly (readonly [TokenKind, RegExp])[] = [
  ["string", /"(?:[^"\\\n]|\\[^\n])*"|`[^`]*`/y],
  ["char", /'(?:[^'\\\n]|\\[^\n])+'/y],
  [
    "number",
    /[+-]?(?:0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)/y,
  ],
  ["field", /\.[\p{L}_][\p{L}\p{N}_]*/uy],
  ["variable", /\$[\p{L}\p{N}_]*/uy],
  ["word", /[\p{L}_][\p{L}\p{N}_]*/uy],
  ["dot", /\./y],
  ["symbol", /:=|[=|(),]/y],
];

const space = /[ \t\r\n]/;

/** Throws a template error for an action that does not end or holds a character that cannot stand there. */
export function lexTemplate(source: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  let trimNext = false;
  for (;;) {
    const open = source.indexOf("{{", at);
    let text = source.slice(at, open < 0 ? undefined : open);
    if (trimNext) text = text.trimStart();
    const trimBefore = open >= 0 && source[open + 2] === "-" && space.test(source[open + 3] ?? "");
    if (trimBefore) text = text.trimEnd();
    if (text !== "") tokens.push({ kind: "text", text, at, spaced: false });
    if (open < 0) return tokens;
    const start = open + (trimBefore ? 3 : 2);
    const comment = /\s*\/\*/y;
    comment.lastIndex = start;
    const end = comment.test(source) ? skipComment(source, start) : lexAction(source, open, start, tokens);
    trimNext = end.trim;
    at = end.at;
  }
}

interface ActionEnd {
  readonly at: number;
  /** `-}}`: the text behind loses its leading white space. */
  readonly trim: boolean;
}

function skipComment(source: string, start: number): ActionEnd {
  const close = source.indexOf("*/", start);
  if (close < 0) throw templateError(source, start, "unclosed comment");
  const end = /(\s+-)?\}\}/y;
  end.lastIndex = close + 2;
  const found = end.exec(source);
  if (found === null) throw templateError(source, start, "comment ends before closing delimiter");
  return { at: end.lastIndex, trim: found[1] !== undefined };
}

function lexAction(source: string, open: number, start: number, tokens: Token[]): ActionEnd {
  tokens.push({ kind: "open", text: "{{", at: open, spaced: false });
  let depth = 0;
  for (let at = start; ;) {
    const from = at;
    while (space.test(source[at] ?? "")) at++;
    const spaced = at > from;
    const trim = spaced && source.startsWith("-}}", at);
    if (trim || source.startsWith("}}", at)) {
      if (depth > 0) throw templateError(source, at, "unclosed left paren");
      tokens.push({ kind: "close", text: "}}", at, spaced });
      return { at: at + (trim ? 3 : 2), trim };
    }
    if (at >= source.length) throw templateError(source, at, "unclosed action");
    const token = lexToken(source, at, spaced);
    if (token.raw === "(") depth++;
    if (token.raw === ")" && --depth < 0) throw templateError(source, at, "unexpected right paren");
    tokens.push(token);
    at += (token.raw as string).length;
  }
}

function lexToken(source: string, at: number, spaced: boolean): Token {
  for (const [kind, pattern] of patterns) {
    pattern.lastIndex = at;
    const raw = pattern.exec(source)?.[0];
    if (raw === undefined) continue;
    const text = kind === "string" ? unquote(source, at, raw) : raw;
    return { kind, text, at, spaced, raw };
  }
  const character = String.fromCodePoint(source.codePointAt(at) as number);
  if (character === '"') throw templateError(source, at, "unterminated quoted string");
  if (character === "`") throw templateError(source, at, "unterminated raw quoted string");
  if (character === "'") throw templateError(source, at, "unterminated character constant");
  if (spaced || source[at - 1] === "{")
    throw templateError(source, at, `unexpected ${goQuote(character)} in command`);
  const code = (character.codePointAt(0) as number).toString(16).toUpperCase().padStart(4, "0");
  throw templateError(source, at, `bad character U+${code} '${character}'`);
}

const escapes: Record<string, string> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\\": "\\",
  '"': '"',
  "'": "'",
};

/** strconv.Unquote. */
export function unquote(source: string, at: number, raw: string): string {
  const body = raw.slice(1, -1);
  if (raw.startsWith("`")) return body.replaceAll("\r", "");
  return body.replace(
    /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.))/gsu,
    (_, x?: string, u?: string, long?: string, octal?: string, letter?: string) => {
      const hex = x ?? u ?? long;
      if (hex !== undefined) return String.fromCodePoint(parseInt(hex, 16));
      if (octal !== undefined) return String.fromCharCode(parseInt(octal, 8));
      const plain = escapes[letter ?? ""];
      if (plain === undefined) throw templateError(source, at, "invalid syntax");
      return plain;
    },
  );
}
