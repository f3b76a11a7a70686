/** What a merged view is made of, and which options fit together. */
import { Failure } from "../errors.ts";
import type { Branch, Dialect, Spelling, WritableBranch } from "./types.ts";
import type { Rules } from "./writing.ts";

export interface UnionViewOptions {
  readonly dialect: Dialect;
  /** Uppermost first. `overlay` takes one. */
  readonly lowers: readonly Branch[];
  /** Takes all changes; without it the view is read-only (behaviours B012). */
  readonly upper?: WritableBranch;
  /** Overlay marks under `user.overlay.*`, as in a mount by an ordinary user. */
  readonly userXattr?: boolean;
  /** Directories of lower branches can be renamed (overlay dialects; default false, as Docker mounts). */
  readonly redirectDir?: boolean;
  /** A change of attributes copies no content (overlay dialects; default false). It switches `redirectDir` on. */
  readonly metacopy?: boolean;
  /** Default 0o022. */
  readonly umask?: number;
}

/** How branches that do not say it themselves spell their whiteouts. */
export function spellingOf({ dialect, userXattr }: UnionViewOptions): Exclude<Spelling, "none"> {
  if (dialect === "aufs") return "files";
  return userXattr === true ? "overlay-user" : "overlay";
}

/** The dialect's rules. @throws Failure("invalid") for options that it does not have */
export function rulesOf(options: UnionViewOptions): Rules {
  const { dialect, lowers, upper, metacopy = false, redirectDir = false, userXattr = false } = options;
  if (lowers.length === 0 && upper === undefined) throw new Failure("invalid", "a union needs a branch");
  if (dialect === "overlay" && lowers.length > 1) {
    throw new Failure("invalid", `the overlay driver mounts one lower branch, not ${lowers.length}`, {
      hint: "overlay2 takes many; flattenByHardLinks makes one of many, as the old driver did",
    });
  }
  const { umask = 0o022 } = options;
  if (dialect !== "aufs") {
    const prefix = userXattr ? "user.overlay." : "trusted.overlay.";
    return { overlay: prefix, redirectDir: redirectDir || metacopy, metacopy, umask };
  }
  if (redirectDir || metacopy || userXattr) {
    throw new Failure(
      "invalid",
      "AUFS has no redirects, no metacopies and no extended attributes of its own",
    );
  }
  return { overlay: undefined, redirectDir: false, metacopy: false, umask };
}
