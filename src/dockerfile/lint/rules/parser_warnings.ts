/** What the parser has found already, with the change that helps. */
import type { Dockerfile, DockerfileWarning, Instruction } from "../../types.ts";
import { instructionAt, linesOf, replaceIn } from "../lines.ts";
import type { LintContext } from "../lint_context.ts";
import { isRuleName } from "../rule_catalog.ts";
import type { Draft, LintFix } from "../types.ts";

export function parserWarnings({ dockerfile }: LintContext): Draft[] {
  return dockerfile.warnings.flatMap((warning) => {
    const { rule, message, span } = warning;
    return isRuleName(rule) ? [{ rule, message, span, fix: fixOf(dockerfile, warning) }] : [];
  });
}

function fixOf(dockerfile: Dockerfile, warning: DockerfileWarning): LintFix | undefined {
  const { rule, span } = warning;
  const instruction = instructionAt(dockerfile, span.start.line);
  if (instruction === undefined) return undefined;
  switch (rule) {
    case "JSONArgsRecommended":
      return jsonForm(instruction);
    case "MaintainerDeprecated":
      if (instruction.kind !== "maintainer") return undefined;
      return {
        lines: [`LABEL org.opencontainers.image.authors=${JSON.stringify(instruction.author)}`],
        span,
      };
    case "LegacyKeyValueFormat":
      if (instruction.kind !== "env" && instruction.kind !== "label") return undefined;
      return legacyPair(instruction);
    case "ConsistentInstructionCasing":
      return replaceIn(dockerfile, instruction, /^\s*[A-Za-z]+/, otherCase(warning, instruction));
    case "FromAsCasing":
      return fromAs(dockerfile, instruction);
    case "MultipleInstructionsDisallowed":
      return { lines: [], span: instruction.span };
    case "NoEmptyContinuation":
      return {
        lines: linesOf(dockerfile, instruction.span).filter((line) => line.trim() !== ""),
        span: instruction.span,
      };
  }
  return undefined;
}

function fromAs(dockerfile: Dockerfile, instruction: Instruction): LintFix | undefined {
  const [line = ""] = linesOf(dockerfile, instruction.span);
  const as = /^\s*from\b/.test(line) ? " as " : " AS ";
  return replaceIn(dockerfile, instruction, /\s+as\s+(?=\S+\s*$)/i, as);
}

/** A shell stays where it is needed, and gives its place to the command. */
function jsonForm(instruction: Instruction): LintFix | undefined {
  if (instruction.kind !== "cmd" && instruction.kind !== "entrypoint") return undefined;
  if (instruction.command.form !== "shell") return undefined;
  const { text } = instruction.command;
  const words = /[$'"\\;&|<>*?`(){}~#=]/.test(text)
    ? ["/bin/sh", "-c", `exec ${text}`]
    : text.trim().split(/\s+/);
  if (/[;&|\\]/.test(text)) return undefined;
  const json = `[${words.map((word) => JSON.stringify(word)).join(", ")}]`;
  return { lines: [`${instruction.kind.toUpperCase()} ${json}`], span: instruction.span };
}

function legacyPair(instruction: Extract<Instruction, { kind: "env" | "label" }>): LintFix | undefined {
  const [pair] = instruction.values;
  if (pair === undefined) return undefined;
  const { name, value } = pair;
  const isPlain = /^[^\s"'\\]*$/.test(value);
  if (!isPlain && /["'\\]/.test(value)) return undefined;
  const lines = [`${instruction.kind.toUpperCase()} ${name}=${isPlain ? value : `"${value}"`}`];
  return { lines, span: instruction.span };
}

/** The message says which case most instructions have. */
function otherCase({ message }: DockerfileWarning, { kind }: Instruction): string {
  return message.endsWith("(lowercase)") ? kind : kind.toUpperCase();
}
