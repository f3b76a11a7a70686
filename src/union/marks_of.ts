/** The reader and writer of a spelling. */
import { fileMarks } from "./file_marks.ts";
import type { Marks, MarkWriter } from "./marks.ts";
import { overlayMarks } from "./overlay_marks.ts";
import type { Spelling } from "./types.ts";

export function marksOf(spelling: Spelling): Marks & MarkWriter {
  switch (spelling) {
    case "overlay":
      return overlayMarks("trusted.overlay.");
    case "overlay-user":
      return overlayMarks("user.overlay.");
    case "files":
      return fileMarks;
  }
}
