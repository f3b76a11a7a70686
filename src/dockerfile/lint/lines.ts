/** From instructions to the lines that they stand in, and to changed lines. */
import type { Dockerfile, Instruction, Span } from "../types.ts";
import type { LintFix } from "./types.ts";

export function allInstructions({ globalArgs, stages }: Dockerfile): Instruction[] {
  return [...globalArgs, ...stages.flatMap(({ from, instructions }) => [from, ...instructions])];
}

const instructionsByLine = new WeakMap<Dockerfile, ReadonlyMap<number, Instruction>>();

/** The instruction to which a line belongs. */
export function instructionAt(dockerfile: Dockerfile, line: number): Instruction | undefined {
  const byLine = instructionsByLine.get(dockerfile) ?? indexed(dockerfile);
  instructionsByLine.set(dockerfile, byLine);
  return byLine.get(line);
}

function indexed(dockerfile: Dockerfile): ReadonlyMap<number, Instruction> {
  const byLine = new Map<number, Instruction>();
  for (const instruction of allInstructions(dockerfile)) {
    const { span } = instruction;
    for (let line = span.start.line; line <= lastLine(span); line++) byLine.set(line, instruction);
  }
  return byLine;
}

/** A span may end at the begin of a line that it has nothing of. */
export function lastLine({ start, end }: Span): number {
  return Math.max(start.line, end.column === 1 ? end.line - 1 : end.line);
}

/** The lines of a span, as written. */
export function linesOf({ lines }: Dockerfile, span: Span): string[] {
  return lines.slice(span.start.line - 1, lastLine(span));
}

/** From the begin of one instruction to the end of another. */
export function spanFrom(first: Instruction, last: Instruction): Span {
  return { start: first.span.start, end: last.span.end };
}

/** The instruction with one text in its place, once; undefined if it is not there as one piece. */
export function replaceIn(
  dockerfile: Dockerfile,
  { span }: Instruction,
  from: string | RegExp,
  to: string,
): LintFix | undefined {
  const lines = linesOf(dockerfile, span);
  const index = lines.findIndex((line) => (typeof from === "string" ? line.includes(from) : from.test(line)));
  if (index < 0) return undefined;
  const changed = lines.with(
    index,
    (lines[index] as string).replace(from, () => to),
  );
  return { lines: changed, span };
}

/** The instruction with flags behind its word. */
export function withFlag(dockerfile: Dockerfile, instruction: Instruction, flag: string): string[] {
  const [first = "", ...rest] = linesOf(dockerfile, instruction.span);
  return [first.replace(/^(\s*\S+)/, (word) => `${word} ${flag}`), ...rest];
}

/** The instruction with more at the end of its command; undefined where the last line is a here-document's. */
export function withCommand(
  dockerfile: Dockerfile,
  instruction: Instruction,
  command: string,
): LintFix | undefined {
  if (instruction.kind !== "run" || instruction.command.form !== "shell") return undefined;
  if (instruction.command.hereDocuments.length > 0) return undefined;
  const lines = linesOf(dockerfile, instruction.span);
  const last = (lines.at(-1) ?? "").trimEnd();
  return {
    span: instruction.span,
    lines:
      lines.length === 1
        ? [`${last} && ${command}`]
        : [...lines.slice(0, -1), `${last} ${dockerfile.escape}`, `${indentOf(lines)}&& ${command}`],
  };
}

function indentOf(lines: readonly string[]): string {
  return /^\s*/.exec(lines.at(-1) ?? "")?.[0] || "    ";
}

/** Two `RUN`s as one; undefined unless both are plain shell commands without flags, one right behind the other. */
export function mergedRuns(
  dockerfile: Dockerfile,
  first: Instruction,
  second: Instruction,
): LintFix | undefined {
  if (!isPlainRun(first) || !isPlainRun(second)) return undefined;
  const between = dockerfile.lines.slice(lastLine(first.span), second.span.start.line - 1);
  if (between.some((line) => line.trim() !== "")) return undefined;
  const [head, tail] = [linesOf(dockerfile, first.span), linesOf(dockerfile, second.span)];
  const joint = `${(head.at(-1) ?? "").trimEnd()} ${dockerfile.escape}`;
  const begin = (tail[0] ?? "").replace(/^\s*\S+\s+/, "    && ");
  return { lines: [...head.slice(0, -1), joint, begin, ...tail.slice(1)], span: spanFrom(first, second) };
}

function isPlainRun(instruction: Instruction): boolean {
  return (
    instruction.kind === "run" &&
    instruction.command.form === "shell" &&
    instruction.command.hereDocuments.length === 0 &&
    instruction.mounts.length === 0 &&
    instruction.network === undefined &&
    instruction.security === undefined
  );
}
