/**
 * `--change` of commit and import: Dockerfile instructions that only touch the config (moby, builder/dockerfile,
 * `BuildFromConfig` takes CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME, WORKDIR).
 */
import { Failure } from "../errors.ts";
import type { ContainerConfig } from "../oci/index.ts";

/** The config after all `changes`. Throws `Failure("invalid")` for an instruction that is none of these. */
export function applyChanges(config: ContainerConfig, changes: readonly string[]): ContainerConfig {
  const result = structuredClone(config);
  const done = { setsCommand: false };
  for (const change of changes) applyChange(result, change.trim(), done);
  return result;
}

function applyChange(config: ContainerConfig, change: string, done: { setsCommand: boolean }): void {
  const [, word = "", rest = ""] = /^(\S+)\s*([\s\S]*)$/.exec(change) ?? [];
  switch (word.toUpperCase()) {
    case "CMD":
      config.Cmd = commandWords(rest, config.Shell);
      done.setsCommand = true;
      break;
    case "ENTRYPOINT":
      config.Entrypoint = commandWords(rest, config.Shell);
      // As in a Dockerfile: an entrypoint of its own does not inherit the command of the image below.
      if (!done.setsCommand) config.Cmd = null;
      break;
    case "ENV":
      for (const [key, value] of pairs(rest, change)) config.Env = withVariable(config.Env ?? [], key, value);
      break;
    case "LABEL":
      config.Labels = { ...config.Labels, ...Object.fromEntries(pairs(rest, change)) };
      break;
    case "EXPOSE":
      for (const port of words(rest)) {
        config.ExposedPorts = { ...config.ExposedPorts, [port.includes("/") ? port : `${port}/tcp`]: {} };
      }
      break;
    case "VOLUME":
      for (const path of jsonWords(rest) ?? words(rest)) config.Volumes = { ...config.Volumes, [path]: {} };
      break;
    case "USER":
      config.User = rest;
      break;
    case "WORKDIR":
      config.WorkingDir = rest.startsWith("/") ? rest : `${config.WorkingDir || ""}/${rest}`;
      break;
    case "STOPSIGNAL":
      config.StopSignal = rest;
      break;
    case "ONBUILD":
      config.OnBuild = [...(config.OnBuild ?? []), rest];
      break;
    default:
      throw new Failure("invalid", `${word.toLowerCase() || "an empty line"} is not a valid change command`, {
        hint: "CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME and WORKDIR are",
      });
  }
}

/** Exec form (a JSON list) or shell form. */
function commandWords(text: string, shell: readonly string[] | null | undefined): string[] {
  return jsonWords(text) ?? [...(shell ?? ["/bin/sh", "-c"]), text];
}

function jsonWords(text: string): string[] | undefined {
  if (!text.startsWith("[")) return undefined;
  try {
    const value = JSON.parse(text) as unknown;
    return Array.isArray(value) && value.every((word) => typeof word === "string") ? value : undefined;
  } catch {
    return undefined;
  }
}

function withVariable(env: readonly string[], key: string, value: string): string[] {
  const at = env.findIndex((variable) => variable.split("=", 1)[0] === key);
  const variable = `${key}=${value}`;
  return at < 0 ? [...env, variable] : env.with(at, variable);
}

/** `a=b c="d e"`, or the old `key value`. */
function pairs(text: string, change: string): [string, string][] {
  const parts = words(text);
  const [first = ""] = parts;
  if (!first.includes("=")) {
    if (parts.length < 2) throw new Failure("invalid", `${change}: must have two arguments`);
    return [[first, text.slice(first.length).trim()]];
  }
  return parts.map((part) => {
    const equals = part.indexOf("=");
    if (equals < 1) throw new Failure("invalid", `${change}: can't find = in ${JSON.stringify(part)}`);
    return [part.slice(0, equals), part.slice(equals + 1)];
  });
}

/** Words separated by blanks; quotes and backslashes keep blanks together. */
function words(text: string): string[] {
  const found: string[] = [];
  for (const [part] of text.matchAll(/(?:[^\s"'\\]|\\.|"(?:[^"\\]|\\.)*"|'[^']*')+/g)) {
    found.push(
      part.replace(/"((?:[^"\\]|\\.)*)"|'([^']*)'|\\(.)/g, (_, a?: string, b?: string, c?: string) =>
        a === undefined ? (b ?? c ?? "") : a.replace(/\\(.)/g, "$1"),
      ),
    );
  }
  return found;
}
