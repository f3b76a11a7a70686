/** `daemon.json`: reading it, and joining it with what was given by flags, with dockerd's refusals. */
import { readFileSync } from "node:fs";
import { Failure } from "../../errors.ts";
import { directives, isDirective, isHarmless, type Directive, type Directives } from "./directives.ts";

export interface DaemonJson {
  readonly directives: Directives;
  /** Names of those that change nothing here. */
  readonly idle: readonly string[];
}

/**
 * Reads the file and joins it with the flags (moby, daemon/config/config.go, `getConflictFreeConfiguration`).
 * @param options.optional a file that is not there sets nothing
 * @throws Failure("invalid") in dockerd's words: a key that is none, one of another type, one that a flag gives as well;
 *   `unsupported` for a protection that there is not
 */
export function readDaemonJson(
  path: string,
  flags: Directives,
  options: { readonly optional: boolean },
): DaemonJson {
  const refuse = (why: string): Failure =>
    new Failure("invalid", `unable to configure the Docker daemon with file ${path}: ${why}`);
  const text = read(path, options.optional, refuse);
  if (text === undefined) return { directives: flags, idle: [] };
  const given = parse(text, refuse);
  const unknown = Object.keys(given).filter((name) => !isDirective(name));
  if (unknown.length > 0) {
    const names = unknown.sort().join(", ");
    throw refuse(`the following directives don't match any configuration option: ${names}`);
  }
  const twice = Object.keys(given).filter((name) => Object.hasOwn(flags, name));
  if (twice.length > 0) {
    const shown = twice.sort().map((name) => {
      const flag = goText((flags as Record<string, unknown>)[name]);
      return `${name}: (from flag: ${flag}, from file: ${goText(given[name])})`;
    });
    const them = shown.join(", ");
    throw refuse(
      `the following directives are specified both as a flag and in the configuration file: ${them}`,
    );
  }
  for (const [name, value] of Object.entries(given)) check(name, value, refuse);
  const set = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null));
  return {
    directives: { ...set, ...flags },
    idle: Object.entries(set).flatMap(([name, value]) => idleParts(name, value)),
  };
}

function idleParts(name: string, value: unknown): string[] {
  if (!isDirective(name) || isHarmless(name, value)) return [];
  // It is many settings in one.
  if (name === "features")
    return Object.keys(value as object).flatMap((feature) => idleFeature(feature, value));
  return directives[name].use === "idle" ? [name] : [];
}

function idleFeature(feature: string, all: unknown): string[] {
  const isOn = (all as Readonly<Record<string, boolean>>)[feature] === true;
  return isOn && feature !== "buildkit" ? [`features: ${feature}`] : [];
}

type Refuse = (why: string) => Failure;

function read(path: string, optional: boolean, refuse: Refuse): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (optional && (code === "ENOENT" || code === "ENOTDIR")) return undefined;
    throw refuse(code === "ENOENT" ? `open ${path}: no such file or directory` : message);
  }
}

function parse(text: string, refuse: Refuse): Record<string, unknown> {
  // Some editors begin a file with the mark of the byte order; dockerd takes it.
  const json = text.replace(/^\uFEFF/, "").trim();
  if (json === "") throw refuse("EOF");
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    throw refuse((error as Error).message);
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw refuse(`json: cannot unmarshal ${goKind(value)} into Go value of type map[string]interface {}`);
}

const goTypes: Readonly<Record<Directive["kind"], string>> = {
  boolean: "bool",
  string: "string",
  integer: "int",
  strings: "[]string",
  texts: "map[string]string",
  truths: "map[string]bool",
  object: "map[string]interface {}",
  objects: "[]interface {}",
};

function check(name: string, value: unknown, refuse: Refuse): void {
  if (!isDirective(name) || value === null) return;
  const { kind, use } = directives[name];
  const wrong = misfit(kind, value);
  if (wrong !== undefined) {
    const field = `Go struct field Config.${name} of type ${wrong.wanted}`;
    throw refuse(`json: cannot unmarshal ${wrong.found} into ${field}`);
  }
  if (use !== "refused" || isHarmless(name, value)) return;
  throw new Failure("unsupported", refuse(`${name} is not supported here`).message, {
    hint: "Take it out of the file if you can do without what it protects from.",
  });
}

function misfit(kind: Directive["kind"], value: unknown): { found: string; wanted: string } | undefined {
  const found = goKind(value);
  const wanted = goTypes[kind];
  if (found !== (shapes[kind] ?? "object")) return { found, wanted };
  if (kind === "integer" && !Number.isSafeInteger(value)) return { found: `number ${String(value)}`, wanted };
  const part = parts[kind];
  if (part === undefined) return undefined;
  const odd = Object.values(value as object).find((each) => goKind(each) !== part);
  return odd === undefined ? undefined : { found: goKind(odd), wanted: part };
}

/** Those of no kind here are objects. */
const shapes: Partial<Record<Directive["kind"], string>> = {
  boolean: "bool",
  string: "string",
  integer: "number",
  strings: "array",
  objects: "array",
};

const parts: Partial<Record<Directive["kind"], string>> = {
  strings: "string",
  texts: "string",
  truths: "bool",
};

/** What Go's decoder calls it. */
function goKind(value: unknown): string {
  if (Array.isArray(value)) return "array";
  if (value === null) return "null";
  return typeof value === "boolean" ? "bool" : typeof value;
}

/** Go's `%v`. */
function goText(value: unknown): string {
  if (value === null || value === undefined) return "<nil>";
  if (Array.isArray(value)) return `[${value.map(goText).join(" ")}]`;
  if (typeof value !== "object") return String(value);
  const pairs = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `map[${pairs.map(([key, each]) => `${key}:${goText(each)}`).join(" ")}]`;
}
