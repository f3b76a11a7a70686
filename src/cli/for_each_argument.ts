/** Commands that take many names: each is tried, each failure told, the exit code says whether one failed. */
import { isFailure } from "../errors.ts";
import type { App } from "./app.ts";
import { reportFailure } from "./kit/index.ts";

/**
 * Returns 0, or the exit code of the last failure. A cancelled command stops at once. With `missingIsFine` what does
 * not exist is told but does not count, as in docker/cli's `rm -f` and `rmi -f`.
 */
export async function forEachArgument(
  app: App,
  args: readonly string[],
  work: (argument: string) => Promise<void>,
  { missingIsFine = false }: { readonly missingIsFine?: boolean } = {},
): Promise<number> {
  let code = 0;
  for (const argument of args) {
    try {
      await work(argument);
    } catch (error) {
      if (isFailure(error, "cancelled")) throw error;
      const told = reportFailure(error, app.stderr);
      if (!missingIsFine || !isFailure(error, "not-found")) code = told;
    }
  }
  return code;
}
