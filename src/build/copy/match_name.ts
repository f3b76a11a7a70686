/**
 * Wildcards of `COPY` and `ADD`, as Go's `path/filepath.Match` has them, for one part of a path:
 *
 *     pattern   = { term }
 *     term      = '*' | '?' | '[' [ '^' ] range { range } ']' | character | '\' character
 *     range     = character [ '-' character ]       in a range, `\`, `-` and `]` need a `\` before them
 */
import { type ByteString, toText } from "../../byte_string.ts";

/** Whether the path has a wildcard that is not quoted. */
export function hasWildcard(path: string): boolean {
  return /^(?:[^\\*?[]|\\[^])*[*?[]/.test(path);
}

/** One character, or any number of any. */
type Term = "any" | ((character: string) => boolean);

/**
 * What tells whether a name matches. A malformed pattern matches nothing, as in Docker's `COPY`.
 * @param pattern text, without a slash
 */
export function nameMatcher(pattern: string): (name: ByteString) => boolean {
  const terms = termsOf([...pattern]);
  return terms === undefined ? () => false : (name) => matches(terms, [...toText(name)]);
}

/** Only the last star that was met may take more: the time is bounded by the product of the lengths. */
function matches(terms: readonly Term[], characters: readonly string[]): boolean {
  let [at, next] = [0, 0];
  let star: { readonly term: number; from: number } | undefined;
  while (at < characters.length) {
    const term = terms[next];
    if (term === "any") {
      star = { term: next++, from: at };
    } else if (term?.(characters[at] as string) === true) {
      at++;
      next++;
    } else if (star === undefined) return false;
    else {
      at = ++star.from;
      next = star.term + 1;
    }
  }
  return terms.slice(next).every((term) => term === "any");
}

function termsOf(characters: readonly string[]): Term[] | undefined {
  const terms: Term[] = [];
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at] as string;
    if (character === "*") terms.push("any");
    else if (character === "?") terms.push(() => true);
    else if (character === "[") {
      const range = rangesFrom(characters, at + 1);
      if (range === undefined) return undefined;
      terms.push(range.term);
      at = range.end;
    } else {
      const literal = character === "\\" ? characters[++at] : character;
      if (literal === undefined) return undefined;
      terms.push((other) => other === literal);
    }
  }
  return terms;
}

/** `end` is the place of the closing bracket. */
function rangesFrom(characters: readonly string[], start: number): { term: Term; end: number } | undefined {
  let at = start;
  const isNegated = characters[at] === "^";
  if (isNegated) at++;
  const ranges: [number, number][] = [];
  const next = (): number | undefined => {
    const character = characters[at++];
    if (character === "-" || character === "]") return undefined;
    return (character === "\\" ? characters[at++] : character)?.codePointAt(0);
  };
  while (characters[at] !== "]" || ranges.length === 0) {
    const low = next();
    let high = low;
    if (characters[at] === "-") {
      at++;
      high = next();
    }
    if (low === undefined || high === undefined) return undefined;
    ranges.push([low, high]);
  }
  const isIn = (point: number): boolean => ranges.some(([low, high]) => low <= point && point <= high);
  return { term: (character) => isIn(character.codePointAt(0) as number) !== isNegated, end: at };
}
