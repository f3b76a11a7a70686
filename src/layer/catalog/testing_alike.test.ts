/** For the tests of this folder: one tar, unpacked and kept. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { applyTar, subdirectory } from "../../../test/support/layer_help.ts";
import { scratch } from "../../../test/suites/scratch.ts";
import { forgetTimes, linesOfBranch, madeSince, marked } from "../../../test/suites/tree_lines.ts";
import { isFailure } from "../../errors.ts";
import { DirectoryBranch } from "../../union/index.ts";
import type { ApplyLimits } from "../entry_rules.ts";
import type { AppliedLayer } from "../layer_applier.ts";
import { impliedPaths, keepTar, type KeptTar, linesOfCatalog } from "./testing_catalogs.test.ts";

/** What was refused, in words, or what was made. */
export function tried<T extends AppliedLayer>(make: () => T): { refused: string } | { made: T } {
  try {
    return { made: make() };
  } catch (error) {
    if (!isFailure(error)) throw error;
    return { refused: `${error.kind}: ${error.message}` };
  }
}

/**
 * Fails unless the tar is refused in the same words by who unpacks it for overlayfs and by who keeps it, or both make
 * the same of it. @returns the refusal, or undefined
 */
export function assertAlike(tar: Buffer, limits: ApplyLimits = {}): string | undefined {
  using dir = scratch("alike");
  const start = Math.floor(Date.now() / 1000);
  const directory = subdirectory(dir.path, "unpacked");
  const applied = tried(() => applyTar(directory, tar, { limits }));
  const kept = tried(() => keepTar(dir.path, tar, limits, 1000));
  if ("refused" in applied || "refused" in kept) {
    assert.deepEqual(kept, applied);
    return (applied as { refused: string }).refused;
  }
  const { size, entries } = kept.made;
  assert.deepEqual({ size, entries }, applied.made);
  assertSame(join(dir.path, "unpacked"), kept.made, tar, start);
  return undefined;
}

function assertSame(directory: string, { root }: KeptTar, tar: Buffer, start: number): void {
  using branch = new DirectoryBranch(directory);
  const isOpaque = branch.xattrs("").has("trusted.overlay.opaque");
  assert.equal(root.opaque, isOpaque, "root");
  const unpacked = marked(linesOfBranch(branch), isOpaque);
  const kept = marked(linesOfCatalog(root, tar), isOpaque);
  // An implied directory has no time; one that was reached by a symlink which is gone did not get it.
  forgetTimes([kept, unpacked], [...impliedPaths(root), ...madeSince(unpacked, start)]);
  assert.deepEqual(kept, unpacked);
}
