/** When to try again, and after how long. */
import type { IncomingHttpHeaders } from "node:http";

/** Docker tries a transfer five times more (distribution/xfer, `maxDownloadAttempts`). */
export const maxRetries = 5;

/** A server that asks for more than this is not waited for. */
const longestWaitMs = 120_000;

/** Answers that may be different the next time. */
export function isBusy(status: number): boolean {
  return status === 429 || status === 502 || status === 503 || status === 504;
}

/** Milliseconds before retry number `attempt` (from 0): 0.5 s doubled each time, 16 s at most, up to a quarter off. */
export function backoffMs(attempt: number, random: number = Math.random()): number {
  return Math.min(500 * 2 ** attempt, 16_000) * (1 - random / 4);
}

/**
 * What `Retry-After` (RFC 9110 section 10.2.3: seconds or a date) asks for in milliseconds; undefined if it is absent
 * or malformed; `"never"` if it is so long that the caller should rather be told.
 */
export function retryAfterMs(headers: IncomingHttpHeaders, now: number): number | "never" | undefined {
  const text = headers["retry-after"]?.trim();
  if (text === undefined) return undefined;
  const wait = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now;
  if (Number.isNaN(wait)) return undefined;
  return wait > longestWaitMs ? "never" : Math.max(0, wait);
}
