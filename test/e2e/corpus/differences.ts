import assert from "node:assert/strict";
import type { Summary } from "./summary.ts";
import type { Case } from "./types.ts";

/** Each difference in one line; `ours` and `theirs` as JSON, `-` where there is nothing. */
export function differencesOf(ours: Summary, theirs: Summary, mode: "default" | "classic"): string[] {
  const lines = [
    ...between("tree", ours.tree, theirs.tree),
    ...between("config", ours.config, theirs.config),
  ];
  if (ours.history !== theirs.history) lines.push(`history: ${ours.history} rows, theirs ${theirs.history}`);
  if (mode === "classic") lines.push(...between("classic", flat(ours.classic), flat(theirs.classic)));
  return lines;
}

function between(
  what: string,
  ours: Readonly<Record<string, unknown>>,
  theirs: Readonly<Record<string, unknown>>,
): string[] {
  const text = (value: unknown): string =>
    value === undefined ? "-" : typeof value === "string" ? value : JSON.stringify(value);
  return [...new Set([...Object.keys(ours), ...Object.keys(theirs)])]
    .sort()
    .filter((key) => text(ours[key]) !== text(theirs[key]))
    .map((key) => `${what} ${key}: ${text(ours[key])}, theirs ${text(theirs[key])}`);
}

/** Two levels of keys in one, so that a line tells of one value. */
function flat(value: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, inner]) =>
      typeof inner === "object" && inner !== null
        ? Object.entries(inner).map(([next, leaf]) => [`${key}.${next}`, leaf])
        : [[key, inner]],
    ),
  ) as Record<string, unknown>;
}

/** Asserts that the differences are those that the case names, all of them and no other. */
export function assertKnown(given: Case, mode: "default" | "classic", lines: readonly string[]): void {
  const known = (given.differences ?? []).filter((each) => (each.mode ?? mode) === mode);
  for (const each of known)
    assert.ok(each.reason ?? each.bug, `${given.name}: a difference without a reason`);
  const expected = known.flatMap((each) => each.lines);
  assert.deepEqual([...lines].sort(), [...expected].sort(), `${given.name}, ${mode}`);
}
