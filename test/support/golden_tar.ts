/** One archive with all that tar-split has a rule for; dockerd was fed with it to learn what it writes. */
import { paxEntry, rawEntry, tarEnd, tarFile, tarOf, type PackedFile } from "./tar_help.ts";

const xattrs = new Map([["user.key", new Uint8Array([0, 255, 10, 61])]]);

const files: readonly PackedFile[] = [
  tarFile({ path: "./", type: "directory", mode: 0o755 }),
  tarFile({ path: "./bin/", type: "directory", mode: 0o755 }),
  tarFile({ path: "./bin/busybox", mode: 0o4755 }, "x".repeat(1000)),
  tarFile({ path: "./bin/sh", type: "hardlink", linkPath: "./bin/busybox" }),
  tarFile({ path: "./bin/ash", type: "symlink", linkPath: "busybox" }),
  tarFile({ path: "etc/", type: "directory", mode: 0o755 }),
  tarFile({ path: "etc/.wh.motd", mode: 0 }),
  tarFile({ path: "etc/.wh..wh..opq", mode: 0 }),
  tarFile({ path: "empty" }),
  tarFile({ path: "block" }, "b".repeat(512)),
  tarFile({ path: "caf\xc3\xa9" }, "y"),
  tarFile({ path: "bad\xff\xfe" }, "z"),
  tarFile({ path: 'q"<>&\\\t\n\x01\x08\x0c\x7f' }, "quoted"),
  tarFile({ path: "line\xe2\x80\xa8paragraph\xe2\x80\xa9" }, "separators"),
  tarFile({ path: "n".repeat(240) }, "long"),
  tarFile({ path: `${"d".repeat(90)}/`, type: "directory", mode: 0o755 }),
  tarFile({ path: `${"d".repeat(90)}/${"e".repeat(90)}` }, "prefix"),
  tarFile({ path: "attributes", xattrs }, "with xattr"),
  tarFile({ path: "owned", uid: 3_000_000, gid: 3_000_001, mtime: -86400 }, "old"),
  tarFile({ path: "fifo", type: "fifo" }),
  tarFile({ path: "null", type: "char", devMajor: 1, devMinor: 3 }),
];

/** The archive: the files above, then what only other writers make, then 100,000 bytes after its end. */
export function goldenTar(): Buffer {
  const own = tarOf(files);
  return Buffer.concat([
    own.subarray(0, own.length - tarEnd.length),
    paxEntry([["comment", "all"]], "g"),
    rawEntry({ name: "././@LongLink", flag: "L", magic: "ustar  \0" }, `${"g".repeat(120)}\0`),
    rawEntry({ magic: "ustar  \0" }, "gnu"),
    rawEntry({ name: "old", magic: "", flag: "\0" }, "v7"),
    tarEnd,
    Buffer.alloc(60_000),
    Buffer.from("junk".repeat(10_000)),
  ]);
}
