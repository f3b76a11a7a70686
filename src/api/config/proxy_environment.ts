/** `proxies`: what dockerd puts into its own environment (moby, daemon/command/daemon.go, `configureProxyEnv`). */
import { Failure } from "../../errors.ts";
import type { Directives } from "./directives.ts";

const names = ["http-proxy", "https-proxy", "no-proxy"] as const;

/**
 * Variables that are to hold for this process: by both spellings, since either may be there already.
 * @throws Failure("invalid")
 */
export function proxyEnvironment(given: Directives): Record<string, string> {
  const set: Record<string, string> = {};
  for (const name of names) {
    const value = given[name] ?? given.proxies?.[name] ?? "";
    if (typeof value !== "string") throw new Failure("invalid", `proxies: ${name} is no string`);
    if (value === "") continue;
    const variable = name.replace("-", "_");
    set[variable] = value;
    set[variable.toUpperCase()] = value;
  }
  return set;
}
