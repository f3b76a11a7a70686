/** Words of instructions to their values. */
import { lexWord } from "./word_lexer.ts";

export interface ExpandOptions {
  /** The Dockerfile's `# escape=`; default: a backslash. */
  readonly escape?: "\\" | "`";
  /** Called with each name that has no value where the word gives no other for it. */
  readonly onUndefined?: (name: string) => void;
}

type Lookup = (name: string) => string | undefined;

/**
 * The word's value: quotes and escapes are gone, variables have their values, and none where `lookup` gives undefined.
 * Throws `Failure("invalid")` in Docker's words: quotes and braces that are not closed, modifiers that do not exist, and
 * `${name:?why}`.
 */
export function expandWord(word: string, lookup: Lookup, options: ExpandOptions = {}): string {
  return lexWord(word, rules(lookup, options)).text;
}

/** As {@link expandWord}, then split at blanks that are not quoted, also those that come out of a variable (EXPOSE). */
export function expandWords(word: string, lookup: Lookup, options: ExpandOptions = {}): string[] {
  return [...lexWord(word, rules(lookup, options)).words];
}

/**
 * The content of a file that stands in the Dockerfile. Quotes mean nothing in it; a backslash, whatever the Dockerfile's
 * escape, makes the next character plain. Throws as {@link expandWord}.
 */
export function expandHereDocument(
  content: string,
  lookup: Lookup,
  options: Pick<ExpandOptions, "onUndefined"> = {},
): string {
  return lexWord(content, { ...rules(lookup, options), escape: "\\", quotes: "ignore" }).text;
}

function rules(lookup: Lookup, options: ExpandOptions): Parameters<typeof lexWord>[1] {
  return { escape: options.escape ?? "\\", lookup, onUndefined: options.onUndefined, quotes: "remove" };
}
