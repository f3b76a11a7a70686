import assert from "node:assert/strict";
import { posix } from "node:path";
import { test } from "node:test";
import * as fc from "fast-check";
import { arbitraryFiles } from "../../test/support/arbitrary_tar.ts";
import { inChunks } from "../../test/support/bytes_help.ts";
import { goldenTar } from "../../test/support/golden_tar.ts";
import { splitTar, tarOf } from "../../test/support/tar_help.ts";
import { fromBytes } from "../bytes/index.ts";
import { assembledSize } from "./index.ts";

test("a record tells the archive's size: hard links, PAX, odd names, junk at the end", async () => {
  const bytes = goldenTar();
  for (const chunk of [7, 1 << 20])
    assert.equal(await assembledSize(inChunks(splitTar(bytes).record, chunk)), bytes.length);
});

test("a record tells any archive's size", async () => {
  await fc.assert(
    fc.asyncProperty(arbitraryFiles, async (files) => {
      // One path twice is refused when the record is written: another test's concern.
      const paths = files.map(({ entry }) => posix.resolve("/", entry.path));
      fc.pre(new Set(paths).size === paths.length);
      const bytes = tarOf(files);
      assert.equal(await assembledSize(fromBytes(splitTar(bytes).record)), bytes.length);
    }),
    { numRuns: 30 },
  );
});

test("a malformed record has no size", async () => {
  await assert.rejects(assembledSize(fromBytes(Buffer.from("{}\n"))), { kind: "corrupt" });
});
