/** What could be better in a Dockerfile, from its text alone. */
import type { Dockerfile } from "../types.ts";
import { checkedFixes } from "./checked_fixes.ts";
import { allInstructions } from "./lines.ts";
import type { LintContext } from "./lint_context.ts";
import { ruleCatalog } from "./rule_catalog.ts";
import { addInsteadOfCopy } from "./rules/add_instead_of_copy.ts";
import { attributesAfterCopy } from "./rules/attributes_after_copy.ts";
import { baseImages } from "./rules/base_images.ts";
import { copyBeforeInstall } from "./rules/copy_before_install.ts";
import { deletedInLaterLayer } from "./rules/deleted_in_later_layer.ts";
import { fromArguments } from "./rules/from_arguments.ts";
import { missingUser } from "./rules/missing_user.ts";
import { packageCaches } from "./rules/package_caches.ts";
import { parserWarnings } from "./rules/parser_warnings.ts";
import { runHabits } from "./rules/run_habits.ts";
import { secretFiles, secretTextsIn, secretVariables } from "./rules/secrets.ts";
import { descriptions, exposedPorts, ignoredSources, workdirs } from "./rules/small_rules.ts";
import { variables } from "./rules/variables.ts";
import { readCheckDirective, silencer } from "./silencer.ts";
import type { Draft, LintFinding, LintOptions } from "./types.ts";

const rules: readonly ((context: LintContext) => Draft[])[] = [
  parserWarnings,
  fromArguments,
  variables,
  workdirs,
  exposedPorts,
  ignoredSources,
  descriptions,
  secretVariables,
  secretFiles,
  secretTextsIn,
  baseImages,
  packageCaches,
  attributesAfterCopy,
  copyBeforeInstall,
  addInsteadOfCopy,
  runHabits,
  deletedInLaterLayer,
  missingUser,
];

/** Far over what a person writes; some rules look at each pair of instructions. */
const largest = { instructions: 500, characters: 1 << 17 };

/**
 * In the order of lines. Nothing is looked up: neither files nor images. Of a file of over 500 instructions or 128 Ki characters
 * only what the parser found is told.
 */
export function lintDockerfile(dockerfile: Dockerfile, options: LintOptions = {}): LintFinding[] {
  const context = { dockerfile, options };
  const wanted = isTooLarge(dockerfile) ? [parserWarnings] : rules;
  const drafts = wanted.flatMap((rule) => rule(context));
  return judged(dockerfile, options, drafts).sort((a, b) => a.span.start.line - b.span.start.line);
}

function isTooLarge(dockerfile: Dockerfile): boolean {
  const characters = dockerfile.lines.reduce((sum, line) => sum + line.length, 0);
  return characters > largest.characters || allInstructions(dockerfile).length > largest.instructions;
}

/** Leaves out what is silenced, and says how bad the rest is and why; `# check=error=true` makes warnings errors. */
export function judged(
  dockerfile: Dockerfile,
  options: LintOptions,
  drafts: readonly Draft[],
): LintFinding[] {
  const isSilenced = silencer(dockerfile, options);
  const { error } = readCheckDirective(dockerfile.directives.check);
  const heard = drafts.filter((draft) => !isSilenced(draft));
  return checkedFixes(dockerfile, heard).map(({ fix, ...draft }) => {
    const { severity, why } = ruleCatalog[draft.rule];
    const raised = error && severity === "warning" ? "error" : severity;
    return { ...draft, severity: raised, why, ...(fix !== undefined && { fix }) };
  });
}
