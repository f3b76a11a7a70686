/**
 * Follows a pattern through a path, all its possibilities at once: the time is the product of both lengths at most,
 * where a regular expression that tries one possibility after the other could take for ever.
 */
import type { PatternToken } from "./ignore_pattern.ts";

/** Whether the pattern matches the path or one of its parents. */
export function matchesPathOrParent(tokens: readonly PatternToken[], path: string): boolean {
  const states = new States(tokens);
  for (const character of path) {
    if (character === "/" && states.accepts) return true;
    states.step(character);
    if (states.isDead) return false;
  }
  return states.accepts;
}

/** Whether the pattern could match anything strictly below the directory. */
export function matchesBelow(tokens: readonly PatternToken[], directory: string): boolean {
  const states = new States(tokens);
  for (const character of `${directory}/`) {
    states.step(character);
    if (states.isDead) return false;
  }
  return states.goesOn;
}

/** The places in the pattern at which the rest of a path may go on; the one after the last token accepts. */
class States {
  readonly #tokens: readonly PatternToken[];
  readonly #classes = new Map<string, RegExp>();
  #places = new Set<number>();

  constructor(tokens: readonly PatternToken[]) {
    this.#tokens = tokens;
    enter(tokens, this.#places, 0);
  }

  get isDead(): boolean {
    return this.#places.size === 0;
  }

  get accepts(): boolean {
    const { length } = this.#tokens;
    return this.#places.has(length) || (this.#tokens.at(-1)?.kind === "all" && this.#places.has(length - 1));
  }

  /** Whether one more character at least can be taken. */
  get goesOn(): boolean {
    return this.#places.size > (this.#places.has(this.#tokens.length) ? 1 : 0);
  }

  step(character: string): void {
    const next = new Set<number>();
    for (const place of this.#places) {
      const token = this.#tokens[place];
      if (token === undefined || !this.#takes(token, character)) continue;
      if (token.kind === "directories") {
        // Inside of it, what follows may begin after a slash only.
        next.add(place);
        if (character === "/") enter(this.#tokens, next, place + 1);
      } else enter(this.#tokens, next, token.kind === "star" || token.kind === "all" ? place : place + 1);
    }
    this.#places = next;
  }

  #takes(token: PatternToken, character: string): boolean {
    switch (token.kind) {
      case "character":
        return token.value === character;
      case "class":
        return this.#class(token.set).test(character);
      case "one":
      case "star":
        return character !== "/";
      case "directories":
      case "all":
        return true;
    }
  }

  #class(set: string): RegExp {
    const known = this.#classes.get(set) ?? new RegExp(`^${set}$`, "su");
    this.#classes.set(set, known);
    return known;
  }
}

/** Adds a place, and those behind it if what is there may be nothing. */
function enter(tokens: readonly PatternToken[], places: Set<number>, first: number): void {
  let place = first;
  places.add(place);
  for (let kind = tokens[place]?.kind; kind === "star" || kind === "directories"; kind = tokens[place]?.kind)
    places.add(++place);
}
