import assert from "node:assert/strict";
import { test } from "node:test";
import type { DiffId } from "../../oci/index.ts";
import type { CacheOutcome } from "../types.ts";
import { costTable } from "./cost_table.ts";
import type { LineCost } from "./types.ts";

const none = { bytes: 0, files: 0 };

function costOf(line: number, text: string, cache?: CacheOutcome): LineCost {
  const position = { line, column: 1 };
  return {
    line,
    text,
    span: { start: position, end: position },
    stageName: "0",
    added: { bytes: 5, files: 1 },
    copied: none,
    hidden: none,
    hides: [],
    caches: [],
    ...(cache !== undefined && { cache }),
  };
}

test("rows have the text cut and why there was no cache", () => {
  const diffId = `sha256:${"0123456789abcdef".repeat(4)}` as DiffId;
  const rows = costTable(
    [
      { ...costOf(1, "FROM base"), hidden: { bytes: 3, files: 1 } },
      { ...costOf(2, "RUN apt-get update &&     apt-get install", { hit: true, from: "local" }), diffId },
      costOf(4, "COPY a b", { hit: true, from: "imported" }),
      costOf(5, "COPY c d", { hit: false, reason: "c changed" }),
    ],
    { width: 20 },
  );
  const plain = { layer: "", added: 5, copied: 0, hidden: 0 };
  assert.deepEqual(rows, [
    { ...plain, line: 1, text: "FROM base", hidden: 3, cache: "" },
    { ...plain, line: 2, text: "RUN apt-get update …", layer: "0123456789ab", cache: "hit" },
    { ...plain, line: 4, text: "COPY a b", cache: "imported" },
    { ...plain, line: 5, text: "COPY c d", cache: "c changed" },
  ]);
});
