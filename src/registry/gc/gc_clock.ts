/** Time and new names, injected, so that a run can be repeated exactly. */
import { randomUUID } from "node:crypto";

export interface GcClock {
  /** Milliseconds since 1970. Clocks of instances may differ by minutes, not by a grace. */
  now(): number;
  /** Eight characters that no other call gives. */
  newId(): string;
}

export const systemClock: GcClock = { now: () => Date.now(), newId: () => randomUUID().slice(0, 8) };

/** Waits between the steps of garbage collection, in milliseconds. ARCHITECTURE.md tells what each is good for. */
export const hour = 3_600_000;
export const day = 24 * hour;

/** `2026-11-28T22:45:00Z`: seconds are enough for people. */
export function timeText(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(0, 19)}Z`;
}
