import { Failure } from "../errors.ts";

/**
 * `--filter NAME=VALUE`, given any number of times: values by name (docker/cli, opts/opts.go, `FilterOpt`).
 * @throws Failure("invalid") in Docker's words
 */
export function parseFilters(filters: readonly string[]): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const filter of filters) {
    const equals = filter.indexOf("=");
    if (equals < 0) throw new Failure("invalid", `bad format of filter (expected name=value): ${filter}`);
    const name = filter.slice(0, equals).trim().toLowerCase();
    found.set(name, (found.get(name) ?? new Set()).add(filter.slice(equals + 1).trim()));
  }
  return found;
}
