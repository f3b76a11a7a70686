/** Habits of shells that do harm in a RUN. */
import type { Instruction, RunInstruction, Stage } from "../../types.ts";
import { linesOf, mergedRuns } from "../lines.ts";
import { type LintContext, type Run, runsOf } from "../lint_context.ts";
import type { ShellCommand } from "../shell_commands.ts";
import type { Draft, LintFix } from "../types.ts";

export function runHabits(context: LintContext): Draft[] {
  return context.dockerfile.stages.flatMap((stage) =>
    runsOf(stage).flatMap((run) => [
      ...updateAlone(context, stage, run),
      ...directory(context, run),
      ...sudo(context, run),
    ]),
  );
}

const isApt = ({ name }: ShellCommand): boolean => name === "apt-get" || name === "apt";
const installs = (command: ShellCommand): boolean =>
  isApt(command) &&
  /\b(?:install|upgrade|dist-upgrade|full-upgrade|build-dep|source|download)\b/.test(command.words.join(" "));

function updateAlone({ dockerfile }: LintContext, stage: Stage, { instruction, commands }: Run): Draft[] {
  if (
    !commands.some((command) => isApt(command) && command.words.includes("update")) ||
    commands.some(installs)
  )
    return [];
  const all: readonly Instruction[] = stage.instructions;
  const next = all[all.indexOf(instruction) + 1];
  const fix = next?.kind === "run" ? mergedRuns(dockerfile, instruction, next) : undefined;
  const message = "`apt-get update` in a RUN of its own";
  return [{ rule: "AptUpdateAlone", message, span: instruction.span, fix }];
}

function directory({ dockerfile }: LintContext, { instruction, commands }: Run): Draft[] {
  const [first, ...more] = commands;
  const to = first?.words[0];
  if (first?.name !== "cd" || to === undefined || to === "-") return [];
  const message =
    more.length === 0
      ? `\`cd ${to}\` ends with its RUN and does nothing`
      : `\`cd ${to}\` at the begin of a RUN`;
  const fix =
    more.length === 0
      ? { lines: [`WORKDIR ${to}`], span: instruction.span }
      : withWorkdir(linesOf(dockerfile, instruction.span), instruction, to);
  return [{ rule: "CdInsteadOfWorkdir", message, span: instruction.span, fix }];
}

function withWorkdir(
  lines: readonly string[],
  { span, mounts }: RunInstruction,
  to: string,
): LintFix | undefined {
  const [line = "", second, ...rest] = lines;
  const here = /^(\s*RUN\s+)cd\s+\S+\s*(?:&&|;)\s*(\S.*)$/i.exec(line);
  if (mounts.length > 0 || to.includes("$")) return undefined;
  if (here !== null && here[2] !== "\\" && here[2] !== "`") {
    return {
      lines: [`WORKDIR ${to}`, `${here[1]}${here[2]}`, ...(second === undefined ? [] : [second, ...rest])],
      span,
    };
  }
  if (second === undefined || !/^\s*RUN\s+cd\s+\S+\s*(?:&&|;)?\s*[\\`]\s*$/i.test(line)) return undefined;
  return { lines: [`WORKDIR ${to}`, `RUN ${second.trim().replace(/^(?:&&|;)\s*/, "")}`, ...rest], span };
}

function sudo({ dockerfile }: LintContext, { instruction, commands }: Run): Draft[] {
  if (!commands.some(({ hasSudo }) => hasSudo)) return [];
  const { span } = instruction;
  const before = linesOf(dockerfile, span);
  // With flags it does something else than to make root.
  const lines = before.map((line) => line.replace(/\bsudo\s+(?!-)/g, ""));
  const fix = lines.join("\n") === before.join("\n") ? undefined : { lines, span };
  return [{ rule: "SudoInRun", message: "sudo in a RUN", span, fix }];
}
