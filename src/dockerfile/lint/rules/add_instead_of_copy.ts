/** ADD that does nothing that COPY would not do. */
import { allInstructions, replaceIn } from "../lines.ts";
import type { LintContext } from "../lint_context.ts";
import type { Draft } from "../types.ts";

/** URLs, git references, archives, and what a variable or a pattern may turn out to be. */
const needsAdd =
  /^[a-z][a-z0-9+.-]*:\/\/|^git@|\$|\.(?:tar(?:\.\w+)?|t[gx]z|tbz2?|tzst|gz|xz|bz2|zst)$|^[^.]*\*$/i;

export function addInsteadOfCopy({ dockerfile }: LintContext): Draft[] {
  return allInstructions(dockerfile).flatMap((instruction): Draft[] => {
    if (instruction.kind !== "add" || instruction.checksum !== undefined || instruction.unpack !== undefined)
      return [];
    if (instruction.sources.some((source) => needsAdd.test(source))) return [];
    const fix = replaceIn(dockerfile, instruction, /^\s*ADD\b/i, "COPY");
    const message = "ADD of plain files, where COPY is enough";
    return [{ rule: "AddInsteadOfCopy", message, span: instruction.span, fix }];
  });
}
