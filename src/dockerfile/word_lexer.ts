/**
 * Quotes, escapes and `$variables` of a word, by the rules of Docker's small shell (buildkit,
 * frontend/dockerfile/shell/lex.go).
 *
 *     word     = { single | double | dollar | escape any | any }
 *     single   = "'" … "'"                              nothing in it means anything
 *     double   = '"' { dollar | escape ["$escape] | any } '"'
 *     dollar   = "$" name | "${" name [ modifier ] "}"
 *     modifier = [":"] ("-" | "+" | "?") word           default, alternative, complaint
 *              | ("#" | "##" | "%" | "%%") pattern      without what matches at its start or end, shortest or longest
 *              | ("/" | "//") pattern "/" word          what matches replaced, once or everywhere
 */
import { Failure } from "../errors.ts";
import { type Pattern, readPattern, replaceMatches, trimPrefix, trimSuffix } from "./shell_pattern.ts";
import { WordSplitter } from "./word_splitter.ts";

export interface WordRules {
  readonly escape: string;
  readonly lookup: (name: string) => string | undefined;
  readonly onUndefined?: ((name: string) => void) | undefined;
  /** `remove` is the rule; `keep`: they quote and stay; `ignore`: they are characters like any other. */
  readonly quotes: "remove" | "keep" | "ignore";
  /** Escapes stay before what they escape. */
  readonly keepEscapes?: boolean;
  /** What is not defined stays as written. */
  readonly keepUndefined?: boolean;
}

export interface LexedWord {
  readonly text: string;
  /** `text` split at blanks that are neither quoted nor escaped. */
  readonly words: readonly string[];
}

/** Throws `Failure("invalid")` in Docker's words for what is not closed, not known, or required and missing. */
export function lexWord(word: string, rules: WordRules): LexedWord {
  return new WordLexer(word, rules).run();
}

const unclosed = "unexpected end of statement while looking for matching";
const missingBrace = "syntax error: missing '}'";
/** Of words in words: no person writes more, and each costs a frame of the stack. */
const deepest = 100;

class WordLexer {
  readonly #word: string;
  readonly #rules: WordRules;
  #at = 0;
  #depth = 0;

  constructor(word: string, rules: WordRules) {
    this.#word = word;
    this.#rules = rules;
  }

  run(): LexedWord {
    return this.#until("", this.#rules.keepEscapes === true);
  }

  /** Up to `stop`, which is taken too; up to the end if that is "". */
  #until(stop: string, keepEscapes: boolean, unfinished = missingBrace): LexedWord {
    if (++this.#depth > deepest) this.#fail("substitutions are nested too deeply");
    const words = new WordSplitter();
    let text = "";
    for (;;) {
      const character = this.#next();
      if (character === "" && stop !== "") this.#fail(unfinished);
      if (character === stop) break;
      const part = this.#part(character, keepEscapes);
      text += part;
      // Blanks that come out of a variable split, those in quotes and behind an escape do not.
      if (character === "$" || part === character) words.add(part);
      else words.addWhole(part);
    }
    this.#depth--;
    return { text, words: words.end() };
  }

  #part(character: string, keepEscapes: boolean): string {
    const quotes = this.#rules.quotes !== "ignore";
    if (character === "$") return this.#dollar();
    if (character === "'" && quotes) return this.#single();
    if (character === '"' && quotes) return this.#double(keepEscapes);
    if (character === "<") return this.#hereDocumentMark();
    if (character !== this.#rules.escape) return character;
    const escaped = this.#next();
    return keepEscapes ? character + escaped : escaped;
  }

  /** Blanks between `<<` and the name do not part them. */
  #hereDocumentMark(): string {
    if (!this.#word.startsWith("<", this.#at)) return "<";
    const [mark] = this.#match(/<[\t\r ]*/y);
    return `<${mark}`;
  }

