/** Files that one line made and another one deleted or replaced. */
import { type Dockerfile, type Draft, instructionAt, mergedRuns } from "../../dockerfile/index.ts";
import type { HiddenFiles, LineCost } from "../costs/index.ts";
import { exampleText } from "./examples.ts";

/** Every installation replaces the package manager's own books: only what is larger is worth a word. Bytes. */
const smallestReplaced = 1 << 20;

export function hiddenFiles(dockerfile: Dockerfile, costs: readonly LineCost[]): Draft[] {
  return costs.flatMap((cost) =>
    groups(cost).flatMap((group): Draft[] => {
      const { line, how, bytes, files, examples } = group;
      // The base image's bytes do not go by changing a line here.
      if (line === undefined || bytes < (how === "deleted" ? 1 : smallestReplaced)) return [];
      const [maker, remover] = [instructionAt(dockerfile, line), instructionAt(dockerfile, cost.line)];
      const verb = `${files > 1 ? "are" : "is"} ${how === "deleted" ? "deleted" : "replaced"}`;
      const message = `${exampleText(examples, files)} of line ${line} ${verb} here`;
      const fix =
        maker && remover && isNext(costs, line, cost.line)
          ? mergedRuns(dockerfile, maker, remover)
          : undefined;
      return [
        { rule: "DeletedInLaterLayer", message, span: remover?.span ?? cost.span, bytesLost: bytes, fix },
      ];
    }),
  );
}

type Group = Pick<HiddenFiles, "line" | "how" | "bytes" | "files" | "examples">;

/** Caches of package managers are files like others here. */
function groups({ hides }: LineCost): Group[] {
  const merged = new Map<string, Group>();
  for (const { line, how, bytes, files, examples } of hides) {
    if (how === "copied") continue;
    const key = `${how} ${line}`;
    const before = merged.get(key);
    merged.set(key, {
      ...(line !== undefined && { line }),
      how,
      bytes: bytes + (before?.bytes ?? 0),
      files: files + (before?.files ?? 0),
      examples: before?.examples ?? examples,
    });
  }
  return [...merged.values()];
}

/** Whether no step stands between two lines. */
function isNext(costs: readonly LineCost[], first: number, second: number): boolean {
  const lines = costs.map(({ line }) => line);
  return lines.indexOf(second) === lines.indexOf(first) + 1;
}
