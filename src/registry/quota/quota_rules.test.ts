import assert from "node:assert/strict";
import { test } from "node:test";
import { fixedPools, poolsOf, type QuotaRule } from "./quota_rules.ts";

const rules: readonly QuotaRule[] = [
  { repositories: "**", per: "namespace", bytes: 1 },
  { repositories: "team/**", per: "pattern", bytes: 2 },
  { repositories: "team/*", per: "pattern", bytes: 3 },
  { repositories: "team/big-*", per: "pattern", bytes: 4 },
  { repositories: "**", per: "repository", tags: 5 },
  { repositories: "team/web", per: "repository", tags: 6 },
];

// Repository, the names of its pools.
const cases: readonly [string, string, string][] = [
  ["a", "namespace a", "repository a"],
  ["a/b/c", "namespace a", "repository a/b/c"],
  ["team", "namespace team", "repository team"],
  ["team/x/y", "repositories team/**", "repository team/x/y"],
  ["team/web", "repositories team/*", "repository team/web"],
  ["team/big-1", "repositories team/big-*", "repository team/big-1"],
];
for (const [repository, ...names] of cases) {
  test(`B172 ${repository} counts for ${names.join(" and ")}`, () => {
    assert.deepEqual(
      poolsOf(rules, repository).map(({ name }) => name),
      names,
    );
  });
}

test("B172 the most specific pattern wins, wherever it stands; of equal ones the first", () => {
  const pools = poolsOf(rules.toReversed(), "team/web");
  assert.deepEqual(
    pools.map(({ bytes, tags }) => bytes ?? tags),
    [3, 6],
  );
  const twice = [...rules, { repositories: "team/*", per: "pattern", bytes: 9 } as const];
  assert.equal(poolsOf(twice, "team/web")[0]?.bytes, 3);
  assert.deepEqual(poolsOf([], "a"), []);
  assert.deepEqual(
    fixedPools(rules).map(({ prefix }) => prefix),
    ["team/", "team/", "team/big-"],
  );
});
