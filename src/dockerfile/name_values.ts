/** `name=value …` and the old `name value` of ENV and LABEL (buildkit, frontend/dockerfile/parser/line_parsers.go). */
import { Complaint } from "./complaint.ts";
import { quotedWords } from "./quoted_words.ts";
import type { NameValue } from "./types.ts";

export interface NameValues {
  readonly values: readonly NameValue[];
  /** It was the old form: one name, and all the rest is its value. */
  readonly old: boolean;
  /** Where there is a value without a name. Docker finds that later than what makes no pairs at all. */
  readonly blankAt?: number;
}

/** `rest` stands behind the word and the flags of `instruction` (`ENV`), at offset `at` of its text. */
export function nameValues(rest: string, instruction: string, escape: string, at: number): NameValues {
  const words = quotedWords(rest, escape, at);
  const [first] = words;
  if (first === undefined) throw new Complaint(`${instruction} requires at least one argument`);
  if (!first.text.includes("=")) return { values: [oldPair(rest, instruction, at)], old: true };
  const values = words.map(({ text, at: place }) => {
    const equals = text.indexOf("=");
    if (equals < 0) {
      const message = `Syntax error - can't find = in ${JSON.stringify(text)}. Must be of the form: name=value`;
      throw new Complaint(message, { at: place, length: text.length, phase: "syntax" });
    }
    return { name: text.slice(0, equals), value: text.slice(equals + 1) };
  });
  const blank = words[values.findIndex(({ name }) => name === "")];
  return { values, old: false, ...(blank === undefined ? {} : { blankAt: blank.at }) };
}

function oldPair(rest: string, instruction: string, at: number): NameValue {
  const gap = /[\t\v\f\r ]+/.exec(rest);
  if (gap === null) throw new Complaint(`${instruction} must have two arguments`, { at, phase: "syntax" });
  return { name: rest.slice(0, gap.index), value: rest.slice(gap.index + gap[0].length) };
}
