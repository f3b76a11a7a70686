/** Images that are mounted without being unpacked show what overlay2 shows of the same layers, unpacked. */
import * as fc from "fast-check";
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { arbitraryStack } from "../../../test/support/arbitrary_layer.ts";
import { dir } from "../../../test/support/layer_help.ts";
import { type PackedFile, tarFile, tarOf } from "../../../test/support/tar_help.ts";
import { inRoot, newCacheId } from "../../../test/suites/driver_helpers.ts";
import { erofsSkip } from "../../../test/suites/erofs_skip.ts";
import { pushLayers } from "../../../test/suites/layer_stacks.ts";
import { overlaySkip } from "../../../test/suites/overlay_skip.ts";
import { scratch } from "../../../test/suites/scratch.ts";
import { forgetTimes, linesOfBranch, madeSince, type TreeLines } from "../../../test/suites/tree_lines.ts";
import { decodeCatalog } from "../../layer/catalog/catalog_file.ts";
import { mergeCatalogs } from "../../layer/catalog/merge_catalogs.ts";
import { acceptable } from "../../layer/catalog/testing_catalogs.test.ts";
import { isTarTarget } from "../../layer/index.ts";
import { DirectoryBranch, TreeBranch } from "../../union/index.ts";
import { type CacheId, createErofs, createOverlay2, type Driver } from "../index.ts";

const skip = erofsSkip("file");
const file = (path: string, body = "x", fields = {}): PackedFile => tarFile({ path, ...fields }, body);
const mark = (path: string): PackedFile => tarFile({ path });

/** What a mount of `id` shows. */
function linesOf(driver: Driver, id: CacheId): Promise<TreeLines> {
  const look = (root: string): TreeLines => {
    using branch = new DirectoryBranch(root);
    return linesOfBranch(branch);
  };
  return inRoot(driver, id, look, { readOnly: true });
}

/** What a container that has just been made on `image` shows. */
async function linesInContainer(driver: Driver, image: CacheId): Promise<TreeLines> {
  const id = newCacheId();
  await driver.create(id, image, { writable: true });
  const lines = await linesOf(driver, id);
  await driver.remove(id);
  return lines;
}

/** The same without any mount. */
function linesInUserSpace(driver: Driver, ids: readonly CacheId[]): TreeLines {
  const targets = ids.map((id) => driver.target(id)).filter(isTarTarget);
  const catalogs = targets.map(({ catalog }) => decodeCatalog(fs.readFileSync(catalog), catalog));
  using branch = new TreeBranch(
    mergeCatalogs(catalogs),
    targets.map(({ tar }) => tar),
  );
  return linesOfBranch(branch);
}

for (const backing of ["file", "loop"] as const) {
  test(
    `erofs (${backing}): any stack is what the user-space view shows, as image and in a container`,
    { skip: erofsSkip(backing) },
    async () => {
      using at = scratch("stacks");
      const driver = createErofs({ root: join(at.path, "erofs"), backing });
      await fc.assert(
        fc.asyncProperty(arbitraryStack({ listed: false }), async (stack) => {
          const tars = stack.map((files) => tarOf(acceptable(files), { nanoseconds: true }));
          const ids = await pushLayers(driver, tars);
          const top = ids.at(-1) as CacheId;
          const expected = linesInUserSpace(driver, ids);
          assert.deepEqual(await linesOf(driver, top), expected);
          assert.deepEqual(await linesInContainer(driver, top), expected);
          for (const id of ids.reverse()) await driver.remove(id);
        }),
        { numRuns: backing === "file" ? 40 : 10 },
      );
    },
  );
}

test("any stack is what overlay2 mounts of it", { skip: skip || overlaySkip }, async () => {
  using at = scratch("stacks");
  const erofs = createErofs({ root: join(at.path, "erofs") });
  const overlay2 = createOverlay2({ root: join(at.path, "overlay2") });
  await fc.assert(
    fc.asyncProperty(arbitraryStack({ listed: true }), async (stack) => {
      const start = Math.floor(Date.now() / 1000);
      const tars = stack.map((files) => tarOf(acceptable(files), { nanoseconds: true }));
      const [ours, theirs] = [await pushLayers(erofs, tars), await pushLayers(overlay2, tars)];
      const mounted = await linesInContainer(erofs, ours.at(-1) as CacheId);
      const expected = await linesInContainer(overlay2, theirs.at(-1) as CacheId);
      // Directories that were reached by a symlink which is gone have no time of their own there.
      forgetTimes([mounted, expected], madeSince(expected, start));
      assert.deepEqual(mounted, expected);
      for (const id of ours.reverse()) await erofs.remove(id);
      for (const id of theirs.reverse()) await overlay2.remove(id);
    }),
    { numRuns: 40 },
  );
});

test(
  "two differences from overlay2: unlisted directories keep their attributes, an opaque root hides",
  { skip: skip || overlaySkip },
  async () => {
    using at = scratch("stacks");
    const erofs = createErofs({ root: join(at.path, "erofs") });
    const overlay2 = createOverlay2({ root: join(at.path, "overlay2") });
    const tars = [
      tarOf([dir("d", { mode: 0o700, uid: 7 }), file("old")]),
      tarOf([file("d/f"), mark(".wh..wh..opq"), file("new")]),
    ];
    const shown = async (driver: Driver, layers: readonly Buffer[]): Promise<string[]> => {
      const lines = await linesInContainer(driver, (await pushLayers(driver, layers)).at(-1) as CacheId);
      return [...lines].map(([path, { rest }]) => `${path} ${rest.split(" ").slice(0, 3).join(" ")}`);
    };
    const unmarked = [tars[0] as Buffer, tarOf([file("d/f")])];
    assert.equal((await shown(erofs, unmarked))[0], "d directory 700 7:0");
    assert.equal((await shown(overlay2, unmarked))[0], "d directory 755 0:0");
    assert.deepEqual(
      (await shown(erofs, tars)).map((line) => line.split(" ")[0]),
      ["d", "d/f", "new"],
    );
    assert.deepEqual(
      (await shown(overlay2, tars)).map((line) => line.split(" ")[0]),
      ["d", "d/f", "new", "old"],
    );
  },
);
