/** Squashed images beside the ones that they were made of: the same files, and nothing kept that is hidden. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { array, assert as forAll, asyncProperty, constantFrom, nat, record } from "fast-check";
import { tarFile, tarOf, type PackedFile } from "../../test/support/tar_help.ts";
import { scratch, unlessAll, unlessLinux } from "../../test/suites/scratch.ts";
import { collect, fromBytes } from "../bytes/index.ts";
import type { DriverName } from "../driver/index.ts";
import { isFailure } from "../errors.ts";
import { chainIds } from "../oci/index.ts";
import { openStore, type Store, type StoredImage } from "../store/index.ts";
import { readTar } from "../tar/index.ts";
import { deriveImage, rootTar, squashLayers } from "./index.ts";

const skip = unlessLinux;
const { signal } = new AbortController();

async function withStore(driver: DriverName, body: (store: Store) => Promise<void>): Promise<void> {
  using root = scratch("squash");
  await body(await openStore({ root: root.path, driver }));
}

/** An image with a layer for each list, bottom first, and a row without one in the middle. */
async function imageOf(store: Store, layers: readonly (readonly PackedFile[])[]): Promise<StoredImage> {
  let base: StoredImage | undefined;
  for (const [index, files] of layers.entries()) {
    const on = base === undefined ? {} : { base };
    const common = { edit: () => undefined, keepEmptyLayer: true, signal };
    base = await deriveImage(store, {
      ...on,
      ...common,
      tar: fromBytes(tarOf(files)),
      history: { created_by: `layer ${index + 1}` },
    });
    if (index === 0) base = await deriveImage(store, { ...common, base, history: { created_by: "ENV" } });
  }
  return base as StoredImage;
}

async function lines(tar: AsyncIterable<Uint8Array>): Promise<string[]> {
  const found: string[] = [];
  for await (const { entry, body } of readTar(tar)) {
    const { path, type, mode, uid, gid, linkPath, mtime, xattrs } = entry;
    const text = Buffer.from(await collect(body, 1 << 20)).toString("latin1");
    const attributes = [...(xattrs ?? [])].map(([name, value]) => `${name}=${Buffer.from(value).toString()}`);
    found.push([path, type, mode.toString(8), uid, gid, linkPath, mtime, text, ...attributes].join(" "));
  }
  return found;
}

const tree = (store: Store, image: StoredImage): Promise<string[]> =>
  lines(rootTar(store, image, { temporaryDirectory: store.root, signal }));

/** The names in layer number `index`, counted from 1. */
async function names(store: Store, image: StoredImage, index: number): Promise<string[]> {
  const chain = chainIds(image.config.rootfs.diff_ids ?? [])[index - 1];
  assert.ok(chain !== undefined);
  const found: string[] = [];
  for await (const { entry } of readTar(await store.layers.openTar(chain, { signal })))
    found.push(entry.path);
  return found;
}

const dir = (path: string, fields = {}): PackedFile =>
  tarFile({ path: `${path}/`, type: "directory", mode: 0o755, ...fields });

const sample: readonly (readonly PackedFile[])[] = [
  [
    dir("etc"),
    tarFile({ path: "etc/a" }, "a"),
    tarFile({ path: "etc/keep" }, "k"),
    dir("opt"),
    tarFile({ path: "opt/x" }, "x"),
  ],
  [
    dir("tmp"),
    tarFile({ path: "tmp/big", uid: 7, gid: 8 }, "x".repeat(5000)),
    tarFile({ path: "etc/b", mode: 0o4755 }, "b"),
  ],
  [
    tarFile({ path: "tmp/.wh.big" }),
    tarFile({ path: "etc/.wh.a" }),
    tarFile({ path: "c" }, "c"),
    tarFile({ path: "d", type: "hardlink", linkPath: "c" }),
    dir("opt"),
    tarFile({ path: "opt/.wh..wh..opq" }),
    tarFile({ path: "opt/new", xattrs: new Map([["user.k", Buffer.from("v")]]) }, "n"),
  ],
  [dir("etc", { mode: 0o711 }), tarFile({ path: "etc/top" }, "t")],
];

for (const driver of ["vfs", "erofs"] as const) {
  test(`layers in the middle become one: ${driver}`, { skip }, () =>
    withStore(driver, async (store) => {
      const image = await imageOf(store, sample);
      const created = "2026-01-01T00:00:00Z";
      const squashed = await squashLayers(store, image, { from: 2, to: 3, created, signal });
      assert.deepEqual(await tree(store, squashed), await tree(store, image));
      assert.equal(squashed.config.rootfs.diff_ids?.length, 3);
      assert.deepEqual(await names(store, squashed, 2), [
        "c",
        "d",
        "etc/",
        "etc/.wh.a",
        "etc/b",
        "opt/",
        "opt/.wh..wh..opq",
        "opt/new",
        "tmp/",
      ]);
      assert.deepEqual(squashed.config.rootfs.diff_ids?.[2], image.config.rootfs.diff_ids?.[3]);
      const base = chainIds(image.config.rootfs.diff_ids ?? [])[0];
      assert.deepEqual(squashed.config.history, [
        { created_by: "layer 1" },
        { created_by: "ENV", empty_layer: true },
        { created_by: "layer 2", empty_layer: true },
        { created_by: "layer 3", empty_layer: true },
        { created, comment: `merge ${image.id} to ${base}` },
        { created_by: "layer 4" },
      ]);
      assert.ok((await store.images.get(image.id)) !== undefined, "the image itself stays");
    }),
  );

  test(`all layers become one without any mark: ${driver}`, { skip }, () =>
    withStore(driver, async (store) => {
      const image = await imageOf(store, sample);
      const squashed = await squashLayers(store, image, { from: 1, to: 4, signal });
      assert.deepEqual(await tree(store, squashed), await tree(store, image));
      assert.ok((await names(store, squashed, 1)).every((name) => !name.includes(".wh.")));
      assert.equal(squashed.config.history?.at(-1)?.comment, `create new from ${image.id}`);
    }),
  );
}

