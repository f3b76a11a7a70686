/** What `fsck` found wrong. */
import type { Digest } from "../../../oci/index.ts";

/**
 * - `corrupt blob`: its bytes are not what its digest says.
 * - `missing blob`: a manifest or a link needs it, and it is neither at its place nor in the trash.
 * - `damaged link`: it holds no digest, or another than its path says.
 * - `missing link`: a manifest of the repository needs it.
 * - `dangling link`: it leads to nothing, and nothing needs it.
 */
export type FindingKind = "corrupt blob" | "missing blob" | "damaged link" | "missing link" | "dangling link";

export interface Finding {
  readonly kind: FindingKind;
  readonly path: string;
  readonly digest?: Digest;
  readonly repository?: string;
  /** What is hurt: `<- manifest sha256:… <- tag a/b:v1`; empty: nothing that anybody can pull. */
  readonly neededBy: string;
  /**
   * `healed`: it is right again. `set aside`: it lies in the trash, the registry answers 404, and clients push it again.
   * `found`: nothing was done, because repair was not asked for or cannot be had.
   */
  readonly outcome: "found" | "healed" | "set aside";
}

export function findingText({ kind, path, neededBy, outcome }: Finding): string {
  return `${outcome}: ${kind} ${path}${neededBy === "" ? "" : ` ${neededBy}`}`;
}
