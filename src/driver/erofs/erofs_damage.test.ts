/** Files of the driver that were damaged: the cache is made again, the rest is told; nothing is shown that was not there. */
import assert from "node:assert/strict";
import * as fs from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { dir } from "../../../test/support/layer_help.ts";
import { tarFile, tarOf } from "../../../test/support/tar_help.ts";
import { inRoot } from "../../../test/suites/driver_helpers.ts";
import { erofsSkip } from "../../../test/suites/erofs_skip.ts";
import { pushLayers } from "../../../test/suites/layer_stacks.ts";
import { scratch } from "../../../test/suites/scratch.ts";
import { treeOf } from "../../../test/suites/tree_of.ts";
import { createErofs } from "../index.ts";

const skip = erofsSkip("file");
const body = Buffer.alloc(300_000, "content that is no zero ");

interface Given {
  /** The uppermost layer's directory, in which its files are, and the one below it. */
  readonly upper: string;
  readonly lower: string;
  mounted<T>(look: (root: string) => T): Promise<T>;
}

/** An image of two layers, not mounted. */
async function given(act: (given: Given) => Promise<void>, backing: "file" | "loop" = "file"): Promise<void> {
  using at = scratch("damage");
  const home = join(at.path, "erofs");
  const driver = createErofs({ root: home, backing });
  const ids = await pushLayers(driver, [
    tarOf([dir("d"), tarFile({ path: "d/big" }, body), tarFile({ path: "d/gone" }, "x")]),
    tarOf([tarFile({ path: "d/.wh.gone" }), tarFile({ path: "d/small" }, "small")]),
  ]);
  const [lower, upper] = ids as [string, string];
  await act({
    upper: join(home, upper),
    lower: join(home, lower),
    mounted: (look) => inRoot(driver, upper, look, { readOnly: true }),
  });
}

function change(path: string, edit: (bytes: Buffer) => Uint8Array | void): void {
  const bytes = fs.readFileSync(path);
  fs.writeFileSync(path, edit(bytes) ?? bytes);
}

test("an image file that is missing, cut short or changed anywhere is made again", { skip }, async () => {
  await given(async ({ upper, mounted }) => {
    const image = join(upper, "image");
    const expected = await mounted((root) => treeOf(root));
    const whole = fs.readFileSync(image);
    const damaged: ((bytes: Buffer) => Uint8Array | void)[] = [
      () => new Uint8Array(0),
      (bytes) => bytes.subarray(0, 1023),
      (bytes) => bytes.subarray(0, -1),
      (bytes) => Buffer.concat([bytes, Buffer.alloc(1)]),
      () => Buffer.alloc(8192, 0xff),
      ...Array.from({ length: 24 }, (_, index) => (bytes: Buffer) => {
        bytes[Math.floor((index * (bytes.length - 1)) / 23)]! ^= 0x10;
      }),
    ];
    for (const [index, damage] of damaged.entries()) {
      change(image, damage);
      assert.deepEqual(await mounted((root) => treeOf(root)), expected, `damage ${index}`);
      // Behind the title there is room, to which nobody looks.
      assert.ok(fs.readFileSync(image).subarray(1024).equals(whole.subarray(1024)));
    }
    fs.rmSync(image);
    assert.deepEqual(await mounted((root) => treeOf(root)), expected);
    assert.deepEqual(fs.readdirSync(upper).sort(), ["catalog", "image", "layer.tar", "parent"]);
  });
});

test("the image of other tars is not taken for this one's", { skip }, async () => {
  await given(async ({ upper, lower, mounted }) => {
    await given(async (other) => {
      change(join(other.lower, "layer.tar"), (bytes) => Buffer.concat([bytes, Buffer.alloc(512)]));
      await other.mounted((root) => assert.equal(fs.readFileSync(join(root, "d/small"), "latin1"), "small"));
      fs.copyFileSync(join(other.upper, "image"), join(upper, "image"));
    });
    await mounted((root) => assert.ok(fs.readFileSync(join(root, "d/big")).equals(body)));
    assert.ok(fs.existsSync(join(lower, "layer.tar")));
  });
});

test("a catalog that is damaged or missing is told when the image has to be made", { skip }, async () => {
  const damaged: ((path: string) => void)[] = [
    (path) => fs.rmSync(path),
    (path) => fs.truncateSync(path, 0),
    (path) => change(path, (bytes) => bytes.subarray(0, -1)),
    (path) =>
      change(path, (bytes) => {
        bytes[bytes.length >> 1]! ^= 1;
      }),
  ];
  for (const damage of damaged) {
    await given(async ({ upper, lower, mounted }) => {
      damage(join(lower, "catalog"));
      // The image is whole, and says all that is needed.
      await mounted((root) => assert.ok(fs.readFileSync(join(root, "d/big")).equals(body)));
      fs.rmSync(join(upper, "image"));
      await assert.rejects(
        mounted(() => undefined),
        { kind: "corrupt" },
      );
      assert.deepEqual(
        fs.readdirSync(upper).sort(),
        ["catalog", "layer.tar", "parent"],
        "nothing is left behind",
      );
    });
  }
});

test("a tar that is missing or ends too early is told", { skip }, async () => {
  for (const damage of [
    (path: string) => fs.rmSync(path),
    (path: string) => fs.truncateSync(path, 0),
    (path: string) => fs.truncateSync(path, 100_000),
  ]) {
    await given(async ({ lower, mounted }) => {
      damage(join(lower, "layer.tar"));
      await assert.rejects(
        mounted(() => undefined),
        { kind: "corrupt" },
      );
    });
  }
});

for (const backing of ["file", "loop"] as const) {
  test(
    `erofs (${backing}): a tar that is cut short below a mount gives an error, and no zeros`,
    { skip: erofsSkip(backing) },
    async () => {
      await given(async ({ lower, mounted }) => {
        await mounted((root) => {
          fs.truncateSync(join(lower, "layer.tar"), 4096);
          assert.throws(() => fs.readFileSync(join(root, "d/big")), { code: "EIO" });
          assert.equal(fs.readFileSync(join(root, "d/small"), "latin1"), "small");
        });
      }, backing);
    },
  );
}
