/** Words of ENV, LABEL and ARG (buildkit, frontend/dockerfile/parser/line_parsers.go, `parseWords`). */
import { isBlank } from "./blanks.ts";

export interface PlacedWord {
  /** With its quotes and escapes. */
  readonly text: string;
  readonly at: number;
}

/** Splits at blanks that are neither quoted nor escaped. An open quote goes to the end; an escape at the end is dropped. */
export function quotedWords(text: string, escape: string, at: number): PlacedWord[] {
  const words: PlacedWord[] = [];
  let [word, start, quote] = ["", -1, ""];
  const end = (): void => {
    if (word !== "") words.push({ text: word, at: at + start });
    [word, start, quote] = ["", -1, ""];
  };
  for (let i = 0; i < text.length; i++) {
    const character = text.charAt(i);
    if (quote === "" && isBlank(character)) {
      end();
      continue;
    }
    if (start < 0) start = i;
    if (character === escape && quote !== "'") {
      // Kept with what it escapes: the word is processed again when it is expanded.
      if (i + 1 < text.length) word += character + text.charAt(++i);
      continue;
    }
    if (quote === "" && (character === "'" || character === '"')) quote = character;
    else if (character === quote) quote = "";
    word += character;
  }
  end();
  return words;
}
