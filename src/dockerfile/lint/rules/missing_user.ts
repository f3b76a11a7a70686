/** The image's processes run as root. */
import type { Instruction } from "../../types.ts";
import { linesOf } from "../lines.ts";
import { inherited, type LintContext, stagesBelow } from "../lint_context.ts";
import type { Draft } from "../types.ts";

export function missingUser({ dockerfile }: LintContext): Draft[] {
  const stage = dockerfile.stages.at(-1);
  if (stage === undefined || /nonroot|rootless/.test(stagesBelow(dockerfile, stage)[0]?.from.image ?? ""))
    return [];
  const user = inherited(dockerfile, stage).findLast((instruction) => instruction.kind === "user");
  const isRoot = user?.kind === "user" && /^(?:root|0)(?::|$)/.test(user.user);
  if (user !== undefined && !isRoot) return [];
  const message =
    user === undefined
      ? "No USER: processes run as root"
      : `USER ${isRoot && user.kind === "user" ? user.user : ""}: processes run as root`;
  const all: readonly Instruction[] = stage.instructions;
  const place = all.find(({ kind }) => kind === "cmd" || kind === "entrypoint") ?? all.at(-1) ?? stage.from;
  const lines = linesOf(dockerfile, place.span);
  const isBefore = place.kind === "cmd" || place.kind === "entrypoint";
  const fix = {
    span: place.span,
    lines: isBefore ? ["USER 1000:1000", ...lines] : [...lines, "USER 1000:1000"],
  };
  return [{ rule: "MissingUser", message, span: (user ?? stage.from).span, fix }];
}
