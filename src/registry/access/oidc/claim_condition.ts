/** Conditions on the claims of a token, and texts made of them. */
import { matchesName } from "../rules/pattern.ts";
import { isStrings, type JwtClaims } from "../tokens/jwt.ts";

/** Patterns by claim: every claim must fit one of its patterns. A claim that is a list needs one element that fits. */
export type ClaimConditions = Readonly<Record<string, readonly string[]>>;

export function meetsConditions(claims: JwtClaims, conditions: ClaimConditions): boolean {
  return Object.entries(conditions).every(([name, patterns]) =>
    textsOf(claims, name).some((text) => patterns.some((pattern) => matchesName(pattern, text))),
  );
}

/** Puts claims in place of `${name}`; undefined if one is missing or a list. */
export function fillTemplate(template: string, claims: JwtClaims): string | undefined {
  let isComplete = true;
  const text = template.replace(/\$\{([^}]*)\}/g, (_, name: string) => {
    const values = textsOf(claims, name);
    if (values.length !== 1) isComplete = false;
    return values[0] ?? "";
  });
  return isComplete ? text : undefined;
}

/** A claim as texts: booleans and numbers as JSON writes them. */
export function textsOf(claims: JwtClaims, name: string): readonly string[] {
  const value = Object.hasOwn(claims, name) ? claims[name] : undefined;
  if (isStrings(value)) return value;
  if (typeof value === "string") return [value];
  return typeof value === "boolean" || typeof value === "number" ? [String(value)] : [];
}
