/** An instruction's text to word, flags and rest (buildkit, frontend/dockerfile/parser/split_command.go). */
import { countBlanks, isBlank, trimBlanksAtEnd } from "./blanks.ts";

export interface RawFlag {
  /** `--name=value`, without quotes. */
  readonly text: string;
  readonly at: number;
}

export interface SplitStatement {
  /** As written. */
  readonly word: string;
  readonly flags: readonly RawFlag[];
  /** What follows, trimmed, and where it begins. */
  readonly rest: string;
  readonly restAt: number;
}

/** `text` is trimmed; `from` is where the instruction begins in it (a trigger of ONBUILD stands inside). */
export function splitStatement(text: string, escape: string, from = 0): SplitStatement {
  // Other blanks than these do not end the word, though they are trimmed: as Docker has it.
  let at = from;
  while (at < text.length && !/[\t\v\f\r ]/.test(text.charAt(at))) at++;
  const word = text.slice(from, at);
  const flags: RawFlag[] = [];
  for (;;) {
    at += countBlanks(text, at);
    if (!text.startsWith("--", at)) break;
    const flag = flagAt(text, at, escape);
    const start = at;
    at = flag.end;
    if (flag.text === "--") break;
    flags.push({ text: flag.text, at: start });
  }
  at += countBlanks(text, at);
  return { word, flags, rest: trimBlanksAtEnd(text.slice(at)), restAt: at };
}

function flagAt(text: string, from: number, escape: string): { text: string; end: number } {
  let [flag, quote, at] = ["", "", from];
  for (; at < text.length; at++) {
    const character = text.charAt(at);
    if (quote === "" && isBlank(character)) break;
    if (character === quote) quote = "";
    else if (quote === "" && (character === "'" || character === '"')) quote = character;
    else if (character === escape) flag += text.charAt(++at);
    else flag += character;
  }
  return { text: flag, end: at };
}
