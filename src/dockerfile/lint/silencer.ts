/** Which findings nobody wants to hear of. */
import type { Dockerfile } from "../types.ts";
import { instructionAt } from "./lines.ts";
import { ruleCatalog } from "./rule_catalog.ts";
import type { Draft, LintOptions } from "./types.ts";

export interface CheckDirective {
  readonly skip: readonly string[];
  readonly experimental: readonly string[];
  /** Warnings are errors. */
  readonly error: boolean;
}

/** `# check=skip=Rule,Rule;experimental=Rule;error=true`, as Docker has it; names are compared in any case. */
export function readCheckDirective(text: string | undefined): CheckDirective {
  const values = new Map(
    (text ?? "").split(";").map((part) => {
      const [name = "", ...value] = part.split("=");
      return [name.trim().toLowerCase(), value.join("=").trim()];
    }),
  );
  const list = (name: string): string[] =>
    (values.get(name) ?? "").split(",").flatMap((rule) => rule.trim() || []);
  return { skip: list("skip"), experimental: list("experimental"), error: values.get("error") === "true" };
}

const ignoring = /^varve:\s*ignore\s+(.+)$/i;

/** Says of a finding whether it is silenced: by options, by `# check=`, or by `# varve: ignore RULE` above its line. */
export function silencer(dockerfile: Dockerfile, options: LintOptions): (draft: Draft) => boolean {
  const directive = readCheckDirective(dockerfile.directives.check);
  const skipped = namesIn([...directive.skip, ...(options.skip ?? [])]);
  const wanted = namesIn([...directive.experimental, ...(options.experimental ?? [])]);
  const comments = new Map(dockerfile.comments.map(({ line, text }) => [line, text]));
  const isIn = (names: ReadonlySet<string>, rule: string): boolean =>
    names.has(rule.toLowerCase()) || names.has("all");
  const isIgnored = ({ rule, span }: Draft): boolean => {
    const start = instructionAt(dockerfile, span.start.line)?.span.start.line ?? span.start.line;
    for (let line = start - 1; comments.has(line); line--) {
      const names = ignoring.exec(comments.get(line) ?? "")?.[1]?.split(/[\s,]+/) ?? [];
      if (isIn(namesIn(names), rule)) return true;
    }
    return false;
  };
  return (draft) =>
    isIn(skipped, draft.rule) ||
    (ruleCatalog[draft.rule].experimental === true && !isIn(wanted, draft.rule)) ||
    isIgnored(draft);
}

function namesIn(names: readonly string[]): ReadonlySet<string> {
  return new Set(names.map((name) => name.toLowerCase()));
}
