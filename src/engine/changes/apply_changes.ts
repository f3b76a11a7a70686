/**
 * `--change` of commit and import: Dockerfile instructions that only touch the config (moby, builder/dockerfile,
 * `BuildFromConfig`). STOPSIGNAL is taken too, which Docker takes in a Dockerfile only.
 */
import { editConfig, setsCommand } from "../../build/index.ts";
import { expandWord, expandWords, splitInstructions } from "../../dockerfile/index.ts";
import { Failure } from "../../errors.ts";
import type { ContainerConfig } from "../../oci/index.ts";

const words = [
  "CMD",
  "ENTRYPOINT",
  "ENV",
  "EXPOSE",
  "HEALTHCHECK",
  "LABEL",
  "ONBUILD",
  "STOPSIGNAL",
  "USER",
  "VOLUME",
  "WORKDIR",
];

/**
 * The config after all `changes`; none change nothing. Throws `Failure("invalid")`, in Docker's words, for an
 * instruction that is none of these or has wrong arguments.
 */
export function applyChanges(config: ContainerConfig, changes: readonly string[]): ContainerConfig {
  if (changes.length === 0) return structuredClone(config);
  const { escape, statements } = splitInstructions(changes.join("\n"));
  const other = statements.find(({ word }) => !words.includes(word));
  if (other !== undefined) throw unknown(other.word);
  const instructions = statements.map(({ parse }) => parse());
  let result = structuredClone(config);
  let commandSet = false;
  for (const instruction of instructions) {
    const lookup = variables(result);
    result = editConfig(result, instruction, {
      word: (text) => expandWord(text, lookup, { escape }),
      words: (text) => expandWords(text, lookup, { escape }),
      commandSet,
    });
    commandSet ||= setsCommand(instruction);
  }
  return result;
}

function variables({ Env }: ContainerConfig): (name: string) => string | undefined {
  return (name) => Env?.find((variable) => variable.startsWith(`${name}=`))?.slice(name.length + 1);
}

function unknown(word: string): Failure {
  return new Failure("invalid", `${word.toLowerCase()} is not a valid change command`, {
    hint: `These are: ${words.join(", ")}`,
  });
}
