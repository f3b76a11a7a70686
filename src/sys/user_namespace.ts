/** The user namespace in which this process is root, if it is not root of the machine (user_namespaces(7)). */
import { readFileSync } from "node:fs";

/** IDs `first` to `first + count - 1` exist in the namespace. */
export interface IdRange {
  readonly first: number;
  readonly count: number;
}

export interface UserNamespace {
  readonly uids: readonly IdRange[];
  readonly gids: readonly IdRange[];
  /** Whether processes may change the groups that they belong to besides their own. */
  readonly setgroups: boolean;
}

let known: UserNamespace | undefined | "not asked" = "not asked";

/** Undefined: this is the machine's own. Does not change. */
export function userNamespace(): UserNamespace | undefined {
  if (known === "not asked") known = look();
  return known;
}

function look(): UserNamespace | undefined {
  try {
    const uids = parseIdMap(readFileSync("/proc/self/uid_map", "latin1"));
    // The first namespace maps all IDs onto themselves; every other one is a child of it.
    if (uids.some(({ first, count }) => first === 0 && count === 4_294_967_295)) return undefined;
    const gids = parseIdMap(readFileSync("/proc/self/gid_map", "latin1"));
    return { uids, gids, setgroups: readFileSync("/proc/self/setgroups", "latin1").trim() !== "deny" };
  } catch {
    // No /proc, or another system: then there is none.
    return undefined;
  }
}

/** Lines of `<first inside> <first outside> <count>`. */
export function parseIdMap(text: string): IdRange[] {
  return [...text.matchAll(/^\s*(\d+)\s+\d+\s+(\d+)\s*$/gm)].map(([, first, count]) => ({
    first: Number(first),
    count: Number(count),
  }));
}

export function isMapped(id: number, ranges: readonly IdRange[]): boolean {
  return ranges.some(({ first, count }) => id >= first && id < first + count);
}
