/** Files that one line makes and another one deletes, as far as the text tells. */
import type { Instruction, Stage } from "../../types.ts";
import { mergedRuns } from "../lines.ts";
import { type LintContext, type Run, runsOf } from "../lint_context.ts";
import { commandsOf, operands, type ShellCommand } from "../shell_commands.ts";
import type { Draft } from "../types.ts";

export function deletedInLaterLayer(context: LintContext): Draft[] {
  return context.dockerfile.stages.flatMap((stage) =>
    runsOf(stage).flatMap((run) => {
      const maker = makerOf(stage, run);
      if (maker === undefined) return [];
      const { what, instruction } = maker;
      const message = `${what} is deleted here, and stays in the layer of line ${instruction.span.start.line}`;
      const all: readonly Instruction[] = stage.instructions;
      const isNext = all.indexOf(run.instruction) === all.indexOf(instruction) + 1;
      const fix = isNext ? mergedRuns(context.dockerfile, instruction, run.instruction) : undefined;
      return { rule: "DeletedInLaterLayer", message, span: run.instruction.span, fix } satisfies Draft;
    }),
  );
}

/** Of one RUN: each is looked for in all lines before. */
const mostDeletions = 20;

interface Maker {
  /** What is deleted, in words. */
  readonly what: string;
  readonly instruction: Instruction;
}

/** The last line before the RUN that makes something that it deletes. */
function makerOf(stage: Stage, run: Run): Maker | undefined {
  const all: readonly Instruction[] = stage.instructions;
  const before = all.slice(0, all.indexOf(run.instruction)).toReversed();
  for (const deletion of run.commands.flatMap(deletionsOf).slice(0, mostDeletions)) {
    // What the same RUN makes is gone before there is a layer.
    if (run.commands.some(deletion.isMadeBy)) continue;
    const instruction = before.find((each) => makes(each, deletion));
    if (instruction !== undefined) return { what: deletion.what, instruction };
  }
  return undefined;
}

interface Deletion {
  readonly what: string;
  readonly path?: string;
  readonly isMadeBy: (command: ShellCommand) => boolean;
}

const isApt = ({ name }: ShellCommand): boolean => name === "apt-get" || name === "apt";

function deletionsOf(command: ShellCommand): Deletion[] {
  const [verb] = operands(command);
  if (command.name === "rm" || command.name === "rmdir")
    return operands(command).flatMap((path) => deletedPath(path));
  if (isApt(command) && /^(?:remove|purge|autoremove)$/.test(verb ?? "")) {
    return [
      packages("What apt-get has installed", (other) => isApt(other) && other.words.includes("install")),
    ];
  }
  if (command.name === "apk" && verb === "del") {
    return [packages("What apk has added", (other) => other.name === "apk" && other.words.includes("add"))];
  }
  return [];
}

function packages(what: string, isMadeBy: Deletion["isMadeBy"]): Deletion {
  return { what, isMadeBy };
}

function deletedPath(written: string): Deletion[] {
  const path = written.replace(/\/\*$|\/+$/g, "");
  if (path.startsWith("/var/lib/apt/lists")) {
    return [
      {
        what: "The list of packages",
        path,
        isMadeBy: (other) => isApt(other) && other.words.includes("update"),
      },
    ];
  }
  // Short or unclear words are found by chance.
  if (path.length < 4 || /[$*?[]/.test(path)) return [];
  const name = path.replace(/^.*\//, "");
  const isPath = (word: string): boolean => word === path || word.startsWith(`${path}/`);
  return [
    {
      what: path,
      path,
      isMadeBy: ({ name: command, words }) =>
        (/^(?:curl|wget|tar|unzip|git|mkdir|touch|cp|mv|tee|dd|ln|echo|cat|printf|install)$/.test(command) &&
          words.some((word) => isPath(word) || word.endsWith(`=${path}`) || word === `-o${path}`)) ||
        (command === "wget" && words.some((word) => word.endsWith(`/${name}`)) && !path.includes("/")),
    },
  ];
}

function makes(instruction: Instruction, { path, isMadeBy }: Deletion): boolean {
  if (instruction.kind === "run") return commandsOf(instruction.command).some(isMadeBy);
  if ((instruction.kind !== "copy" && instruction.kind !== "add") || path === undefined) return false;
  const { destination, sources } = instruction;
  const places = [
    destination,
    ...sources.map((source) => `${destination.replace(/\/*$/, "/")}${source.replace(/^.*\//, "")}`),
  ];
  return places.some((place) => place.replace(/\/+$/, "") === path);
}
