/** What garbage collection decided about one file of the tree, and why. */
import type { Digest } from "../../oci/index.ts";

/**
 * - `kept`: something leads to it, or somebody began to use it.
 * - `condemned`: nothing leads to it; it is deleted by the first run after `notBefore`.
 * - `deleted`: it lies in the trash now. `purged`: it is gone from there, too. An upload is purged at once.
 * - `restored`: something leads to it, and it lay in the trash.
 * - `missing`: something leads to it, and it is nowhere: a matter for `fsck`.
 */
export type DecisionAction = "kept" | "condemned" | "deleted" | "purged" | "restored" | "missing";

export type DecisionSubject = "blob" | "manifest" | "layer link" | "tag" | "upload";

export interface Decision {
  readonly action: DecisionAction;
  readonly subject: DecisionSubject;
  readonly repository?: string;
  readonly digest?: Digest;
  /** Tag or upload. */
  readonly name?: string;
  /** `<- manifest sha256:… <- tag a/b:v1`, `unreferenced since 2026-11-28T22:45:00Z`. */
  readonly reason: string;
  /** Bytes that are freed, or will be. */
  readonly size?: number;
  /** Of what is condemned, milliseconds since 1970. */
  readonly notBefore?: number;
}

/** One line for people: `deleted: blob sha256:…: unreferenced since 2026-11-28T22:45:00Z`. */
export function decisionText(decision: Decision): string {
  const { action, subject, repository, digest, name, reason } = decision;
  const what = [repository, digest ?? name].filter((part) => part !== undefined).join(digest ? "@" : ":");
  return `${action}: ${subject} ${what}${reason.startsWith("<-") ? "" : ":"} ${reason}`;
}
