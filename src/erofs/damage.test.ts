/** What the kernel says to images and tars that are not as they were made: an error, never zeros. */
import assert from "node:assert/strict";
import { truncateSync } from "node:fs";
import { test } from "node:test";
import * as sys from "../sys/index.ts";
import { buildErofs } from "./index.ts";
import { erofsSkip, mountImage } from "./testing_kernel.test.ts";
import { assertShows, directory, file, read, sizes, stretch, symlink, tars } from "./testing_trees.test.ts";

const names = Array.from({ length: 100 }, (_, index) => `name ${index}`);
const root = directory([
  ["f", stretch(64 * 1024, 128 * 1024)],
  ["d", directory(names.map((name) => [name, stretch(512, 5)]))],
  ["link", symlink("x".repeat(4000))],
  ["copied", file(100, [{ at: 0, length: 100, source: 0, offset: 1 }])],
]);
const image = buildErofs(root, sizes, read);

function changed(at: number, xor: number): Uint8Array {
  const copy = Buffer.from(image);
  copy[at] = (copy[at] as number) ^ xor;
  return copy;
}

const refused: readonly (readonly [
  title: string,
  image: Uint8Array,
  tars: readonly Uint8Array[],
  code: string,
])[] = [
  ["magic", changed(1024, 1), tars, "EINVAL"],
  ["checksum", changed(1028, 1), tars, "EBADMSG"],
  ["uuid", changed(1024 + 48, 1), tars, "EBADMSG"],
  ["block size", changed(1024 + 12, 1), tars, "EINVAL"],
  ["first device", changed(1152 + 64, 1), tars, "EBADMSG"],
  ["no more than the caller's bytes", image.subarray(0, 1024), tars, "EINVAL"],
  ["nothing", image.subarray(0, 0), tars, "EINVAL"],
  ["one tar missing", image, tars.slice(0, 1), "EINVAL"],
  ["one tar too many", image, [...tars, Buffer.alloc(512)], "EINVAL"],
];

for (const [title, bytes, devices, code] of refused) {
  test(`the kernel refuses to mount: ${title}`, { skip: erofsSkip }, () => {
    assert.throws(() => mountImage(bytes, devices)[Symbol.dispose](), { code });
  });
}

function contents(path: string, at = 0, length = 256 * 1024): Buffer {
  const fd = sys.openAt(sys.AT_FDCWD, path, sys.O_RDONLY);
  try {
    const bytes = Buffer.alloc(length);
    return bytes.subarray(0, sys.pread(fd, bytes, at));
  } finally {
    sys.close(fd);
  }
}

test(
  "a tar that is cut off: EIO from there on, and the right bytes or EIO before",
  { skip: erofsSkip },
  () => {
    const whole = tars[0] as Uint8Array;
    for (const size of [0, 64 * 1024, 100 * 1024, 100 * 1024 + 7, 192 * 1024 - 1]) {
      using mounted = mountImage(image, [whole.subarray(0, size), tars[1] as Uint8Array]);
      for (let at = 0; at < 128 * 1024; at += 4096) {
        const from = 64 * 1024 + at;
        const expected = whole.subarray(from, from + 4096);
        try {
          const bytes = contents(`${mounted.path}/f`, at, 4096);
          assert.ok(from + 4096 <= size && bytes.equals(expected), `${size} ${at}`);
        } catch (error) {
          // The kernel reads ahead, and what it reads in one go fails as a whole.
          assert.ok(sys.isSysError(error, "EIO"), `${size} ${at} ${String(error)}`);
        }
      }
    }
  },
);

test("a tar that is cut off below a mount", { skip: erofsSkip }, () => {
  using mounted = mountImage(image, tars);
  truncateSync(mounted.tars[0] as string, 0);
  assert.throws(() => contents(`${mounted.path}/f`), { code: "EIO" });
});

// Cut off inside of an inode, it would show zero where the rest was: of the image the kernel reads pages, and the end
// of a file is filled up with zeros. The checksum is that of the superblock only. Who keeps images needs a digest.
test("an image that is cut off between two blocks", { skip: erofsSkip }, () => {
  for (let size = 1024 + 512; size < image.length; size += 512) {
    using mounted = mountImage(image.subarray(0, size), tars);
    // 117 is EUCLEAN, which Node has no name for.
    assert.throws(
      () => assertShows(mounted.path, root),
      (error) => sys.isSysError(error, "EIO", "E117"),
    );
  }
  using mounted = mountImage(image, tars);
  assertShows(mounted.path, root);
});
