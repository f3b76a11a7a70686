/** Why a step was not taken from the cache, in one short line. */
import type { ShortDigests, StepFacts } from "./step_facts.ts";

/** More names than these are counted, not told. */
const told = 3;

const inputNames: Readonly<Record<string, string>> = {
  command: "the command",
  script: "the here-document",
  workingDir: "the working directory",
  hosts: "the list of --add-host",
  mounts: "what is mounted",
};

/**
 * Holds the facts of the step now against those of the last build. Reasons of the step's own come first: they are what
 * would have to be looked at even if the step above were the same.
 */
export function explainMiss(before: StepFacts | undefined, now: StepFacts): string {
  if (before === undefined) return "no build of this step is on record";
  if (before.text !== now.text) return "the text changed";
  const files = changedFiles(before, now);
  if (files !== undefined) return files;
  const args = changed(before.args, now.args);
  if (args.length > 0) return values("ARG", args);
  const env = changed(before.env, now.env);
  if (env.length > 0) return values("ENV", env);
  const [input] = changed(before.inputs, now.inputs);
  if (input !== undefined) return `${inputNames[input] ?? `the ${input}`} changed`;
  if (before.below !== now.below) return "the step above changed";
  return "its layer is no longer in the cache";
}

function changedFiles(before: StepFacts, now: StepFacts): string | undefined {
  if (before.content === now.content) return undefined;
  if (before.files === undefined || now.files === undefined) return "its files changed";
  const names = changed(before.files, now.files);
  const [first] = names;
  if (first === undefined) return "its files changed";
  if (names.length > 1) return `${names.length} files changed: ${list(names)}`;
  const [was, is] = [before.files, now.files].map((files) => Object.hasOwn(files, first));
  return `${printable(first)} ${was ? (is ? "changed" : "is gone") : "was added"}`;
}

function values(kind: "ARG" | "ENV", names: readonly string[]): string {
  const [first = ""] = names;
  if (names.length === 1) return `the value of ${kind} ${printable(first)} changed`;
  return `the values of ${names.length} ${kind}s changed: ${list(names)}`;
}

/** Names that are in one only, or differ. */
function changed(before: ShortDigests, now: ShortDigests): string[] {
  const names = new Set([...Object.keys(now), ...Object.keys(before)]);
  // Names are anybody's: `constructor` may be one.
  const at = (digests: ShortDigests, name: string) =>
    Object.hasOwn(digests, name) ? digests[name] : undefined;
  return [...names].filter((name) => at(before, name) !== at(now, name));
}

function list(names: readonly string[]): string {
  const shown = names.slice(0, told).map(printable).join(", ");
  return names.length > told ? `${shown} …` : shown;
}

/** A file's name may hold whatever moves a terminal's cursor. */
function printable(name: string): string {
  // eslint-disable-next-line no-control-regex
  return name.replace(/[\x00-\x1f\x7f-\x9f]/g, "?");
}
