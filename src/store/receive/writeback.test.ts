import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { scratch, unlessLinux } from "../../../test/suites/scratch.ts";
import { Writeback } from "./writeback.ts";

const enough = 16 << 20;

test("B136: an error of a flush on the way is told at the end, not lost", { skip: unlessLinux }, async () => {
  using root = scratch("writeback");
  const missing = join(root.path, "missing");
  await using small = new Writeback(missing);
  small.unpacked(enough - 1);
  // Nothing was flushed, so nothing failed.
  await small.finish();
  await using large = new Writeback(missing);
  large.unpacked(enough);
  await assert.rejects(large.finish(), { code: "ENOENT" });
  await assert.rejects(large.finish(), { code: "ENOENT" });
});

test("flushes follow one another", { skip: unlessLinux }, async () => {
  using root = scratch("writeback");
  await using writeback = new Writeback(root.path);
  for (let i = 0; i < 3; i++) {
    writeback.unpacked(enough);
    writeback.unpacked(enough);
    await writeback.finish();
  }
});
