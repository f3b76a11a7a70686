/**
 * One pattern of a `.dockerignore`, without its `!`:
 *
 *     pattern = { "**" [ "/" ] | "*" | "?" | class | "\" character | character }
 *     class   = "[" [ "^" ] range { range } "]"
 *     range   = character [ "-" character ]      (characters but "-" and "]", or "\" and any)
 *
 * `*` and `?` do not match a slash. `**` is any number of whole directories, none too: `(.*\/)?`; at the end it is
 * anything. What Go's `filepath.Match` calls malformed is refused; what it matches literally is literal, also where
 * Docker's translation to a regular expression lets `\d` or `^` have a meaning by oversight.
 */
import { Failure } from "../errors.ts";

export type PatternToken =
  | { readonly kind: "character"; readonly value: string }
  /** `set` is the class as a regular expression. */
  | { readonly kind: "class"; readonly set: string }
  | { readonly kind: "one" }
  | { readonly kind: "star" }
  | { readonly kind: "directories" }
  /** Only as the last one. */
  | { readonly kind: "all" };

/** @throws Failure("invalid") in Docker's words */
export function parsePattern(pattern: string): readonly PatternToken[] {
  const reader = new PatternReader(pattern);
  const tokens: PatternToken[] = [];
  for (let token = reader.next(); token !== undefined; token = reader.next()) {
    const isRepeated = token.kind === "directories" && tokens.at(-1)?.kind === "directories";
    if (!isRepeated) tokens.push(token);
  }
  return tokens;
}

/** The pattern as a regular expression, for the flags `su`. */
export function patternSource(tokens: readonly PatternToken[]): string {
  return tokens.map(sourceOf).join("");
}

function sourceOf(token: PatternToken): string {
  switch (token.kind) {
    case "character":
      return escape(token.value);
    case "class":
      return token.set;
    case "one":
      return "[^/]";
    case "star":
      return "[^/]*";
    case "directories":
      return "(?:.*/)?";
    case "all":
      return ".*";
  }
}

/** Valid inside and outside of a class, with the flag `u`. */
function escape(character: string): string {
  return /[\^$\\.*+?()[\]{}|/-]/.test(character)
    ? `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`
    : character;
}

class PatternReader {
  readonly #pattern: string;
  readonly #characters: readonly string[];
  #at = 0;

  constructor(pattern: string) {
    this.#pattern = pattern;
    this.#characters = [...pattern];
  }

  next(): PatternToken | undefined {
    const character = this.#characters[this.#at++];
    switch (character) {
      case undefined:
        return undefined;
      case "*":
        return this.#stars();
      case "?":
        return { kind: "one" };
      case "[":
        return { kind: "class", set: this.#class() };
      case "\\":
        return { kind: "character", value: this.#taken() };
      default:
        return { kind: "character", value: character };
    }
  }

  #stars(): PatternToken {
    if (!this.#skip("*")) return { kind: "star" };
    this.#skip("/");
    return { kind: this.#at === this.#characters.length ? "all" : "directories" };
  }

  #class(): string {
    let set = this.#skip("^") ? "[^" : "[";
    let isEmpty = true;
    while (isEmpty || !this.#skip("]")) {
      const low = this.#member();
      const high = this.#skip("-") ? this.#member() : low;
      if ((low.codePointAt(0) as number) > (high.codePointAt(0) as number)) throw this.#malformed();
      set += low === high ? escape(low) : `${escape(low)}-${escape(high)}`;
      isEmpty = false;
    }
    return `${set}]`;
  }

  #member(): string {
    const character = this.#taken();
    if (character === "-" || character === "]") throw this.#malformed();
    return character === "\\" ? this.#taken() : character;
  }

  #taken(): string {
    const character = this.#characters[this.#at++];
    if (character === undefined) throw this.#malformed();
    return character;
  }

  #skip(character: string): boolean {
    if (this.#characters[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #malformed(): Failure {
    return new Failure("invalid", "syntax error in pattern", {
      hint: `the pattern is ${JSON.stringify(this.#pattern)}; a backslash in front makes [ and \\ ordinary`,
    });
  }
}
