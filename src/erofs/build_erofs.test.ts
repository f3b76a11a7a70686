import { randomBytes } from "node:crypto";
import { test } from "node:test";
import type { TreeNode } from "../union/index.ts";
import { buildErofs } from "./index.ts";
import { assertMounts, erofsSkip, mountImage } from "./testing_kernel.test.ts";
import { assertShows, directory, file, plain, stretch, symlink } from "./testing_trees.test.ts";

function special(kind: "char" | "block" | "fifo" | "socket", rdevMajor = 0, rdevMinor = 0): TreeNode {
  return { kind, ...plain, rdevMajor, rdevMinor };
}

test(
  "every kind with every attribute is shown by the kernel as it is in the tree",
  { skip: erofsSkip },
  () => {
    const linked = stretch(512, 700, { mode: 0o4755, uid: 4_000_000_000, gid: 65_536 });
    const acl = Buffer.from("0200000001000600ffffffff04000400ffffffff20000400ffffffff", "hex");
    assertMounts(
      directory(
        [
          ["empty", stretch(0, 0)],
          ["small", stretch(1024, 1)],
          ["whole blocks", stretch(4096, 8192)],
          ["in the last, incomplete block", file(50, [{ at: 0, length: 50, source: 1, offset: 65_536 }])],
          ["linked", linked],
          [
            "dir",
            directory(
              [
                ["linked too", linked],
                ["deeper", directory([])],
              ],
              { mode: 0o1777, mtime: -5 },
            ),
          ],
          ["before the epoch", stretch(0, 5, { mtime: -(2 ** 40), mtimeNs: 999_999_999 })],
          ["far future", stretch(0, 5, { mtime: 2 ** 40 + 1, mtimeNs: 1 })],
          ["link", symlink("../somewhere/\xff\xfe", new Map([["trusted.t", Buffer.from("1")]]))],
          ["c", special("char", 0xfff, 0xfffff)],
          ["b", special("block", 8, 257)],
          ["whiteout", special("char")],
          ["p", special("fifo")],
          ["s", special("socket")],
          ["!x", stretch(0, 3)],
          ["-x", stretch(512, 3)],
          ["\x80\xff\n", stretch(512, 4)],
          ["n".repeat(255), directory([["\xff".repeat(255), stretch(0, 9)]])],
          [
            "attributed",
            stretch(512, 5, {
              xattrs: new Map<string, Uint8Array>([
                ["user.empty", Buffer.alloc(0)],
                ["user.bytes\xff", Buffer.from("\0\xff", "latin1")],
                ["security.capability", Buffer.from("0100000200040000000000000000000000000000", "hex")],
                ["trusted.overlay.opaque", Buffer.from("y")],
                ["system.posix_acl_access", acl],
              ]),
            }),
          ],
        ],
        {
          mode: 0o2711,
          uid: 1,
          gid: 2,
          mtime: 1,
          mtimeNs: 2,
          xattrs: new Map([
            ["user.root", Buffer.from("r")],
            ["system.posix_acl_default", acl],
          ]),
        },
      ),
    );
  },
);

test("300 tars, one of them empty", { skip: erofsSkip }, () => {
  const sources = Array.from({ length: 300 }, (_, index) =>
    randomBytes(index === 7 ? 0 : 1024 + (index % 3) * 512),
  );
  const used = [...sources.keys()].filter((source) => source !== 7);
  const single = used.map(
    (source) => [`${source}`, file(600, [{ at: 0, length: 600, source, offset: 0 }])] as const,
  );
  const woven = used.map((source, index) => ({ at: index * 1024, length: 512, source, offset: 512 }));
  const root = directory([...single, ["woven", file(300 * 1024, woven)]]);
  const image = buildErofs(
    root,
    sources.map(({ length }) => length),
  );
  using mounted = mountImage(image, sources);
  assertShows(mounted.path, root, sources);
});
