import assert from "node:assert/strict";
import { test } from "node:test";
import { dir } from "../../../test/support/layer_help.ts";
import { tarFile, tarOf } from "../../../test/support/tar_help.ts";
import { fromBytes } from "../../bytes/index.ts";
import { mergeCatalogs } from "./merge_catalogs.ts";
import { catalogOf } from "./testing_catalogs.test.ts";
import { treeOfTars } from "./tree_of_tars.ts";

const { signal } = new AbortController();
const lower = tarOf([
  dir("d", { uid: 7, mode: 0o700 }),
  tarFile({ path: "d/a" }, "a"),
  tarFile({ path: "d/b", type: "hardlink", linkPath: "d/a" }),
]);
const upper = tarOf([
  tarFile({ path: "d/.wh.a" }),
  tarFile({ path: "d/c", type: "char", devMajor: 1, devMinor: 3 }),
]);

test("tars that are only read show what their catalogs show", async () => {
  const tars = [lower, upper];
  // In pieces that end anywhere, as they come from a store.
  const pieces = (tar: Buffer) => fromBytes(tar.subarray(0, 700), tar.subarray(700));
  const tree = await treeOfTars(tars.map(pieces), signal);
  assert.deepEqual(tree, mergeCatalogs(tars.map((tar) => catalogOf(tar).root)));
  assert.equal(tree.entries.get("d")?.uid, 7);
});

test("a tar that is cut off is refused, and reading ends when it is cancelled", async () => {
  await assert.rejects(treeOfTars([fromBytes(lower.subarray(0, 1600))], signal), { kind: "corrupt" });
  await assert.rejects(treeOfTars([fromBytes(lower)], AbortSignal.abort()), { kind: "cancelled" });
});
