import assert from "node:assert/strict";
import { test } from "node:test";
import * as sys from "../sys/index.ts";
import type { Extent } from "../union/index.ts";
import { buildErofs } from "./index.ts";
import { assertMounts, erofsSkip, mountImage } from "./testing_kernel.test.ts";
import { directory, file, read, sizes, tars } from "./testing_trees.test.ts";

const KiB = 1024;
const MiB = 2 ** 20;
const GiB = 2 ** 30;
const TiB = 2 ** 40;

function extent(at: number, length: number, offset: number, source = 0): Extent {
  return { at, length, source, offset };
}

/** What may be asked of a file, whether its blocks can be used in place, and the most that its image may take. */
const cases: readonly (readonly [
  title: string,
  copies: boolean,
  limit: number,
  size: number,
  ...extents: readonly Extent[],
])[] = [
  ["all hole", false, 2 * KiB, 1000],
  ["a hole of 8 TiB and a byte", false, 2 * KiB, 8 * TiB + 1],
  ["hole before", false, 2 * KiB, 8192, extent(4096, 4096, 512)],
  ["hole behind", false, 2 * KiB, 8192, extent(0, 4096, 512)],
  ["hole behind, in the middle of a block", true, 3 * KiB, 8192, extent(0, 4000, 512)],
  ["end in the middle of a block", false, 2 * KiB, 8100, extent(4096, 4004, 512)],
  ["small, unaligned in the tar", true, 3 * KiB, 100, extent(0, 100, 77)],
  ["large, unaligned in the tar", true, 66 * KiB, 64 * KiB, extent(0, 64 * KiB, 77)],
  ["unaligned in the file", true, 4 * KiB, 3000, extent(100, 1000, 512)],
  ["out of step, but meeting the tar's blocks", true, 4 * KiB, 8192, extent(100, 8000, 612)],
  ["several in one block", true, 3 * KiB, 512, extent(1, 1, 5), extent(3, 2, 900), extent(500, 12, 0, 1)],
  [
    "two tars",
    false,
    3 * KiB,
    16 * KiB,
    extent(0, 4096, 1024),
    extent(4096, 4096, 8192, 1),
    extent(12 * KiB, 4096, 0),
  ],
  ["in pieces that continue each other", false, 2 * KiB, 3000, extent(0, 100, 512), extent(100, 2900, 612)],
  ["pieces in the wrong order in the tar", false, 2 * KiB, 1024, extent(0, 512, 1024), extent(512, 512, 512)],
  ["the last, incomplete block of a tar", true, 3 * KiB, 612, extent(0, 612, 64 * KiB - 512, 1)],
  ["an odd block at the end of 100 MiB", false, 1700 * KiB, 100 * MiB, extent(100 * MiB - 512, 512, 512)],
  [
    "lastlog: 300 GB, hardly anything in it",
    true,
    10 * MiB,
    300 * GiB,
    extent(0, 4096, 512),
    extent(200 * GiB + 4096, 4096, 8192),
  ],
  ["an odd block far out", true, 6 * MiB, 5 * GiB, extent(0, 512, 512), extent(4 * GiB, 64 * KiB, 4096)],
];

for (const [title, copies, limit, size, ...extents] of cases) {
  test(`sparse: ${title}`, { skip: erofsSkip }, () => {
    const root = directory([["f", file(size, extents)]]);
    if (copies) assert.throws(() => buildErofs(root, sizes), { kind: "unsupported" });
    else assert.deepEqual(buildErofs(root, sizes), buildErofs(root, sizes, read));
    assertMounts(root);
    const length = buildErofs(root, sizes, read).length;
    assert.ok(length <= limit, `${length} bytes`);
  });
}

test("files and tars beyond 4 GiB, up to the last block that can be numbered", { skip: erofsSkip }, () => {
  const size = 2 * TiB - MiB;
  const places = [4.5 * GiB, TiB - 1024, TiB, 1.5 * TiB + 512, size - 3 * 512];
  const entries = places.map((at, index) => [`${index}`, file(1000, [extent(0, 1000, at)])] as const);
  const large = file(1.75 * TiB, [extent(0, 1.75 * TiB, 512)]);
  const image = buildErofs(directory([...entries, ["large", large]]), [size]);
  using mounted = mountImage(image, [new Uint8Array(0)]);
  const tar = sys.openAt(sys.AT_FDCWD, mounted.tars[0] as string, sys.O_RDWR);
  const opened = [tar];
  try {
    sys.truncate(tar, size);
    for (const at of places) sys.pwrite(tar, tars[0]?.subarray(0, 1000) as Uint8Array, at);
    const check = (name: string, at: number): void => {
      const fd = sys.openAt(sys.AT_FDCWD, `${mounted.path}/${name}`, sys.O_RDONLY);
      opened.push(fd);
      const bytes = Buffer.alloc(1000);
      assert.equal(sys.pread(fd, bytes, at), 1000);
      assert.ok(bytes.equals(tars[0]?.subarray(0, 1000) as Uint8Array), `${name} at ${at}`);
    };
    for (const index of places.keys()) check(`${index}`, 0);
    for (const at of places.slice(0, -1)) check("large", at - 512);
  } finally {
    for (const fd of opened) sys.close(fd);
  }
});

test("the kernel finds holes and data", { skip: erofsSkip }, () => {
  const root = directory([["f", file(64 * KiB, [extent(16 * KiB, 4096, 512)])]]);
  using mounted = mountImage(buildErofs(root, sizes), tars);
  const fd = sys.openAt(sys.AT_FDCWD, `${mounted.path}/f`, sys.O_RDONLY);
  assert.equal(sys.seek(fd, 0, sys.SEEK_DATA), 16 * KiB);
  assert.equal(sys.seek(fd, 16 * KiB, sys.SEEK_HOLE), 20 * KiB);
  sys.close(fd);
});
