import type { BuildOptions } from "../types.ts";

/** Time of what a step makes itself, in seconds since 1970. */
export function timeOfFiles({ sourceDateEpoch }: Pick<BuildOptions, "sourceDateEpoch">): number {
  return sourceDateEpoch ?? Math.floor(Date.now() / 1000);
}
