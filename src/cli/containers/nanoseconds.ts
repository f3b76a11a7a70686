import { Failure } from "../../errors.ts";

/** A flag's duration in Go's form, such as `1m30s`; 0 without one. Throws `Failure("invalid")`, also for negative ones. */
export async function nanoseconds(text: string | undefined, flag: string): Promise<number> {
  if (text === undefined) return 0;
  const { parseDuration } = await import("../../dockerfile/index.ts");
  const value = parseDuration(text);
  if (value === undefined) {
    throw new Failure(
      "invalid",
      `invalid argument "${text}" for "${flag}" flag: time: invalid duration "${text}"`,
    );
  }
  if (value < 0) throw new Failure("invalid", `${flag} cannot be negative`);
  return value;
}
