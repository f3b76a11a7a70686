/** Base images whose name may mean something else tomorrow. */
import { baseStage, globalDefaults, type LintContext } from "../lint_context.ts";
import type { Draft } from "../types.ts";
import { platformArguments, valueOf } from "./from_arguments.ts";

export function baseImages({ dockerfile }: LintContext): Draft[] {
  const defaults = globalDefaults(dockerfile);
  const lookup = (name: string): string | undefined =>
    defaults.get(name) ?? (platformArguments.includes(name) ? "x" : undefined);
  return dockerfile.stages.flatMap((stage): Draft[] => {
    const { image, span } = stage.from;
    const name = valueOf(image, lookup, dockerfile.escape) ?? "";
    const isStage =
      baseStage(dockerfile, stage) !== undefined ||
      dockerfile.stages.some(({ from }) => from.name === name.toLowerCase());
    if (name === "" || /[:@/-]$/.test(name) || name === "scratch" || isStage || name.includes("@")) return [];
    const tag = /:([\w][\w.-]*)$/.exec(name)?.[1];
    if (tag === undefined) return [{ rule: "UnpinnedBase", message: `Base image ${name} has no tag`, span }];
    if (tag === "latest")
      return [{ rule: "UnpinnedBase", message: `Base image ${name} follows the latest version`, span }];
    return [{ rule: "BaseWithoutDigest", message: `Base image ${name} is not pinned to a digest`, span }];
  });
}
