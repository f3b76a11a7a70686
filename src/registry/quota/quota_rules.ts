/** Which limits hold for a repository, and whose use counts towards them. */
import { matchesRepository } from "../access/rules/pattern.ts";

export interface QuotaRule {
  /** A pattern of `access/rules/pattern.ts`, without `${user}`. */
  readonly repositories: string;
  /**
   * Who shares the limit: all that the pattern fits, those of them with the same first component, or nobody. A repository
   * has at most one limit of the first two kinds, and one of the third.
   */
  readonly per: "pattern" | "namespace" | "repository";
  readonly bytes?: number | undefined;
  readonly tags?: number | undefined;
}

/** What shares one limit. */
export interface QuotaPool {
  /** For messages, and unique: `namespace team`, `repositories team/**`, `repository team/web`. */
  readonly name: string;
  readonly bytes: number | undefined;
  readonly tags: number | undefined;
  /** All its repositories begin with it. */
  readonly prefix: string;
}

/** The pools that a repository belongs to: of each kind that of the most specific pattern. */
export function poolsOf(rules: readonly QuotaRule[], repository: string): QuotaPool[] {
  const fitting = rules.filter(({ repositories }) => matchesRepository(repositories, repository, undefined));
  const shared = mostSpecific(fitting.filter(({ per }) => per !== "repository"));
  const own = mostSpecific(fitting.filter(({ per }) => per === "repository"));
  return [shared, own].filter((rule) => rule !== undefined).map((rule) => poolOf(rule, repository));
}

/** Pools that are there without any repository. */
export function fixedPools(rules: readonly QuotaRule[]): QuotaPool[] {
  return rules.filter(({ per }) => per === "pattern").map((rule) => poolOf(rule, ""));
}

function poolOf({ per, repositories, bytes, tags }: QuotaRule, repository: string): QuotaPool {
  const limits = { bytes, tags };
  if (per === "pattern")
    return { ...limits, name: `repositories ${repositories}`, prefix: repositories.split("*", 1)[0]! };
  const prefix = per === "namespace" ? repository.split("/", 1)[0]! : repository;
  return { ...limits, name: `${per} ${prefix}`, prefix };
}

/** The longest text, then the fewest `**`, then the first. */
function mostSpecific(rules: readonly QuotaRule[]): QuotaRule | undefined {
  const rank = ({ repositories }: QuotaRule) =>
    repositories.replaceAll("*", "").length - repositories.split("**").length / 1000;
  return rules.toSorted((a, b) => rank(b) - rank(a))[0];
}
