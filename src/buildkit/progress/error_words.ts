import type { CommandExit } from "../../engine/index.ts";
import { LocatedComplaint } from "../../dockerfile/index.ts";
import { isFailure } from "../../errors.ts";

/** What a build, or a step of it, has failed with, as BuildKit says it. */
export function errorWords(error: unknown): string {
  // What ends so its clients show as cancelled (util/progress/progressui).
  if (isFailure(error, "cancelled") || (error instanceof Error && error.name === "AbortError"))
    return "context canceled";
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  if (cause instanceof LocatedComplaint && cause.complaint.guess !== undefined)
    return `${error.message} (did you mean ${cause.complaint.guess}?)`;
  if (!(cause instanceof Error) || cause.name !== "CommandExit") return error.message;
  const { command, code } = cause as CommandExit;
  return `process "${command}" did not complete successfully: exit code: ${code}`;
}
