/** Signals by name and number. */
import { constants } from "node:os";
import { Failure } from "../../errors.ts";
import type { ContainerConfig } from "../../oci/index.ts";

const SIGTERM = 15;
export const SIGKILL = 9;
const lastRealTime = 64;

/**
 * `SIGTERM`, `term` or `15`.
 * @throws Failure("invalid") in Docker's words
 */
export function signalNumber(text: string): number {
  const number = /^\d+$/.test(text) ? Number(text) : namedSignal(text.toUpperCase().replace(/^SIG/, ""));
  if (number === undefined || number < 1 || number > lastRealTime) {
    throw new Failure("invalid", `Invalid signal: ${text}`);
  }
  return number;
}

function namedSignal(name: string): number | undefined {
  const known = (constants.signals as Readonly<Record<string, number>>)[`SIG${name}`];
  if (known !== undefined) return known;
  // Names of the real-time signals count from both ends (moby/sys signal).
  const [, end, offset = "0"] = /^RT(MIN|MAX)(?:[+-](\d{1,2}))?$/.exec(name) ?? [];
  if (end === undefined) return undefined;
  return end === "MIN" ? 34 + Number(offset) : lastRealTime - Number(offset);
}

/** What asks the container to end. */
export function stopSignalOf(config: ContainerConfig): number {
  try {
    return config.StopSignal ? signalNumber(config.StopSignal) : SIGTERM;
  } catch {
    return SIGTERM;
  }
}
