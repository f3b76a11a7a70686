/**
 * Patterns of `${name#pattern}`: `*` and `?`, which `\` makes plain. There are no brackets (buildkit,
 * frontend/dockerfile/shell/lex.go, `convertShellPatternToRegex`). Matched without regular expressions, whose time would
 * grow with a power of the number of stars.
 */

type Token =
  { readonly kind: "any" } | { readonly kind: "star" } | { readonly kind: "text"; readonly text: string };

export type Pattern = readonly Token[];

/** The pattern, or what is wrong with it. */
export function readPattern(text: string): Pattern | string {
  const tokens: Token[] = [];
  const characters = [...text];
  for (let i = 0; i < characters.length; i++) {
    const character = characters[i] as string;
    if (character === "*") tokens.push({ kind: "star" });
    else if (character === "?") tokens.push({ kind: "any" });
    else if (character !== "\\") tokens.push({ kind: "text", text: character });
    else {
      const escaped = characters[++i] ?? "";
      if (!/^[*?\\/}]$/.test(escaped)) return `invalid escape '\\${escaped}'`;
      tokens.push({ kind: "text", text: escaped });
    }
  }
  return tokens;
}

export function trimPrefix(value: string, pattern: Pattern, longest: boolean): string {
  const characters = [...value];
  const end = matchEnd(characters, 0, pattern, longest);
  return end === undefined ? value : characters.slice(end).join("");
}

export function trimSuffix(value: string, pattern: Pattern, longest: boolean): string {
  const characters = [...value].reverse();
  const end = matchEnd(characters, 0, [...pattern].reverse(), longest);
  return end === undefined ? value : characters.slice(end).reverse().join("");
}

/** The first, or every, longest match replaced. */
export function replaceMatches(value: string, pattern: Pattern, replacement: string, all: boolean): string {
  const characters = [...value];
  let [result, start, done] = ["", 0, false];
  // Where a match ends no empty one begins, as in Go.
  let lastEnd = -1;
  while (start <= characters.length) {
    const end = done ? undefined : matchEnd(characters, start, pattern, true);
    const matched = end !== undefined && !(end === start && start === lastEnd);
    if (matched) {
      result += replacement;
      lastEnd = end;
      done = !all;
    }
    if (matched && end > start) start = end;
    else result += characters[start++] ?? "";
  }
  return result;
}

/** Where the shortest or longest match that begins at `start` ends. Time: characters × tokens. */
function matchEnd(
  characters: readonly string[],
  start: number,
  pattern: Pattern,
  longest: boolean,
): number | undefined {
  let states = withStars(new Set([0]), pattern);
  let end = states.has(pattern.length) ? start : undefined;
  for (let at = start; at < characters.length && states.size > 0; at++) {
    if (end !== undefined && !longest) return end;
    states = withStars(step(states, pattern, characters[at] as string), pattern);
    if (states.has(pattern.length)) end = at + 1;
  }
  return end;
}

function step(states: ReadonlySet<number>, pattern: Pattern, character: string): Set<number> {
  const next = new Set<number>();
  for (const state of states) {
    const token = pattern[state];
    // As in Go's regular expressions, a wildcard does not match a line feed.
    if (token?.kind === "star" && character !== "\n") next.add(state);
    else if (token?.kind === "any" && character !== "\n") next.add(state + 1);
    else if (token?.kind === "text" && token.text === character) next.add(state + 1);
  }
  return next;
}

/** A star may match nothing. */
function withStars(states: Set<number>, pattern: Pattern): Set<number> {
  for (const state of states) if (pattern[state]?.kind === "star") states.add(state + 1);
  return states;
}
