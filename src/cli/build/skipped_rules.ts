import { isRuleName, ruleCatalog } from "../../dockerfile/index.ts";
import { Failure } from "../../errors.ts";
import { suggest } from "../kit/index.ts";

/** Values of `--check-skip`, each one or several with commas between. Throws `Failure("invalid")` for no rule's name. */
export function skippedRules(values: readonly string[]): string[] {
  const names = values.flatMap((value) => value.split(",")).map((name) => name.trim());
  const wrong = names.find((name) => name !== "all" && !isRuleName(name));
  if (wrong === undefined) return names;
  const meant = suggest(wrong, Object.keys(ruleCatalog));
  throw new Failure("invalid", `invalid value "${wrong}" for --check-skip: there is no such rule`, {
    hint:
      meant === undefined
        ? `The rules are ${Object.keys(ruleCatalog).join(", ")}.`
        : `Did you mean ${meant}?`,
  });
}
