/** Docker's rules that look at one instruction. Texts are Docker's. */
import { fromText, toText } from "../../../byte_string.ts";
import type { Instruction } from "../../types.ts";
import { allInstructions, replaceIn } from "../lines.ts";
import { type LintContext, stagesBelow } from "../lint_context.ts";
import type { Draft } from "../types.ts";

/** A stage has a directory once it, or one below it, has set an absolute one. */
export function workdirs({ dockerfile }: LintContext): Draft[] {
  return dockerfile.stages.flatMap((stage) => {
    const isSet = (instruction: Instruction): boolean =>
      instruction.kind === "workdir" && isAbsolute(instruction.path);
    const below = stagesBelow(dockerfile, stage).slice(0, -1);
    if (below.some(({ instructions }) => instructions.some(isSet))) return [];
    const first = stage.instructions.find(isSet);
    const before = stage.instructions.slice(
      0,
      first === undefined ? undefined : stage.instructions.indexOf(first as never),
    );
    return before.flatMap((instruction) => {
      if (instruction.kind !== "workdir") return [];
      const { path, span } = instruction;
      const message = `Relative workdir ${JSON.stringify(path)} can have unexpected results if the base image changes`;
      const fix = replaceIn(dockerfile, instruction, path, `/${path.replace(/^\.\//, "")}`);
      return { rule: "WorkdirRelativePath", message, span, fix } satisfies Draft;
    });
  });
}

/** A drive of Windows is absolute, too; a variable may be anything. */
function isAbsolute(path: string): boolean {
  return /^["']?(?:[/\\$]|[A-Za-z]:)/.test(path);
}

export function exposedPorts({ dockerfile }: LintContext): Draft[] {
  return allInstructions(dockerfile).flatMap((instruction) => {
    if (instruction.kind !== "expose") return [];
    const { span } = instruction;
    return instruction.ports.flatMap((port): Draft[] => {
      const protocol = port.split("/")[1] ?? "";
      const isCased = !protocol.includes("$") && protocol !== protocol.toLowerCase();
      const casing = `Defined protocol '${port}' in EXPOSE instruction should be lowercase`;
      const mapping = `EXPOSE instruction should not define an IP address or host-port mapping, found '${port}'`;
      const isMapped = port.replace(/\$\{[^}]*\}/g, "").includes(":");
      const bare = port.replace(/^.*:/, "");
      return [
        ...(isCased
          ? [
              {
                rule: "ExposeProtoCasing",
                message: casing,
                span,
                fix: replaceIn(dockerfile, instruction, port, port.toLowerCase()),
              } as const,
            ]
          : []),
        ...(isMapped
          ? [
              {
                rule: "ExposeInvalidFormat",
                message: mapping,
                span,
                fix: replaceIn(dockerfile, instruction, port, bare),
              } as const,
            ]
          : []),
      ];
    });
  });
}

/** Not judged where an exception could bring something back, as in Docker. */
export function ignoredSources({ dockerfile, options: { ignore } }: LintContext): Draft[] {
  if (ignore === undefined) return [];
  return allInstructions(dockerfile).flatMap((instruction) => {
    if ((instruction.kind !== "copy" && instruction.kind !== "add") || instruction.from !== undefined)
      return [];
    return instruction.sources.flatMap((source): Draft[] => {
      const path = fromText(source.replace(/^(?:\.?\/)+|\/+$/g, ""));
      if (path === "" || path === "." || /^[a-z]+:|^git@/i.test(source)) return [];
      if (!ignore.isIgnored(path) || ignore.mayHoldIncluded(path)) return [];
      const word = instruction.kind === "copy" ? "Copy" : "Add";
      const message = `Attempting to ${word} file ${JSON.stringify(toText(path))} that is excluded by .dockerignore`;
      return [{ rule: "CopyIgnoredFile", message, span: instruction.span }];
    });
  });
}

export function descriptions({ dockerfile }: LintContext): Draft[] {
  const comments = new Map(dockerfile.comments.map(({ line, text }) => [line, text]));
  return allInstructions(dockerfile).flatMap((instruction): Draft[] => {
    const comment = comments.get(instruction.span.start.line - 1);
    const name =
      instruction.kind === "from"
        ? instruction.name
        : instruction.kind === "arg"
          ? instruction.values[0]?.name
          : undefined;
    if (comment === undefined || comment === "" || name === undefined || comment.split(/\s/)[0] === name)
      return [];
    const what = instruction.kind === "from" ? "build stage" : "argument";
    const message = `Comment for ${what} should follow the format: \`# ${name} <description>\`. If this is not intended to be a description comment, add an empty line or comment between the instruction and the comment.`;
    return [{ rule: "InvalidDefinitionDescription", message, span: instruction.span }];
  });
}
