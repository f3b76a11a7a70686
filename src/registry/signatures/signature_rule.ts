/** Which images have to be signed, and when that is looked at. */
import { matchesName, matchesRepository } from "../access/rules/pattern.ts";
import type { TrustSource } from "./trust.ts";

/**
 * `push`: a tag is let to lead only to what is signed. `pull`: what is not signed is not given out, whatever the tag, and
 * by its digest neither.
 */
export type SignatureMode = "push" | "pull";

export interface SignatureRule {
  /** Patterns, as in rules of access without a user. */
  readonly repositories: readonly string[];
  /** Patterns in which `*` stands for any characters; for `push` only. */
  readonly tags: readonly string[];
  readonly modes: readonly SignatureMode[];
  readonly trust: TrustSource;
}

/** @param tag undefined: whatever it is */
export function concerns(
  rule: SignatureRule,
  mode: SignatureMode,
  repository: string,
  tag?: string,
): boolean {
  return (
    rule.modes.includes(mode) &&
    rule.repositories.some((pattern) => matchesRepository(pattern, repository, undefined)) &&
    (tag === undefined || rule.tags.some((pattern) => matchesName(pattern, tag)))
  );
}
