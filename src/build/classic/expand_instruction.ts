/** An instruction with its variables expanded, for what is said of it. */
import type { Instruction } from "../../dockerfile/index.ts";

export interface Expansion {
  /** One word stays one. */
  readonly word: (text: string) => string;
  /** One word may become several, or none. */
  readonly words: (text: string) => readonly string[];
}

/**
 * Expands the fields that Docker expands (buildkit, instructions/commands.go, `Expand`), with the variables before the
 * instruction. Others stay: commands, `MAINTAINER`, `SHELL`, `ONBUILD`.
 */
export function expandInstruction(instruction: Instruction, { word, words }: Expansion): Instruction {
  switch (instruction.kind) {
    case "env":
    case "label": {
      const values = instruction.values.map(({ name, value }) => ({ name: word(name), value: word(value) }));
      return { ...instruction, values };
    }
    case "arg": {
      const values = instruction.values.map(({ name, value }) => ({
        name: word(name),
        ...(value !== undefined && { value: word(value) }),
      }));
      return { ...instruction, values };
    }
    case "copy":
    case "add":
      return {
        ...instruction,
        sources: instruction.sources.map((source) => word(source)),
        destination: word(instruction.destination),
        ...(instruction.chown !== undefined && { chown: word(instruction.chown) }),
        ...(instruction.chmod !== undefined && { chmod: word(instruction.chmod) }),
      };
    case "expose":
      // Sorted as they are written, before they are expanded.
      return { ...instruction, ports: instruction.ports.toSorted().flatMap((port) => words(port)) };
    case "volume":
      return { ...instruction, paths: instruction.paths.map((path) => word(path)) };
    case "user":
      return { ...instruction, user: word(instruction.user) };
    case "stopsignal":
      return { ...instruction, signal: word(instruction.signal) };
    case "workdir":
      return { ...instruction, path: word(instruction.path) };
    case "from":
    case "maintainer":
    case "run":
    case "shell":
    case "cmd":
    case "entrypoint":
    case "healthcheck":
    case "onbuild":
      return instruction;
  }
}
