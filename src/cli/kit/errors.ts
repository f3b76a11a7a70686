/** How a failed command ends: what standard error says, and the exit code. */
import { isFailure } from "../../errors.ts";
import { UsageError } from "./usage_error.ts";

export interface ReportOptions {
  /** First word of the message; default `varve`. */
  readonly program?: string;
  /** Exit code of ordinary failures; default 1. `run`, `create` and `start` use Docker's 125. */
  readonly exitCode?: number;
  /** Print stack and causes of everything, for bug reports. */
  readonly debug?: boolean;
}

/** Exit code after Ctrl-C: 128 + SIGINT. */
export const interruptedCode = 130;

/**
 * Writes one failure as one line `varve: message` and its hint below, whose lines stay as they are; returns the
 * exit code: 130 after Ctrl-C, that of the usage error, else `options.exitCode`. What is no Failure is a fault of varve and says so.
 */
export function reportFailure(
  error: unknown,
  stream: { write(text: string): unknown },
  options: ReportOptions = {},
): number {
  const { program = "varve", exitCode = 1, debug = false } = options;
  if (debug && error instanceof Error) stream.write(`${describe(error)}\n`);
  if (error instanceof UsageError) {
    stream.write(`${error.text}\n`);
    return error.exitCode;
  }
  if (isCancelled(error)) {
    stream.write(`${program}: cancelled\n`);
    return interruptedCode;
  }
  stream.write(`${program}: ${printable(messageOf(error))}\n`);
  const hint = isFailure(error) ? error.hint : undefined;
  // A tab as one column, so that what points at a place in the line above still does.
  const lines = hint?.trimEnd().replaceAll("\t", " ").split("\n") ?? [];
  for (const line of lines) stream.write(`${escaped(line)}\n`);
  return exitCode;
}

/** One line for a terminal: messages quote registries and archives, whose control codes must not reach it. */
function printable(text: string): string {
  return escaped(text.trim().replace(/\s*\n\s*/g, " "));
}

function escaped(line: string): string {
  return line.replace(
    /[\x00-\x1f\x7f-\x9f]/g,
    (code) => `\\x${code.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}

function messageOf(error: unknown): string {
  if (isFailure(error)) return error.message;
  if (!(error instanceof Error)) return `internal error: ${String(error)}`;
  const { code, syscall } = error as NodeJS.ErrnoException;
  // System errors tell enough by themselves: "ENOSPC: no space left on device, write".
  return code !== undefined && syscall !== undefined ? error.message : `internal error: ${error.message}`;
}

/** Whether a command ended because its signal was aborted. */
function isCancelled(error: unknown): boolean {
  return isFailure(error, "cancelled") || (error instanceof Error && error.name === "AbortError");
}

function describe(error: Error): string {
  const cause = error.cause instanceof Error ? `\ncaused by ${describe(error.cause)}` : "";
  return (error.stack ?? error.message) + cause;
}
