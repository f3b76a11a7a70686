/** Commands that take many names: each is tried, each failure told, the exit code says whether one failed. */
import { isFailure } from "../errors.ts";
import type { App } from "./app.ts";
import { reportFailure } from "./kit/index.ts";

/** Returns 0, or the exit code of the last failure. A cancelled command stops at once. */
export async function forEachArgument(
  app: App,
  args: readonly string[],
  work: (argument: string) => Promise<void>,
): Promise<number> {
  let code = 0;
  for (const argument of args) {
    try {
      await work(argument);
    } catch (error) {
      if (isFailure(error, "cancelled")) throw error;
      code = reportFailure(error, app.stderr);
    }
  }
  return code;
}
