/** `--label` as Docker's old builder does it: one more step for each, by name, after the last of the Dockerfile. */
import type { LabelInstruction } from "../dockerfile/index.ts";
import type { PlannedStage } from "./plan.ts";
import type { BuildOptions } from "./types.ts";

/** Steps of the stage for the labels that were asked for; none in the default mode, which writes no rows for them. */
export function labelSteps(
  { mode, labels = {} }: Pick<BuildOptions, "mode" | "labels">,
  { stage }: Pick<PlannedStage, "stage">,
): LabelInstruction[] {
  if (mode !== "classic") return [];
  const { span } = stage.instructions.at(-1) ?? stage.from;
  return Object.keys(labels)
    .sort()
    .map((name) => ({
      kind: "label",
      text: `LABEL ${name}=${labels[name] ?? ""}`,
      span,
      values: [{ name: literal(name), value: literal(labels[name] ?? "") }],
    }));
}

/** A word that expansion leaves as it is. */
function literal(text: string): string {
  return `'${text.replaceAll("'", `'"'"'`)}'`;
}
