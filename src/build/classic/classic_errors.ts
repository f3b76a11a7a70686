/** What Docker's old builder says of steps that fail, and of some that do not (moby 20.10; behaviours B078). */
import type { CopyInstruction, RunInstruction } from "../../dockerfile/index.ts";
import { Failure } from "../../errors.ts";
import type { ContainerConfig } from "../../oci/index.ts";
import { healthcheckOf } from "./history_facts.ts";

/** @param words all of them, of both forms; joined by blanks */
export function runFailureText(words: readonly string[], code: number): string {
  return `The command '${words.join(" ")}' returned a non-zero code: ${code}`;
}

/** The line before a `HEALTHCHECK` that takes another's place; undefined: there was none. */
export function replacedHealthcheckText(before: ContainerConfig): string | undefined {
  const test = healthcheckOf(before)?.Test ?? [];
  if (test.length === 0 || test[0] === "NONE") return undefined;
  return `Note: overriding previous HEALTHCHECK: [${test.join(" ")}]\n`;
}

const learn =
  "Refer to https://docs.docker.com/go/buildkit/ to learn how to build images with BuildKit enabled";

/**
 * Refuses what the old builder does not know. Its history could not tell of it, so its cache would take one step for
 * another.
 * @throws Failure("invalid") with Docker's text
 */
export function checkClassic(instruction: CopyInstruction | RunInstruction): void {
  if (hasHereDocument(instruction)) {
    throw new Failure("invalid", `here-documents require BuildKit. ${learn}`, {
      hint: "leave out --classic, or put the document into a file",
    });
  }
  const flag = instruction.kind === "run" ? runFlag(instruction) : copyFlag(instruction);
  if (flag === undefined) return;
  throw new Failure("invalid", `the --${flag} option requires BuildKit. ${learn}`, {
    hint: "leave out --classic, or the option",
  });
}

function hasHereDocument(instruction: CopyInstruction | RunInstruction): boolean {
  if (instruction.kind !== "run") return instruction.hereDocuments.length > 0;
  return instruction.command.form === "shell" && instruction.command.hereDocuments.length > 0;
}

function runFlag({ mounts, network, security }: RunInstruction): string | undefined {
  if (mounts.length > 0) return "mount";
  if (network !== undefined) return "network";
  return security === undefined ? undefined : "security";
}

function copyFlag(instruction: CopyInstruction): string | undefined {
  const { chmod, link, parents, exclude, checksum, keepGitDir, unpack } = instruction;
  if (chmod !== undefined) return "chmod";
  if (link) return "link";
  if (parents) return "parents";
  if (exclude.length > 0) return "exclude";
  if (checksum !== undefined) return "checksum";
  if (keepGitDir) return "keep-git-dir";
  return unpack === undefined ? undefined : "unpack";
}
