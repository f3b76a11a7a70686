import assert from "node:assert/strict";
import * as fs from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { overlaySkip } from "../../../test/suites/overlay_skip.ts";
import { scratch, unlessLinux, unlessRoot } from "../../../test/suites/scratch.ts";
import { sourceSuite } from "../../../test/suites/source_suite.ts";
import { packSource } from "../../../test/support/source_help.ts";
import { type PackedFile, tarFile, tarOf } from "../../../test/support/tar_help.ts";
import { fromBytes } from "../../bytes/index.ts";
import type { CacheId, Driver, DriverName } from "../../driver/index.ts";
import { deriveImage, layersOf } from "../../image/index.ts";
import type { LayerTarget } from "../../layer/index.ts";
import { openStore, type Store, type StoredImage, type StoredLayer } from "../../store/index.ts";
import { openLayersSource } from "./index.ts";

const live = { signal: new AbortController().signal };
const skips: readonly [DriverName, string | false][] = [
  ["vfs", unlessLinux],
  ["overlay2", overlaySkip],
  ["erofs", unlessRoot],
];

async function stackOn(store: Store, tars: readonly Buffer[]): Promise<StoredLayer[]> {
  let image: StoredImage | undefined;
  for (const tar of tars) {
    image = await deriveImage(store, {
      ...(image !== undefined && { base: image }),
      tar: fromBytes(tar),
      history: { created_by: "test" },
      edit: () => undefined,
      ...live,
    });
  }
  return image === undefined ? [] : layersOf(store, image);
}

for (const [driver, skip] of skips) {
  sourceSuite(
    `layers on ${driver}`,
    async (files) => {
      const place = scratch("source");
      const store = await openStore({ root: join(place.path, "root"), driver });
      const half = files.length >> 1;
      // In two layers; a hard link is in the layer of its file.
      const halves = files.some(({ linkTo }) => linkTo !== undefined)
        ? [files]
        : [files.slice(0, half), files.slice(half)];
      const stack = await stackOn(
        store,
        halves.map((part) => packSource(part)),
      );
      const tree = await openLayersSource(store, stack, { name: "stage" });
      const dispose = async (): Promise<void> => {
        tree[Symbol.dispose]();
        place[Symbol.dispose]();
      };
      return { tree, [Symbol.asyncDispose]: dispose };
    },
    { skip },
  );
}

const file = (path: string, body = "x", fields = {}): PackedFile => tarFile({ path, ...fields }, body);
const owned = { uid: 7, gid: 8, mode: 0o2750 };
const lower = [
  tarFile({ path: "d", type: "directory", ...owned }),
  file("d/f", "lower", { uid: 9, gid: 10, mode: 0o4711, mtime: 5 }),
  file("d/gone"),
  file("kept"),
];
const upper = [
  file("d/.wh.gone", ""),
  file("d/f", "upper", { uid: 11, gid: 12, mode: 0o600, mtime: 6 }),
  file("d/new"),
];

for (const [driver, skip] of skips) {
  test(
    `B077 layers on ${driver}: upper files win, owners are kept, whiteouts hide`,
    { skip: skip || unlessRoot },
    async () => {
      using place = scratch("source");
      const store = await openStore({ root: join(place.path, "root"), driver });
      const stack = await stackOn(store, [tarOf(lower), tarOf(upper)]);
      using tree = await openLayersSource(store, stack, { name: "stage" });
      assert.deepEqual(tree.readdir("d"), ["f", "new"]);
      assert.equal(Buffer.from(tree.read("d/f")).toString(), "upper");
      const { uid, gid, mode, mtime } = tree.stat("d/f")!;
      assert.deepEqual([uid, gid, mode, mtime], [11, 12, 0o600, 6]);
      assert.equal(tree.stat("d/gone"), undefined);
      using below = await openLayersSource(store, stack.slice(0, 1), { name: "below" });
      assert.equal(Buffer.from(below.read("d/f")).toString(), "lower");
      assert.deepEqual([below.stat("d")?.uid, below.stat("d")?.gid, below.stat("d")?.mode], [7, 8, 0o2750]);
    },
  );
}

test("no layers at all are an empty root", { skip: unlessLinux }, async () => {
  using place = scratch("source");
  const store = await openStore({ root: join(place.path, "root"), driver: "vfs" });
  using tree = await openLayersSource(store, [], { name: "scratch" });
  assert.deepEqual(tree.readdir(""), []);
  assert.equal(tree.stat("")?.kind, "directory");
});

test(
  "where an ordinary user has unpacked them, attributes are those of the layers' tars",
  { skip: unlessLinux },
  async () => {
    using place = scratch("source");
    const store = await openStore({ root: join(place.path, "root"), driver: "vfs" });
    const device = tarFile({ path: "null", type: "char", devMajor: 1, devMinor: 3, mode: 0o666 });
    const stack = await stackOn(store, [tarOf([...lower, device]), tarOf(upper)]);
    const whole = store.driver.target(stack.at(-1)!.cacheId);
    assert.ok(!("tar" in whole));
    // As such a user leaves them: all his own, no special bits.
    fs.chmodSync(join(whole.directory, "d/f"), 0o666);
    const target = (id: CacheId): LayerTarget =>
      ({ ...store.driver.target(id), ownership: "best-effort" }) as LayerTarget;
    const driver = { ...store.driver, target } as Driver;
    using tree = await openLayersSource({ ...store, driver }, stack, { name: "stage" });
    assert.deepEqual(tree.readdir("d"), ["f", "new"]);
    assert.equal(Buffer.from(tree.read("d/f")).toString(), "upper");
    const { uid, gid, mode } = tree.stat("d/f")!;
    assert.deepEqual([uid, gid, mode], [11, 12, 0o600]);
    assert.deepEqual([tree.stat("d")?.uid, tree.stat("d")?.gid, tree.stat("d")?.mode], [7, 8, 0o2750]);
    const { kind, devMajor, devMinor } = tree.stat("null")!;
    assert.deepEqual([kind, devMajor, devMinor], ["char", 1, 3]);
  },
);
