/** Whether a build runs commands, found out before anything is opened: only then must file systems be mounted. */
import { statSync } from "node:fs";
import { openDirectorySource } from "../../build/index.ts";
import { parseDockerfile, type Dockerfile, type Instruction } from "../../dockerfile/index.ts";
import { isFailure } from "../../errors.ts";
import { readDockerfile } from "./context/local_context.ts";
import { dockerfileInTree } from "./context/read_in_tree.ts";
import type { BuildRequest } from "./types.ts";

/**
 * False where the Dockerfile lies on this machine and no stage that the target may need has a `RUN`, or where the build
 * is going to fail before any. What comes by standard input or over the network can be read once only: true.
 * A base image with a `RUN` in its `ONBUILD` is not looked for.
 */
export async function buildNeedsMounts({
  context,
  file,
  target,
}: Pick<BuildRequest, "file" | "target"> & { readonly context: string }): Promise<boolean> {
  if (file === "-" || (file !== undefined && /^https?:\/\//.test(file))) return true;
  if (context === "-" || /[:@]|^github\.com\//.test(context)) return true;
  const found = statSync(context, { throwIfNoEntry: false });
  // A tar would have to be read to its end.
  if (found?.isDirectory() !== true) return found !== undefined;
  try {
    const dockerfile = parseDockerfile((await localDockerfile(context, file)).bytes);
    return neededStages(dockerfile, target).some((index) =>
      runs(dockerfile.stages[index]?.instructions ?? []),
    );
  } catch (error) {
    if (isFailure(error)) return false;
    throw error;
  }
}

async function localDockerfile(context: string, file: string | undefined): ReturnType<typeof readDockerfile> {
  if (file !== undefined) return readDockerfile(file);
  using tree = openDirectorySource(context);
  return dockerfileInTree(tree, undefined);
}

const runs = (instructions: readonly Instruction[]): boolean =>
  instructions.some(({ kind }) => kind === "run");

/** The target's stage, and those before it that it may name: all of them where a name holds a variable. */
function neededStages({ stages }: Dockerfile, target: string | undefined): number[] {
  const names = stages.map(({ from }) => from.name);
  const indexOf = (name: string, before: number): number => {
    const index = names.slice(0, before).lastIndexOf(name.toLowerCase());
    return index >= 0 || !/^\d+$/.test(name) || Number(name) >= before ? index : Number(name);
  };
  const last = target === undefined ? stages.length - 1 : indexOf(target, stages.length);
  const needed = new Set<number>([last]);
  for (const index of needed) {
    const stage = stages[index];
    if (stage === undefined) continue;
    for (const name of [stage.from.image, ...stage.instructions.flatMap(sourcesOf)]) {
      if (name.includes("$")) for (let each = 0; each < index; each++) needed.add(each);
      else needed.add(indexOf(name, index));
    }
  }
  return [...needed].filter((index) => index >= 0);
}

function sourcesOf(instruction: Instruction): string[] {
  if (instruction.kind !== "copy" && instruction.kind !== "add") return [];
  return instruction.from === undefined ? [] : [instruction.from];
}
