/** The whole context is copied before dependencies are installed. */
import type { CopyInstruction, RunInstruction } from "../../types.ts";
import { lastLine, linesOf, spanFrom } from "../lines.ts";
import { type LintContext, runsOf } from "../lint_context.ts";
import { operands, type ShellCommand } from "../shell_commands.ts";
import type { Draft, LintFix } from "../types.ts";

/** The files that decide what a command installs; undefined: it installs nothing that is listed in files. */
function manifestsOf(command: ShellCommand): readonly string[] | undefined {
  const { name, words } = command;
  const [verb, object] = operands(command);
  const list = words[words.findIndex((word) => word === "-r" || word === "--requirement") + 1];
  if (name === "npm" && (verb === "ci" || ((verb === "install" || verb === "i") && object === undefined)))
    return ["package*.json"];
  if (name === "yarn" && (verb === undefined || verb === "install")) return ["package.json", "yarn.lock"];
  if (name === "pnpm" && (verb === "install" || verb === "i" || verb === "fetch"))
    return ["package.json", "pnpm-lock.yaml"];
  if (
    /^(?:pip|python)[\d.]*$/.test(name) &&
    words.includes("install") &&
    words.some((word) => word === "-r" || word === "--requirement")
  )
    return [list ?? "requirements.txt"];
  if (name === "poetry" && verb === "install") return ["pyproject.toml", "poetry.lock"];
  if (name === "go" && verb === "mod" && object === "download") return ["go.mod", "go.sum"];
  if (name === "bundle" && verb === "install") return ["Gemfile*"];
  if (name === "composer" && verb === "install") return ["composer.json", "composer.lock"];
  if (name === "cargo" && verb === "fetch") return ["Cargo.toml", "Cargo.lock"];
  if (name === "mvn" && words.some((word) => word.startsWith("dependency:"))) return ["pom.xml"];
  return undefined;
}

export function copyBeforeInstall(context: LintContext): Draft[] {
  return context.dockerfile.stages.flatMap((stage) => {
    const copy = stage.instructions.find(
      (instruction) =>
        (instruction.kind === "copy" || instruction.kind === "add") && isWholeContext(instruction),
    ) as CopyInstruction | undefined;
    if (copy === undefined) return [];
    // What is installed once is not installed again by the next command.
    let isFound = false;
    return runsOf(stage).flatMap(({ instruction, commands }): Draft[] => {
      const found = commands.flatMap((command) => (manifestsOf(command) === undefined ? [] : command))[0];
      if (found === undefined || isFound || instruction.span.start.line < copy.span.start.line) return [];
      isFound = true;
      const command = [found.name, ...found.words.slice(0, 2)].join(" ");
      const message = `\`${command}\` runs again after every change, as line ${copy.span.start.line} copies all files before it`;
      const manifests = manifestsOf(found) ?? [];
      return [
        {
          rule: "CopyBeforeInstall",
          message,
          span: instruction.span,
          fix: reordered(context, copy, instruction, manifests),
        },
      ];
    });
  });
}

function isWholeContext({ sources, from }: CopyInstruction): boolean {
  return from === undefined && sources.some((source) => /^\.?\/?\.?$|^\*$/.test(source));
}

function reordered(
  { dockerfile }: LintContext,
  copy: CopyInstruction,
  run: RunInstruction,
  manifests: readonly string[],
): LintFix {
  const { destination } = copy;
  const directory =
    manifests.length > 1 || manifests[0]?.includes("*") === true
      ? destination.replace(/\/*$/, "/")
      : destination;
  const between = dockerfile.lines.slice(lastLine(copy.span), run.span.start.line - 1);
  const lines = [
    `COPY ${manifests.join(" ")} ${directory}`,
    ...between,
    ...linesOf(dockerfile, run.span),
    ...linesOf(dockerfile, copy.span),
  ];
  return { lines, span: spanFrom(copy, run) };
}
