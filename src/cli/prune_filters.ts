/** `--filter` of the commands that prune: `until=TIME`, `label=KEY[=VALUE]`, `label!=KEY[=VALUE]`. */
import { hasLabel } from "../engine/index.ts";
import { Failure } from "../errors.ts";

export interface Prunable {
  /** Milliseconds since 1970. */
  readonly created: number;
  readonly labels: Readonly<Record<string, string>>;
}

export interface PruneFilters {
  /** Whether all filters admit it. */
  admits(what: Prunable): boolean;
  /** Milliseconds since 1970; undefined: no such filter. */
  readonly until: number | undefined;
  /** For those that sort out labels themselves. */
  readonly labels: readonly string[];
  readonly withoutLabels: readonly string[];
}

/** Throws `Failure("invalid")` in Docker's words. */
export async function pruneFilters(filters: readonly string[]): Promise<PruneFilters> {
  const pairs = filters.map((filter) => {
    const [, key, value = ""] = /^(until|label!?)=(.*)$/s.exec(filter) ?? [];
    if (key === undefined) throw new Failure("invalid", `invalid filter '${filter}'`);
    return { key, value };
  });
  const valuesOf = (key: string): string[] => pairs.flatMap((pair) => (pair.key === key ? [pair.value] : []));
  const [moment, another] = valuesOf("until");
  if (another !== undefined) throw new Failure("invalid", "more than one until filter specified");
  const until = moment === undefined ? undefined : await momentOf(moment);
  const [labels, withoutLabels] = [valuesOf("label"), valuesOf("label!")];
  return {
    until,
    labels,
    withoutLabels,
    admits: ({ created, labels: own }) =>
      (until === undefined || created < until) &&
      labels.every((label) => hasLabel(own, label)) &&
      !withoutLabels.some((label) => hasLabel(own, label)),
  };
}

async function momentOf(text: string): Promise<number> {
  const { timestamp } = await import("./containers/timestamp.ts");
  return Number(timestamp(text, Date.now())) * 1000;
}
