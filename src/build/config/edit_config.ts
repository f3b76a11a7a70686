/** What each instruction does to the config (moby 20.10, builder/dockerfile/dispatchers.go). */
import { posix } from "node:path";
import { Failure } from "../../errors.ts";
import type { Command, Instruction } from "../../dockerfile/index.ts";
import type { ContainerConfig } from "../../oci/index.ts";
import { exposedPorts } from "./exposed_ports.ts";
import { healthcheckConfig } from "./healthcheck_config.ts";
import { shellOf } from "./shell_of.ts";
import { stopSignal } from "./stop_signal.ts";

export interface EditContext {
  /** The value of a word, by the variables as they are before the instruction. */
  word(text: string): string;
  /** As `word`, split at blanks that are not quoted. */
  words(text: string): readonly string[];
  /** Whether a CMD before it has set the command ({@link setsCommand}); else an ENTRYPOINT takes the inherited one away. */
  readonly commandSet: boolean;
}

/**
 * The config after `instruction`; `config` stays as it is. Instructions that are not about it (FROM, ARG, COPY, ADD, RUN,
 * MAINTAINER) return it unchanged. Throws `Failure("invalid")`, in Docker's words, for values that only show when words
 * are expanded: ports, signals, empty paths.
 */
export function editConfig(
  config: ContainerConfig,
  instruction: Instruction,
  context: EditContext,
): ContainerConfig {
  switch (instruction.kind) {
    case "env":
      return { ...config, Env: withVariables(config.Env ?? [], pairs(instruction.values, context)) };
    case "label":
      return { ...config, Labels: { ...config.Labels, ...fromPairs(pairs(instruction.values, context)) } };
    case "cmd":
      return withoutArgsEscaped({ ...config, Cmd: commandLine(config, instruction.command) });
    case "entrypoint": {
      const entrypoint = { ...config, Entrypoint: commandLine(config, instruction.command, true) };
      return withoutArgsEscaped(context.commandSet ? entrypoint : { ...entrypoint, Cmd: null });
    }
    case "expose": {
      const ports = instruction.ports.flatMap((port) => context.words(port)).flatMap(exposedPorts);
      return { ...config, ExposedPorts: { ...config.ExposedPorts, ...keys(ports) } };
    }
    case "volume":
      return { ...config, Volumes: { ...config.Volumes, ...keys(volumes(instruction.paths, context)) } };
    case "user":
      return { ...config, User: context.word(instruction.user) };
    case "workdir":
      return { ...config, WorkingDir: workingDir(config.WorkingDir ?? "", context.word(instruction.path)) };
    case "stopsignal":
      return { ...config, StopSignal: stopSignal(context.word(instruction.signal)) };
    case "healthcheck":
      return { ...config, Healthcheck: healthcheckConfig(instruction) };
    case "shell":
      return { ...config, Shell: [...instruction.words] };
    case "onbuild":
      return { ...config, OnBuild: [...(config.OnBuild ?? []), instruction.trigger] };
    case "from":
    case "arg":
    case "maintainer":
    case "copy":
    case "add":
    case "run":
      return config;
  }
}

/** Whether a later ENTRYPOINT leaves the command alone: `CMD` and `CMD []` do not count. */
export function setsCommand(instruction: Instruction): boolean {
  if (instruction.kind !== "cmd") return false;
  const { command } = instruction;
  return command.form === "exec" ? command.words.length > 0 : command.text !== "";
}

/** An empty CMD leaves the shell alone, an empty ENTRYPOINT nothing: as Docker has it. */
function commandLine(config: ContainerConfig, command: Command, emptyIsNone = false): string[] | null {
  if (command.form === "exec") return command.words.length === 0 && emptyIsNone ? null : [...command.words];
  if (command.text === "" && emptyIsNone) return null;
  return [...shellOf(config), ...(command.text === "" ? [] : [command.text])];
}

/** The mark of BuildKit's images, which says something about a command that is no longer theirs. */
function withoutArgsEscaped(config: ContainerConfig): ContainerConfig {
  const result = { ...config };
  delete result.ArgsEscaped;
  return result;
}

type Pair = readonly [name: string, value: string];

function pairs(values: readonly { name: string; value: string }[], context: EditContext): Pair[] {
  return values.map(({ name, value }) => [context.word(name), context.word(value)]);
}

/** A variable that is there keeps its place. */
function withVariables(env: readonly string[], variables: readonly Pair[]): string[] {
  const result = [...env];
  for (const [name, value] of variables) {
    const at = result.findIndex((each) => each.startsWith(`${name}=`));
    result.splice(at < 0 ? result.length : at, 1, `${name}=${value}`);
  }
  return result;
}

function volumes(paths: readonly string[], context: EditContext): string[] {
  const expanded = paths.map((path) => context.word(path));
  if (expanded.includes("")) throw new Failure("invalid", "VOLUME specified can not be an empty string");
  return expanded;
}

/** Relative paths add up, and lose the slash at their end; absolute ones stay as they are (B070). */
function workingDir(current: string, path: string): string {
  if (path === "") throw new Failure("invalid", "cannot normalize nothing");
  if (path.startsWith("/")) return path;
  const joined = posix.join("/", current, path);
  return joined === "/" ? joined : joined.replace(/\/$/, "");
}

function keys(names: readonly string[]): Record<string, object> {
  return fromPairs(names.map((name) => [name, {}] as const));
}

/** Also for names like `__proto__`. */
function fromPairs<T>(entries: readonly (readonly [string, T])[]): Record<string, T> {
  return Object.fromEntries(entries);
}
