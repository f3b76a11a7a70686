/** How a step has ended, in words. */
import type { BuildEvent, CommandExit } from "../../engine/index.ts";
import { isFailure } from "../../errors.ts";
import { humanSize } from "../kit/index.ts";

type Done = Extract<BuildEvent, { kind: "step-done" }>;

/** `CACHED`, or `DONE 1.2s, 5.1MB`. */
export function doneText({ record: { cache, layer, milliseconds } }: Done): string {
  if (cache?.hit === true) return cache.from === "local" ? "CACHED" : "CACHED (imported)";
  return `DONE ${seconds(milliseconds)}${layer === undefined ? "" : `, ${humanSize(layer.size)}`}`;
}

/** `ERROR: exit code: 7`; steps that ended because another one failed are `CANCELED`, as BuildKit says. */
export function failedText(error: unknown): string {
  if (isCancelled(error)) return "CANCELED";
  if (!(error instanceof Error)) return "ERROR";
  return `ERROR: ${commandExit(error)?.message ?? error.message}`;
}

/** How the command ended, if it is that of a `RUN`. */
export function commandExit(error: unknown): CommandExit | undefined {
  const cause: unknown = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && cause.name === "CommandExit" ? (cause as CommandExit) : undefined;
}

export function isCancelled(error: unknown): boolean {
  return isFailure(error, "cancelled") || (error instanceof Error && error.name === "AbortError");
}

export function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)}s`;
}
