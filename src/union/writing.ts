/** What the changing operations share. */
import type { ByteString } from "../byte_string.ts";
import type { Found, FoundDirectory, LayerStack } from "./layer_stack.ts";
import type { Marks, MarkWriter } from "./marks.ts";
import type { OverlayPrefix } from "./overlay_marks.ts";
import type { WritableBranch } from "./types.ts";

/** What tells one dialect with its options from another. */
export interface Rules {
  /** Undefined for AUFS, which has neither redirects nor metacopies. */
  readonly overlay: OverlayPrefix | undefined;
  /** Whether a directory of a lower branch can be renamed. */
  readonly redirectDir: boolean;
  /** Whether a change of attributes leaves the content of a file where it is. */
  readonly metacopy: boolean;
  /** Bits that new files and directories do not get. */
  readonly umask: number;
}

export interface Writing {
  /** Its layer 0 is `upper`. */
  readonly stack: LayerStack;
  readonly upper: WritableBranch;
  readonly marks: Marks & MarkWriter;
  readonly rules: Rules;
}

/** Whether the uppermost branch has the thing under this very name. */
export function isInUpper(stack: LayerStack, found: Found, path: ByteString): boolean {
  const top = stack.top(found);
  return top.layer === 0 && top.path === path;
}

/** Whether any lower branch adds to the directory. */
export function isMerged({ parts }: FoundDirectory): boolean {
  return parts.some(({ layer }) => layer > 0);
}

/** Whether the name would show something of a lower branch if the upper one had nothing to say. */
export function isBelow(stack: LayerStack, parent: FoundDirectory, name: ByteString): boolean {
  for (const { layer, path } of parent.parts) {
    if (layer === 0) continue;
    const { branch, marks } = stack.layer(layer);
    const { stat, stops } = marks.find(branch, path, name);
    if (stat !== undefined) return true;
    if (stops) return false;
  }
  return false;
}

/** Takes whiteouts away that lie in a directory of the upper branch which shows nothing. */
export function clearMarks({ upper }: Writing, path: ByteString): void {
  for (const { name } of upper.list(path)) upper.remove(`${path}/${name}`);
}
