/** The reader and writer of a spelling. */
import { fileMarks } from "./file_marks.ts";
import type { Marks, MarkWriter } from "./marks.ts";
import { overlayMarks } from "./overlay_marks.ts";
import { childOf } from "./path.ts";
import type { Spelling } from "./types.ts";

/** How a branch that may be written to spells: one without any spelling could lose nothing of lower branches. */
export function markWriterOf(spelling: Exclude<Spelling, "none">): Marks & MarkWriter {
  switch (spelling) {
    case "overlay":
      return overlayMarks("trusted.overlay.");
    case "overlay-user":
      return overlayMarks("user.overlay.");
    case "files":
      return fileMarks;
  }
}

export function marksOf(spelling: Spelling): Marks {
  return spelling === "none" ? noMarks : markWriterOf(spelling);
}

const noMarks: Marks = {
  find(branch, directory, name) {
    const stat = branch.stat(childOf(directory, name));
    return stat === undefined ? { stops: false } : { stat, stops: false };
  },
  list: (branch, directory) => ({ entries: branch.list(directory), hidden: [] }),
  isWhiteout: () => false,
  redirect: () => undefined,
  isMetacopy: () => false,
  xattrs: (branch, path) => new Map(branch.xattrs(path)),
};
