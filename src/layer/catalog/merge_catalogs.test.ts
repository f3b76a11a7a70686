import * as fc from "fast-check";
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { arbitraryStack } from "../../../test/support/arbitrary_layer.ts";
import { applyTar, dir, subdirectory } from "../../../test/support/layer_help.ts";
import { type PackedFile, tarFile, tarOf } from "../../../test/support/tar_help.ts";
import { scratch, unlessRoot } from "../../../test/suites/scratch.ts";
import {
  forgetTimes,
  linesOfBranch,
  linesOfView,
  madeSince,
  type TreeLines,
} from "../../../test/suites/tree_lines.ts";
import type { ByteString } from "../../byte_string.ts";
import { DirectoryBranch, ReadView, TreeBranch } from "../../union/index.ts";
import { newNode } from "./catalog_node.ts";
import { mergeCatalogs } from "./merge_catalogs.ts";
import { acceptable, catalogOf } from "./testing_catalogs.test.ts";

const skip = unlessRoot;
const file = (path: string, body = "x", fields = {}): PackedFile => tarFile({ path, ...fields }, body);
const mark = (path: string): PackedFile => tarFile({ path });

/** What the merged catalogs of these layers show, bottom first. */
function merged(layers: readonly (readonly PackedFile[])[]): TreeLines {
  using at = scratch("merged");
  const tars = layers.map((files) => tarOf(files, { nanoseconds: true }));
  const paths = tars.map((tar, index) => {
    const path = join(at.path, `${index}.tar`);
    writeFileSync(path, tar);
    return path;
  });
  using branch = new TreeBranch(mergeCatalogs(tars.map((tar) => catalogOf(tar).root)), paths);
  return linesOfBranch(branch);
}

/** What overlayfs would show of them, unpacked, by the rules of the user-space view. */
function overlaid(layers: readonly (readonly PackedFile[])[]): TreeLines {
  using at = scratch("overlaid");
  using open = new DisposableStack();
  const lowers = layers.map((files, index) => {
    const directory = subdirectory(at.path, `${index}`);
    applyTar(directory, tarOf(files, { nanoseconds: true }));
    return open.use(new DirectoryBranch(directory));
  });
  return linesOfView(new ReadView({ dialect: "overlay2", lowers: lowers.reverse() }));
}

test("any stack of layers, merged, is what overlayfs shows of them", { skip }, () => {
  fc.assert(
    fc.property(arbitraryStack({ listed: true }), (stack) => {
      const layers = stack.map(acceptable);
      const start = Math.floor(Date.now() / 1000);
      const [kept, unpacked] = [merged(layers), overlaid(layers)];
      // A directory that was reached by a symlink which is gone did not get its time.
      forgetTimes([kept, unpacked], madeSince(unpacked, start));
      assert.deepEqual(kept, unpacked);
    }),
    { numRuns: 100 },
  );
});

/** Lines of everything, in words. */
function shown(...layers: (readonly PackedFile[])[]): [ByteString, string][] {
  return [...merged(layers)].map(([path, { mtime, rest }]) => [
    path,
    `${rest.split(" ").slice(0, 3).join(" ")} ${Number.parseInt(mtime)}`,
  ]);
}

const owned = { mode: 0o700, uid: 5, gid: 6, mtime: 9 };

test("a directory that an upper layer does not list keeps the attributes that a lower one gave it", () => {
  // overlayfs shows those of a directory that was made in passing there, and so does Docker.
  assert.deepEqual(shown([dir("d", owned)], [file("d/f")]), [
    ["d", "directory 700 5:6 9"],
    ["d/f", "file 644 0:0 1700000000"],
  ]);
  assert.deepEqual(shown([dir("d", owned)], [dir("d", { mtime: 3 })]), [["d", "directory 755 0:0 3"]]);
  assert.deepEqual(shown([file("d/f")], [mark("d/.wh.f")]), [["d", "directory 755 0:0 0"]]);
  assert.deepEqual(shown([file("d")], [file("d/f", "", owned)]), [
    ["d", "directory 755 0:0 0"],
    ["d/f", "file 700 5:6 9"],
  ]);
});

test("what was hidden or covered once does not come back through a third layer", () => {
  const names = (...layers: (readonly PackedFile[])[]): ByteString[] => [...merged(layers).keys()];
  assert.deepEqual(names([file("d/a")], [mark(".wh.d")], [file("d/b")]), ["d", "d/b"]);
  assert.deepEqual(names([file("d/a")], [file("d")], [file("d/b")]), ["d", "d/b"]);
  assert.deepEqual(names([file("d/a")], [mark("d/.wh..wh..opq"), file("d/b")]), ["d", "d/b"]);
  assert.deepEqual(names([file("d/a")], [mark(".wh.d"), dir("d")]), ["d"]);
  assert.deepEqual(names([file("d/a"), file("e")], [mark(".wh.d"), mark(".wh.none")]), ["e"]);
});

test("an opaque root hides all that lies below, as the image specification has it", () => {
  // The kernel does not look at the mark on the root of a layer: there, and so in Docker, it does nothing.
  assert.deepEqual([...merged([[file("a")], [mark(".wh..wh..opq"), file("b")]]).keys()], ["b"]);
});

test("names of one file stay one file, and a name that is covered is one less", () => {
  const links = [file("a"), ...["b", "c"].map((path) => tarFile({ path, type: "hardlink", linkPath: "a" }))];
  const nlinks = (...layers: (readonly PackedFile[])[]): (number | undefined)[] => {
    const root = mergeCatalogs(layers.map((files) => catalogOf(tarOf(files)).root));
    using branch = new TreeBranch(root, []);
    return ["a", "b", "c"].map((path) => branch.stat(path)?.nlink);
  };
  assert.deepEqual(nlinks(links), [3, 3, 3]);
  assert.deepEqual(nlinks(links, [mark(".wh.b")]), [2, undefined, 2]);
  assert.deepEqual(nlinks(links, [file("b")]), [2, 1, 2]);
});

test("layers stay as they are, and may be merged again", () => {
  const layers = [
    [dir("d", owned), file("d/a")],
    [mark("d/.wh.a"), file("d/b")],
  ].map((files) => catalogOf(tarOf(files)).root);
  const first = mergeCatalogs(layers);
  assert.deepEqual(mergeCatalogs(layers), first);
  mergeCatalogs([...layers, catalogOf(tarOf([mark(".wh.d")])).root]);
  assert.deepEqual(mergeCatalogs(layers), first);
});

test("directories nested deeper than any stack are merged and numbered", () => {
  const deep = newNode("directory");
  for (let depth = 0, at = deep; depth < 50_000; depth++) {
    const below = newNode("directory");
    at.entries?.set("d", below);
    at = below;
  }
  using branch = new TreeBranch(mergeCatalogs([deep, deep]), []);
  assert.equal(branch.stat("d/d/d")?.kind, "directory");
});
