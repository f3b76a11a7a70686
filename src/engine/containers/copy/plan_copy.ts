/** `cp`: where a copy goes, and under which name (moby, pkg/archive/copy.go, `PrepareArchiveCopy`). */
import { Failure } from "../../../errors.ts";
import { asDirectory, splitLast } from "./path_words.ts";

export interface CopyTarget {
  /** As it was asked for, symlinks at its end followed. */
  readonly path: string;
  readonly kind: "directory" | "other" | "missing";
}

export interface CopyPlan {
  /** Where the archive is unpacked; must exist. */
  readonly directory: string;
  /** What the archive's top is to be called there; undefined: as it is. */
  readonly name?: string;
}

/**
 * The rules of `cp -a`: into a directory that exists the source goes by its own name; what does not exist becomes the
 * source's name. Throws in Docker's words for a directory onto a file, and for a file to where a directory was meant.
 */
export function planCopy(sourceIsDirectory: boolean, target: CopyTarget): CopyPlan {
  if (target.kind === "directory") return { directory: target.path };
  const { directory, name } = splitLast(target.path);
  if (target.kind === "other" && sourceIsDirectory) throw new Failure("invalid", "cannot copy directory");
  if (target.kind === "missing" && !sourceIsDirectory && asDirectory(target.path)) {
    throw new Failure("not-found", "no such directory");
  }
  return { directory, name };
}