test("layers that leave nothing make none", { skip }, () =>
  withStore("erofs", async (store) => {
    const image = await imageOf(store, [
      [tarFile({ path: "a" }, "a")],
      [tarFile({ path: "b" }, "b")],
      [tarFile({ path: ".wh.b" })],
    ]);
    const squashed = await squashLayers(store, image, { from: 2, to: 3, signal });
    assert.equal(squashed.config.rootfs.diff_ids?.length, 1);
    assert.equal(squashed.config.history?.at(-1)?.empty_layer, true);
    assert.deepEqual(await tree(store, squashed), await tree(store, image));
  }),
);

test(
  "a directory that a layer only implies, where another layer took away the one below, has nothing of that",
  { skip },
  () =>
    withStore("erofs", async (store) => {
      const below = [dir("e", { mode: 0o700 }), tarFile({ path: "e/old" }, "o"), dir("f", { mode: 0o700 })];
      const image = await imageOf(store, [
        below,
        [tarFile({ path: "e" }, "file"), tarFile({ path: ".wh.f" })],
        [tarFile({ path: "e/new" }, "n"), tarFile({ path: "f/new" }, "n")],
      ]);
      const squashed = await squashLayers(store, image, { from: 2, to: 3, signal });
      const files = await tree(store, squashed);
      assert.deepEqual(files, await tree(store, image));
      assert.match(files[0] ?? "", /^e\/ directory 755 /);
    }),
);

test("layers that the image does not have are refused", { skip }, () =>
  withStore("vfs", async (store) => {
    const image = await imageOf(store, [[tarFile({ path: "a" }, "a")]]);
    for (const [from, to] of [
      [0, 1],
      [1, 2],
      [2, 1],
      [1.5, 1],
    ] as const)
      // prettier-ignore
      await assert.rejects(squashLayers(store, image, { from, to, signal }), (error) => isFailure(error, "invalid"));
  }),
);

/** A change of one name, as a layer may bring it. */
const change = record({
  path: constantFrom("a", "b", "d/a", "d/b", "d/e/a", "e", "e/a"),
  kind: constantFrom("file", "directory", "whiteout", "opaque", "link"),
});

const layer = array(change, { maxLength: 5 }).map((changes) => {
  // No tar says two things of one name, or puts something below a file.
  const files = new Map<string, PackedFile>();
  const parts = new Map<string, "directory" | "other">();
  for (const [index, { path, kind }] of changes.entries()) {
    const above = path.split("/").map((_, i, all) => all.slice(0, i).join("/")).filter((name) => name !== ""); // prettier-ignore
    const isDirectory = kind === "directory" || kind === "opaque";
    if (parts.has(path) || above.some((name) => parts.get(name) === "other")) continue;
    for (const name of above) parts.set(name, "directory");
    parts.set(path, isDirectory ? "directory" : "other");
    const [parent, name] = [path.slice(0, path.lastIndexOf("/") + 1), path.slice(path.lastIndexOf("/") + 1)];
    if (kind === "whiteout") files.set(path, tarFile({ path: `${parent}.wh.${name}` }));
    else if (kind === "file") files.set(path, tarFile({ path, mode: 0o600 + index }, `${path}${index}`));
    else if (kind === "link") files.set(path, tarFile({ path, type: "symlink", linkPath: "d" }));
    else files.set(path, dir(path, { mode: 0o700 + index }));
    if (kind === "opaque") files.set(`${path}/.`, tarFile({ path: `${path}/.wh..wh..opq` }));
  }
  return [...files.values()];
});

test("any layers of any stack can be squashed without a change of the files", { skip }, () =>
  withStore("erofs", async (store) => {
    await forAll(
      asyncProperty(array(layer, { minLength: 2, maxLength: 5 }), nat(), nat(), async (layers, a, b) => {
        const image = await imageOf(store, layers);
        const [from, to] = [(a % layers.length) + 1, (b % layers.length) + 1].sort((x, y) => x - y) as [
          number,
          number,
        ];
        const squashed = await squashLayers(store, image, { from, to, signal });
        assert.deepEqual(await tree(store, squashed), await tree(store, image));
      }),
      { numRuns: unlessAll === false ? 60 : 30 },
    );
  }),
);
