/** The wall clock with nanoseconds, which `Date` does not have. */

/** TypeScript's ES2025 library does not know Temporal yet; Node 26 has it. */
const { Temporal } = globalThis as unknown as {
  readonly Temporal: { readonly Now: { instant(): { toString(): string } } };
};

/**
 * Now, in UTC, as Go's RFC3339Nano writes it: `2026-11-22T02:30:41.04799867Z`, up to nine digits of a second with
 * zeros at the end left out (which is how Temporal prints an instant, too).
 */
export function timestamp(): string {
  return Temporal.Now.instant().toString();
}
