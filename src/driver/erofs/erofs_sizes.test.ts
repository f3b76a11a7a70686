/** Images of many and of large files. */
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { paxEntry, rawEntry, tarEnd, tarFile, tarOf } from "../../../test/support/tar_help.ts";
import { inRoot, newCacheId } from "../../../test/suites/driver_helpers.ts";
import { erofsSkip } from "../../../test/suites/erofs_skip.ts";
import { pushLayers } from "../../../test/suites/layer_stacks.ts";
import { scratch } from "../../../test/suites/scratch.ts";
import { encodeCatalog } from "../../layer/catalog/catalog_file.ts";
import { newNode } from "../../layer/catalog/catalog_node.ts";
import { isTarTarget } from "../../layer/index.ts";
import { type CacheId, createErofs } from "../index.ts";

const skip = erofsSkip("file");

test("a directory of 100,000 files", { skip }, async () => {
  using at = scratch("sizes");
  const driver = createErofs({ root: join(at.path, "erofs") });
  const count = 100_000;
  const header = rawEntry({ name: "d/000000" });
  const sum = (block: Buffer): number =>
    block.reduce((total, byte, place) => total + (place >= 148 && place < 156 ? 32 : byte), 0);
  const tar = Buffer.alloc((count + 2) * 512);
  for (let index = 0; index < count; index++) {
    const block = tar.subarray(index * 512, index * 512 + 512);
    header.copy(block);
    block.write(`d/${String(index).padStart(6, "0")}`, 0, "latin1");
    block.write(`${sum(block).toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  }
  const ids = await pushLayers(driver, [
    tar,
    tarOf([tarFile({ path: "d/.wh.000007" }), tarFile({ path: "d/new" })]),
  ]);
  await inRoot(
    driver,
    ids[1] as CacheId,
    (root) => {
      const names = fs.readdirSync(join(root, "d"));
      assert.equal(names.length, count);
      assert.equal(new Set(names).size, count);
      for (const name of ["000000", "000008", "050000", "099999", "new"])
        assert.ok(fs.statSync(join(root, "d", name)).isFile(), name);
      assert.throws(() => fs.statSync(join(root, "d/000007")), { code: "ENOENT" });
      assert.throws(() => fs.statSync(join(root, "d/zzz")), { code: "ENOENT" });
    },
    { readOnly: true },
  );
});

test("directories nested deeper than a path can say, by way of symlinks", { skip }, async () => {
  using at = scratch("sizes");
  const driver = createErofs({ root: join(at.path, "erofs") });
  const down = Array.from({ length: 2000 }, () => "d").join("/");
  const files = [tarFile({ path: `${down}/f` })];
  for (let depth = 0; depth < 15; depth++) {
    const above = depth === 0 ? "" : `l${depth - 1}/`;
    files.push(tarFile({ path: `l${depth}`, type: "symlink", linkPath: above + down }));
    files.push(tarFile({ path: `l${depth}/${down}/f` }));
  }
  const [id] = await pushLayers(driver, [tarOf(files)]);
  await inRoot(
    driver,
    id as CacheId,
    (root) => assert.deepEqual(fs.readdirSync(join(root, "l14")).sort(), ["d", "f"]),
    { readOnly: true },
  );
});

test("a sparse file of 6 GiB", { skip }, async () => {
  using at = scratch("sizes");
  const driver = createErofs({ root: join(at.path, "erofs") });
  const size = 6 * 2 ** 30;
  // PAX format 0.1 (GNU tar manual, appendix D.2): what is kept follows as the member's content.
  const map = [0, 512, 5 * 2 ** 30, 1024, size - 100, 100];
  const content = Buffer.from("a".repeat(512) + "b".repeat(1024) + "c".repeat(100));
  const records: [string, string][] = [
    ["GNU.sparse.size", `${size}`],
    ["GNU.sparse.numblocks", "3"],
    ["GNU.sparse.map", map.join(",")],
  ];
  const tar = Buffer.concat([paxEntry(records), rawEntry({ name: "big" }, content), tarEnd]);
  const [id] = await pushLayers(driver, [tar]);
  await inRoot(
    driver,
    id as CacheId,
    (root) => {
      const path = join(root, "big");
      assert.equal(fs.statSync(path).size, size);
      assert.equal(readAt(path, 0, 600), "a".repeat(512) + "\0".repeat(88));
      assert.equal(
        readAt(path, 5 * 2 ** 30 - 10, 1044),
        "\0".repeat(10) + "b".repeat(1024) + "\0".repeat(10),
      );
      assert.equal(readAt(path, size - 110, 200), "\0".repeat(10) + "c".repeat(100));
      assert.equal(readAt(path, 2 ** 32, 4), "\0\0\0\0");
    },
    { readOnly: true },
  );
});

test("a file of 5 GiB, as large as its tar", { skip }, async () => {
  using at = scratch("sizes");
  const driver = createErofs({ root: join(at.path, "erofs") });
  const id = newCacheId();
  await driver.create(id, undefined);
  const target = driver.target(id);
  assert.ok(isTarTarget(target));
  const size = 5 * 2 ** 30 + 7;
  const root = newNode("directory");
  const big = Object.assign(newNode("file"), { size, extents: [{ at: 0, length: size, offset: 512 }] });
  root.entries?.set("big", big);
  fs.writeFileSync(target.catalog, encodeCatalog(root));
  // A tar with a hole, so that nobody has to write 5 GiB.
  const marks = new Map(
    [0, 2 ** 31 - 3, 2 ** 32 - 3, 2 ** 32 + 2 ** 20, size - 6].map((place) => [place, `<${place % 9973}>`]),
  );
  const tar = fs.openSync(target.tar, "w");
  fs.ftruncateSync(tar, 512 + size + 505 + 1024);
  for (const [place, text] of marks) fs.writeSync(tar, text.slice(0, 6), 512 + place);
  fs.closeSync(tar);
  await driver.prepare(id);
  await inRoot(
    driver,
    id,
    (path) => {
      assert.equal(fs.statSync(join(path, "big")).size, size);
      for (const [place, text] of marks)
        assert.equal(readAt(join(path, "big"), place, 9).replace(/\0+$/, ""), text.slice(0, 6));
    },
    { readOnly: true },
  );
});

function readAt(path: string, from: number, length: number): string {
  const fd = fs.openSync(path, "r");
  try {
    const bytes = Buffer.alloc(length, 0xee);
    return bytes.toString("latin1", 0, fs.readSync(fd, bytes, 0, length, from));
  } finally {
    fs.closeSync(fd);
  }
}
