import assert from "node:assert/strict";
import { test } from "node:test";
import { isFailure } from "../errors.ts";
import { pruneFilters } from "./prune_filters.ts";

test("what is pruned: by age and by labels, all of which must hold", async () => {
  const old = { created: Date.parse("2020-01-01T00:00:00Z"), labels: { a: "1", b: "" } };
  for (const [filters, isAdmitted] of [
    [[], true],
    [["until=2020-01-02T00:00:00Z"], true],
    [["until=2019-12-31T00:00:00Z"], false],
    [["until=1h"], true],
    [["label=a"], true],
    [["label=a=1", "label=b"], true],
    [["label=a=2"], false],
    [["label=toString"], false],
    [["label!=a"], false],
    [["label!=a=2", "label!=c"], true],
  ] as const) {
    assert.equal((await pruneFilters(filters)).admits(old), isAdmitted, filters.join(" "));
  }
});

test("what is no filter of a prune is refused", async () => {
  for (const wrong of [["name=x"], ["until"], ["until=1h", "until=2h"], ["until=tomorrow"]]) {
    await assert.rejects(pruneFilters(wrong), (error) => isFailure(error, "invalid"), wrong.join(" "));
  }
});