  #single(): string {
    const end = this.#word.indexOf("'", this.#at);
    if (end < 0) this.#fail(`${unclosed} single-quote`);
    const text = this.#word.slice(this.#at, end);
    this.#at = end + 1;
    return this.#rules.quotes === "keep" ? `'${text}'` : text;
  }

  #double(keepEscapes: boolean): string {
    const { escape, quotes } = this.#rules;
    let text = "";
    for (;;) {
      const character = this.#next();
      if (character === "") this.#fail(`${unclosed} double-quote`);
      if (character === '"') return quotes === "keep" ? `"${text}"` : text;
      if (character === "$") text += this.#dollar();
      else if (character !== escape) text += character;
      else text += this.#escapedInDouble(keepEscapes);
    }
  }

  #escapedInDouble(keepEscapes: boolean): string {
    const { escape } = this.#rules;
    const next = this.#word.charAt(this.#at);
    if (next === "") return "";
    if (next !== '"' && next !== "$" && next !== escape) return keepEscapes ? escape + escape : escape;
    this.#at++;
    return keepEscapes ? escape + next : next;
  }

  /** Behind the `$`. */
  #dollar(): string {
    if (!this.#word.startsWith("{", this.#at)) {
      const name = this.#name();
      return name === "" ? "$" : this.#plain(name, `$${name}`);
    }
    this.#at++;
    const first = this.#word.charAt(this.#at);
    if (first === "") this.#fail(missingBrace);
    if (/[{}:]/.test(first)) this.#fail("syntax error: bad substitution");
    const name = this.#name();
    const next = this.#next();
    if (next === "}") return this.#plain(name, `\${${name}}`);
    if (next === "/") return this.#replaced(name);
    if (next === "#" || next === "%") return this.#trimmed(name, next);
    const modifier = next === ":" ? next + this.#next() : next;
    if (modifier === "" || !/^[-+?:]/.test(modifier)) this.#fail("missing ':' in substitution");
    if (!/^:?[-+?]?$/.test(modifier))
      this.#fail(`unsupported modifier (${modifier.slice(1)}) in substitution`);
    return this.#conditional(name, modifier);
  }

  #plain(name: string, written: string): string {
    const value = this.#rules.lookup(name);
    if (value !== undefined) return value;
    if (this.#rules.keepUndefined === true) return written;
    this.#rules.onUndefined?.(name);
    return "";
  }

  #conditional(name: string, modifier: string): string {
    const word = this.#until("}", false).text;
    const value = this.#rules.lookup(name);
    if (this.#stays(name)) return `\${${name}${modifier}${word}}`;
    const there = value !== undefined && (value !== "" || modifier.length === 1);
    if (modifier.endsWith("+")) return there ? word : "";
    if (there) return value;
    if (modifier.endsWith("-")) return word;
    const why = value === undefined ? "is not allowed to be unset" : "is not allowed to be empty";
    return this.#fail(`${name}: ${word || why}`);
  }

  #trimmed(name: string, side: "#" | "%"): string {
    const word = this.#until("}", true).text;
    const value = this.#plain(name, `\${${name}${side}${word}}`);
    if (this.#stays(name)) return value;
    const longest = word.startsWith(side);
    const pattern = this.#pattern(longest ? word.slice(1) : word);
    return side === "#" ? trimPrefix(value, pattern, longest) : trimSuffix(value, pattern, longest);
  }

  #replaced(name: string): string {
    const all = this.#word.startsWith("/", this.#at);
    if (all) this.#at++;
    const word = this.#until("/", true, "syntax error: missing '/' in ${}").text;
    const replacement = this.#until("}", true).text;
    const value = this.#plain(name, `\${${name}/${all ? "/" : ""}${word}/${replacement}}`);
    return this.#stays(name) ? value : replaceMatches(value, this.#pattern(word), replacement, all);
  }

  /** Whether the variable stays as written. Otherwise one without value is an empty one, which may match a pattern. */
  #stays(name: string): boolean {
    return this.#rules.keepUndefined === true && this.#rules.lookup(name) === undefined;
  }

  #pattern(text: string): Pattern {
    const pattern = readPattern(text);
    if (typeof pattern !== "string") return pattern;
    return this.#fail(`invalid pattern (${text}) in substitution: ${pattern}`);
  }

  /** Digits, or one special character, or letters, digits and `_`. */
  #name(): string {
    return this.#match(/\p{Nd}+|[@*#?\-$!]|[\p{L}\p{Nd}_]*/uy)[0];
  }

  #match(expression: RegExp): RegExpExecArray {
    expression.lastIndex = this.#at;
    const found = expression.exec(this.#word) as RegExpExecArray;
    this.#at += found[0].length;
    return found;
  }

  /** "" at the end. */
  #next(): string {
    return this.#word.charAt(this.#at++);
  }

  #fail(why: string): never {
    throw new Failure("invalid", `failed to process ${JSON.stringify(this.#word)}: ${why}`);
  }
}
