/**
 * Quotes, backslashes and `$variables` in a word of an instruction, by the rules of Docker's small shell (buildkit,
 * frontend/dockerfile/shell/lex.go, as of Docker 20.10).
 *
 *     word     = { single | double | dollar | "\" any | any }
 *     single   = "'" … "'"                          nothing in it means anything
 *     double   = '"' { dollar | "\" ["$\] | any } '"'
 *     dollar   = "$" name | "${" name "}" | "${" name ":" ("-" | "+" | "?") word "}" | "${" name "?" word "}"
 */
import { Failure } from "../../errors.ts";

/** The word's value. Throws `Failure("invalid")` in Docker's words for what is not closed or not known. */
export function expandWord(word: string, env: readonly string[]): string {
  return new Expander(word, env).run();
}

const unclosed = "unexpected end of statement while looking for matching";

class Expander {
  readonly #word: string;
  readonly #characters: readonly string[];
  readonly #env: readonly string[];
  #at = 0;

  constructor(word: string, env: readonly string[]) {
    this.#word = word;
    this.#characters = [...word];
    this.#env = env;
  }

  run(): string {
    return this.#until(undefined);
  }

  /** Up to `stop`, which is taken too; or up to the end. */
  #until(stop: string | undefined): string {
    let result = "";
    for (;;) {
      const character = this.#next();
      if (character === undefined) {
        if (stop === undefined) return result;
        this.#fail("syntax error: missing '}'");
      }
      if (character === stop) return result;
      if (character === "'") result += this.#single();
      else if (character === '"') result += this.#double();
      else if (character === "$") result += this.#dollar();
      else result += character === "\\" ? (this.#next() ?? "") : character;
    }
  }

  #single(): string {
    let result = "";
    for (;;) {
      const character = this.#next() ?? this.#fail(`${unclosed} single-quote`);
      if (character === "'") return result;
      result += character;
    }
  }

  #double(): string {
    let result = "";
    for (;;) {
      const character = this.#next() ?? this.#fail(`${unclosed} double-quote`);
      if (character === '"') return result;
      if (character === "$") result += this.#dollar();
      else if (character === "\\" && /^["$\\]$/.test(this.#peek() ?? "")) result += this.#next();
      else result += character;
    }
  }

  /** Behind the `$`. */
  #dollar(): string {
    if (this.#peek() !== "{") {
      const name = this.#name();
      return name === "" ? "$" : (this.#value(name) ?? "");
    }
    this.#next();
    const first = this.#peek() ?? this.#fail("syntax error: missing '}'");
    if (/^[{}:]$/.test(first)) this.#fail("syntax error: bad substitution");
    const name = this.#name();
    const value = this.#value(name);
    switch (this.#next()) {
      case "}":
        return value ?? "";
      case "?":
        return this.#required(name, value, this.#until("}"));
      case ":":
        return this.#modified(name, value);
      default:
        return this.#fail("missing ':' in substitution");
    }
  }

  #modified(name: string, value: string | undefined): string {
    const modifier = this.#next();
    const word = this.#until("}");
    switch (modifier) {
      case "+":
        return value ? word : "";
      case "-":
        return value || word;
      case "?":
        return value === ""
          ? this.#fail(`${name}: ${word || "is not allowed to be empty"}`)
          : this.#required(name, value, word);
      default:
        return this.#fail(`unsupported modifier (${modifier ?? ""}) in substitution`);
    }
  }

  #required(name: string, value: string | undefined, word: string): string {
    return value ?? this.#fail(`${name}: ${word || "is not allowed to be unset"}`);
  }

  /** Digits, or one special character, or letters, digits and `_`. */
  #name(): string {
    const rest = this.#characters.slice(this.#at).join("");
    const [name = ""] = /^(?:\d+|[@*#?\-$!]|[\p{L}\d_]+)/u.exec(rest) ?? [];
    this.#at += [...name].length;
    return name;
  }

  #value(name: string): string | undefined {
    return this.#env.find((variable) => variable.startsWith(`${name}=`))?.slice(name.length + 1);
  }

  #peek(): string | undefined {
    return this.#characters[this.#at];
  }

  #next(): string | undefined {
    return this.#characters[this.#at++];
  }

  #fail(why: string): never {
    throw new Failure("invalid", `failed to process ${JSON.stringify(this.#word)}: ${why}`);
  }
}
