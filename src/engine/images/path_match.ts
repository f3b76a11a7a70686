/** Shell patterns as Go's path.Match has them: Docker's `reference` filter is made of them. */
import { Failure } from "../../errors.ts";

/**
 * Whether all of `name` matches `pattern`: `*` and `?` for anything but `/`, `[a-z]`, `[^a-z]`, and `\\` before a
 * character that stands for itself. Throws `Failure("invalid")` with Go's `syntax error in pattern` for a malformed
 * pattern, whatever the name.
 */
export function pathMatch(pattern: string, name: string): boolean {
  return new RegExp(`^${translate(pattern)}$`, "su").test(name);
}

function translate(pattern: string): string {
  const characters = [...pattern];
  let text = "";
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at] as string;
    if (character === "*") text += "[^/]*";
    else if (character === "?") text += "[^/]";
    else if (character === "[") {
      const found = translateClass(characters, at + 1);
      text += found.text;
      at = found.end;
    } else if (character === "\\") text += escape(characters[++at] ?? wrong());
    else text += escape(character);
  }
  return text;
}

/** From behind the `[` to the `]`: at least one character or range. */
function translateClass(characters: readonly string[], start: number): { text: string; end: number } {
  let at = start;
  const negated = characters[at] === "^";
  if (negated) at++;
  const next = (): string => {
    const character = characters[at++];
    if (character === undefined || character === "-" || character === "]") wrong();
    return character === "\\" ? (characters[at++] ?? wrong()) : character;
  };
  let ranges = "";
  do {
    const low = next();
    let high = low;
    if (characters[at] === "-") {
      at++;
      high = next();
    }
    // An empty range matches nothing in Go; a regular expression would not take it.
    if (low <= high) ranges += `${escape(low)}-${escape(high)}`;
  } while (characters[at] !== "]");
  if (ranges === "") return { text: negated ? "." : "(?!)", end: at };
  return { text: `[${negated ? "^" : ""}${ranges}]`, end: at };
}

function escape(character: string): string {
  return /^[\w\s]$/.test(character) ? character : `\\u{${(character.codePointAt(0) as number).toString(16)}}`;
}

function wrong(): never {
  throw new Failure("invalid", "syntax error in pattern");
}
