/**
 * `--change` of commit and import: Dockerfile instructions that only touch the config (moby, builder/dockerfile,
 * `BuildFromConfig`). STOPSIGNAL is taken too, which Docker takes in a Dockerfile only.
 */
import { posix } from "node:path";
import { Failure } from "../../errors.ts";
import type { ContainerConfig } from "../../oci/index.ts";
import { changeLines, type ChangeLine } from "./change_lines.ts";
import { expandWord } from "./expand_word.ts";
import { exposedPorts } from "./exposed_ports.ts";
import { healthcheck } from "./healthcheck.ts";
import { jsonWords } from "./json_words.ts";
import { nameValues } from "./name_values.ts";

/**
 * The config after all `changes`; none change nothing. Throws `Failure("invalid")`, in Docker's words, for an
 * instruction that is none of these or has wrong arguments.
 */
export function applyChanges(config: ContainerConfig, changes: readonly string[]): ContainerConfig {
  if (changes.length === 0) return structuredClone(config);
  const target: Target = { config: structuredClone(config), setsCommand: false };
  for (const line of changeLines(changes)) {
    const apply = instructions[line.word];
    if (apply === undefined) throw unknown(line.word);
    const flag = [...line.flags.keys()].find((name) => line.word !== "HEALTHCHECK" || !knownFlags.has(name));
    if (flag !== undefined) throw new Failure("invalid", `Unknown flag: ${flag}`);
    apply(target, line);
  }
  return target.config;
}

interface Target {
  readonly config: ContainerConfig;
  /** A CMD was given: an ENTRYPOINT after it leaves it alone. */
  setsCommand: boolean;
}

const knownFlags = new Set(["interval", "timeout", "start-period", "retries"]);

const instructions: Readonly<Record<string, (target: Target, line: ChangeLine) => void>> = {
  CMD(target, { rest }) {
    const words = jsonWords(rest);
    target.config.Cmd = words === undefined ? shellForm(target, rest) : words.length > 0 ? words : null;
    if (rest !== "" && words?.length !== 0) target.setsCommand = true;
  },
  ENTRYPOINT(target, { rest }) {
    const words = jsonWords(rest) ?? (rest === "" ? [] : shellForm(target, rest));
    target.config.Entrypoint = words.length > 0 ? words : null;
    // As in a Dockerfile: an entrypoint of its own does not inherit the command of the image below.
    if (!target.setsCommand) target.config.Cmd = null;
  },
  ENV({ config }, { rest, word }) {
    const env = config.Env ?? [];
    config.Env = [...env];
    for (const [name, value] of nameValues(rest, word)) {
      const variable = `${expandWord(name, env)}=${expandWord(value, env)}`;
      config.Env = withVariable(config.Env, variable);
    }
  },
  LABEL({ config }, { rest, word }) {
    const expand = expander(config);
    for (const [name, value] of nameValues(rest, word)) {
      config.Labels = { ...config.Labels, [expand(name)]: expand(value) };
    }
  },
  EXPOSE({ config }, { rest, word }) {
    const ports = someWords(rest, word).map(expander(config)).flatMap(exposedPorts);
    config.ExposedPorts = { ...config.ExposedPorts, ...Object.fromEntries(ports.map((port) => [port, {}])) };
  },
  VOLUME({ config }, { rest, word }) {
    const words = jsonWords(rest) ?? someWords(rest, word);
    if (words.length === 0) throw needsArgument(word);
    const paths = words.map((text) => expandWord(text, config.Env ?? []).trim());
    if (paths.includes("")) throw new Failure("invalid", "VOLUME specified can not be an empty string");
    config.Volumes = { ...config.Volumes, ...Object.fromEntries(paths.map((path) => [path, {}])) };
  },
  USER({ config }, { rest, word }) {
    config.User = expander(config)(oneArgument(rest, word));
  },
  WORKDIR({ config }, { rest, word }) {
    const path = expander(config)(oneArgument(rest, word));
    if (path === "") throw new Failure("invalid", "cannot normalize nothing");
    config.WorkingDir = path.startsWith("/") ? path : relativeTo(config.WorkingDir ?? "", path);
  },
  STOPSIGNAL({ config }, { rest, word }) {
    config.StopSignal = expander(config)(oneArgument(rest, word));
  },
  HEALTHCHECK({ config }, line) {
    config.Healthcheck = healthcheck(line);
  },
  ONBUILD({ config }, { rest, word }) {
    if (rest === "") throw needsArgument(word);
    const trigger = (/^\S+/.exec(rest)?.[0] ?? "").toUpperCase();
    if (trigger === "ONBUILD")
      throw new Failure("invalid", "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
    if (trigger === "MAINTAINER" || trigger === "FROM")
      throw new Failure("invalid", `${trigger} isn't allowed as an ONBUILD trigger`);
    config.OnBuild = [...(config.OnBuild ?? []), rest];
  },
};

function unknown(word: string): Failure {
  return new Failure("invalid", `${word.toLowerCase()} is not a valid change command`, {
    hint: `These are: ${Object.keys(instructions).sort().join(", ")}`,
  });
}

function shellForm({ config }: Target, text: string): string[] {
  return [...(config.Shell ?? ["/bin/sh", "-c"]), ...(text === "" ? [] : [text])];
}

function expander(config: ContainerConfig): (word: string) => string {
  return (word) => expandWord(word, config.Env ?? []);
}

/** A variable that is there keeps its place. */
function withVariable(env: readonly string[], variable: string): string[] {
  const name = variable.slice(0, variable.indexOf("=") + 1);
  const at = env.findIndex((each) => each.startsWith(name));
  return at < 0 ? [...env, variable] : env.with(at, variable);
}

function someWords(rest: string, word: string): string[] {
  if (rest === "") throw needsArgument(word);
  return rest.split(/\s+/);
}

function oneArgument(rest: string, word: string): string {
  if (rest === "") throw new Failure("invalid", `${word} requires exactly one argument`);
  return rest;
}

function needsArgument(word: string): Failure {
  return new Failure("invalid", `${word} requires at least one argument`);
}

/** Without a slash at its end, as Go's filepath.Join has it. */
function relativeTo(directory: string, path: string): string {
  const joined = posix.join("/", directory, path);
  return joined === "/" ? joined : joined.replace(/\/$/, "");
}
