/** `chmod` and `chown` of what COPY has just made. */
import type { CopyInstruction, Instruction, RunInstruction, Stage } from "../../types.ts";
import { lastLine, spanFrom, withFlag } from "../lines.ts";
import { type LintContext, runsOf } from "../lint_context.ts";
import { operands, type ShellCommand } from "../shell_commands.ts";
import type { Draft, LintFix } from "../types.ts";

export function attributesAfterCopy(context: LintContext): Draft[] {
  return context.dockerfile.stages.flatMap((stage) =>
    runsOf(stage).flatMap(({ instruction, commands }) =>
      commands.flatMap((command): Draft[] => {
        const [value, ...paths] = operands(command);
        if ((command.name !== "chmod" && command.name !== "chown") || value === undefined) return [];
        const copy = copyOf(stage, instruction, paths);
        if (copy === undefined) return [];
        const flag = command.name === "chmod" ? copy.chmod : copy.chown;
        const message = `${command.name} of what ${copy.kind.toUpperCase()} made in line ${copy.span.start.line}; \`--${command.name}=${value}\` there makes it so at once`;
        const isAll = commands.length === 1 && flag === undefined && isLiteral(command, value);
        const fix = isAll
          ? moved(context, stage, copy, instruction, `--${command.name}=${value}`)
          : undefined;
        return [{ rule: "AttributesChangedAfterCopy", message, span: instruction.span, fix }];
      }),
    ),
  );
}

/** COPY takes modes in octal; symbolic ones are added to what is there. */
function isLiteral({ name }: ShellCommand, value: string): boolean {
  return name === "chown" ? !value.includes("$") : /^0?[0-7]{3,4}$/.test(value);
}

function copyOf(stage: Stage, run: RunInstruction, paths: readonly string[]): CopyInstruction | undefined {
  const before = resolved(stage, run);
  const targets = paths.map((path) => before.resolve(path));
  return before.copies.findLast(({ places }) =>
    places.some((place) =>
      targets.some((target) => isSameOrBelow(place, target) || isSameOrBelow(target, place)),
    ),
  )?.copy;
}

interface Copied {
  readonly copy: CopyInstruction;
  /** Where its sources lie afterwards. */
  readonly places: readonly string[];
}

function resolved(stage: Stage, until: Instruction): { copies: Copied[]; resolve: (path: string) => string } {
  let directory = "/";
  const resolve = (path: string): string => tidy(path.startsWith("/") ? path : `${directory}/${path}`);
  const copies: Copied[] = [];
  for (const instruction of stage.instructions) {
    if (instruction === until) break;
    if (instruction.kind === "workdir") directory = resolve(instruction.path);
    if (instruction.kind === "copy" || instruction.kind === "add") {
      copies.push({ copy: instruction, places: placesOf(instruction, resolve) });
    }
  }
  return { copies, resolve };
}

function placesOf(copy: CopyInstruction, resolve: (path: string) => string): string[] {
  const destination = resolve(copy.destination);
  const sources = [...copy.sources, ...copy.hereDocuments.map(({ name }) => name)];
  const intoDirectory =
    copy.destination.endsWith("/") || /(?:^|\/)\.$/.test(copy.destination) || sources.length > 1;
  if (!intoDirectory) return [destination];
  return sources.map((source) => {
    const name = source.replace(/\/+$/, "").replace(/^.*\//, "");
    // Of a directory or a pattern all of the destination may come.
    return name.includes(".") && !/^\.+$|[*?$]/.test(name) ? tidy(`${destination}/${name}`) : destination;
  });
}

function tidy(path: string): string {
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  return `/${parts.join("/")}`;
}

function isSameOrBelow(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory === "/" ? "/" : `${directory}/`);
}

/** The flag goes to the COPY, and the RUN goes. */
function moved(
  { dockerfile }: LintContext,
  stage: Stage,
  copy: CopyInstruction,
  run: RunInstruction,
  flag: string,
): LintFix | undefined {
  const all: readonly Instruction[] = stage.instructions;
  if (all.indexOf(run) < all.indexOf(copy)) return undefined;
  const between = dockerfile.lines.slice(lastLine(copy.span), run.span.start.line - 1);
  return { lines: [...withFlag(dockerfile, copy, flag), ...between], span: spanFrom(copy, run) };
}
