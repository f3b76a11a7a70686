/** Whose a repository is: each upstream has the names that begin with its prefix, and the longest prefix wins. */
import type { UpstreamSettings } from "./types.ts";

/** Undefined: it is our own. */
export function settingsOf(
  settings: readonly UpstreamSettings[],
  repository: string,
): UpstreamSettings | undefined {
  return settings
    .filter(({ prefix }) => prefix === "" || repository.startsWith(`${prefix}/`))
    .reduce<UpstreamSettings | undefined>(
      (best, each) => (best === undefined || each.prefix.length > best.prefix.length ? each : best),
      undefined,
    );
}
