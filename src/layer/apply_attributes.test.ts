import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { applyTar, dir, subdirectory } from "../../test/support/layer_help.ts";
import { type PackedFile, tarFile, tarOf } from "../../test/support/tar_help.ts";
import { scratch, unlessRoot } from "../../test/suites/scratch.ts";
import * as sys from "../sys/index.ts";
import { compareTrees } from "./index.ts";

const skip = unlessRoot;
const file = (path: string, fields = {}, body = "x"): PackedFile => tarFile({ path, ...fields }, body);
const stat = (path: string): sys.Stat => sys.statAt(sys.AT_FDCWD, path);

/** cap_net_raw=ep, as setcap(8) writes it: revision 2. */
const capability = Buffer.from("0100000200200000000000000000000000000000", "hex");

test("mode, owner, set-id bits and nanoseconds of every kind of entry", { skip }, () => {
  using at = scratch("layer");
  const time = { mtime: 1_600_000_000, mtimeNs: 123_456_789 };
  const entries: PackedFile[] = [
    file("plain", { ...time, mode: 0o644 }),
    file("suid", { ...time, mode: 0o4755, uid: 12, gid: 34 }),
    file("sgid", { ...time, mode: 0o2775, gid: 34 }),
    file("suid-root", { ...time, mode: 0o6711 }),
    file("open", { ...time, mode: 0o666 }),
    file("closed", { ...time, mode: 0o000, uid: 3_000_000_000, gid: 4_000_000_000 }),
    file("empty", { ...time, mode: 0o400 }, ""),
    tarFile({ path: "fifo", type: "fifo", mode: 0o622, uid: 1, ...time }),
    tarFile({ path: "char", type: "char", mode: 0o666, devMajor: 5, devMinor: 1, ...time }),
    tarFile({ path: "block", type: "block", mode: 0o660, gid: 6, devMajor: 259, devMinor: 300_000, ...time }),
    dir("sticky", { ...time, mode: 0o1777 }),
    dir("sg", { ...time, mode: 0o2750, uid: 8, gid: 9 }),
    dir("closed-dir", { ...time, mode: 0o000, uid: 1 }),
    file("closed-dir/in", { ...time, mode: 0o600 }),
  ];
  applyTar(at.path, entries);
  for (const { entry } of entries) {
    const { mode, uid, gid, mtime, mtimeNs, rdevMajor, rdevMinor } = stat(join(at.path, entry.path));
    const { devMajor, devMinor } = entry;
    assert.deepEqual(
      { mode: mode & 0o7777, uid, gid, mtime, mtimeNs, devMajor: rdevMajor, devMinor: rdevMinor },
      { mode: entry.mode, uid: entry.uid, gid: entry.gid, ...time, devMajor, devMinor },
      entry.path,
    );
  }
});

test("times and owner of a symlink are its own", { skip }, () => {
  using at = scratch("layer");
  const link = tarFile({ path: "l", type: "symlink", linkPath: "f", uid: 5, gid: 6, mtime: 7, mtimeNs: 8 });
  applyTar(at.path, [file("f", { mtime: 100 }), link]);
  const { mode, uid, gid, mtime, mtimeNs } = stat(join(at.path, "l"));
  assert.deepEqual([mode, uid, gid, mtime, mtimeNs], [0o120777, 5, 6, 7, 8]);
  assert.deepEqual([stat(join(at.path, "f")).mtime, stat(join(at.path, "f")).uid], [100, 0]);
});

test("a set-group-id directory gives its group to nothing that the tar gives another", { skip }, () => {
  using at = scratch("layer");
  const entries = [
    dir("mail", { mode: 0o2775, gid: 8 }),
    file("mail/root", { mode: 0o600 }),
    dir("mail/sub", { mode: 0o755 }),
    tarFile({ path: "mail/l", type: "symlink", linkPath: "x" }),
    file("mail/mine", { gid: 8 }),
    // Only implied so far, then set-group-id while it is in use, then used again.
    file("late/a", {}),
    dir("late", { mode: 0o2755, gid: 9 }),
    file("late/b", {}),
    file("late/sub/c", {}),
  ];
  applyTar(at.path, entries);
  const group = (path: string): number => stat(join(at.path, path)).gid;
  assert.deepEqual(["mail", "mail/root", "mail/sub", "mail/l", "mail/mine"].map(group), [8, 0, 0, 0, 8]);
  assert.deepEqual(["late", "late/a", "late/b", "late/sub", "late/sub/c"].map(group), [9, 0, 0, 0, 0]);
  assert.equal(stat(join(at.path, "mail/sub")).mode & 0o7777, 0o755);
});

test("capabilities and other attributes survive owner, mode and content", { skip }, () => {
  using at = scratch("layer");
  const xattrs = new Map([
    ["security.capability", capability],
    ["user.binary", Buffer.from([0, 255, 10])],
  ]);
  applyTar(at.path, [
    file("ping", { uid: 3, mode: 0o4755, xattrs }),
    dir("d", { xattrs: new Map([["user.d", capability]]) }),
  ]);
  assert.deepEqual(
    Buffer.from(sys.getXattrAt(sys.AT_FDCWD, join(at.path, "ping"), "security.capability") ?? []),
    capability,
  );
  assert.deepEqual(
    [...(sys.getXattrAt(sys.AT_FDCWD, join(at.path, "ping"), "user.binary") ?? [])],
    [0, 255, 10],
  );
  assert.deepEqual(Buffer.from(sys.getXattrAt(sys.AT_FDCWD, join(at.path, "d"), "user.d") ?? []), capability);
  assert.equal(stat(join(at.path, "ping")).mode & 0o7777, 0o4755);
});

test("attributes that a symlink cannot have are left out, as Docker leaves them out", { skip }, () => {
  using at = scratch("layer");
  const xattrs = new Map([["user.x", Buffer.from("1")]]);
  applyTar(at.path, [tarFile({ path: "l", type: "symlink", linkPath: "t", xattrs })]);
  assert.deepEqual(sys.listXattrAt(sys.AT_FDCWD, join(at.path, "l")), []);
});

test("times of directories are the tar's, whatever is made in them later", { skip }, () => {
  using at = scratch("layer");
  applyTar(at.path, [
    dir("a", { mtime: 1 }),
    dir("a/b", { mtime: 2 }),
    file("a/b/f"),
    dir("c", { mtime: 3 }),
    file("a/late"),
    file("c/.wh.x", {}, ""),
  ]);
  assert.deepEqual(
    ["a", "a/b", "c"].map((path) => stat(join(at.path, path)).mtime),
    [1, 2, 3],
  );
});

test("hard links to files and to symlinks; the last header of a file counts", { skip }, () => {
  using at = scratch("layer");
  const hard = (path: string, linkPath: string, fields = {}): PackedFile =>
    tarFile({ path, type: "hardlink", linkPath, mode: 0o644, ...fields });
  const { size } = applyTar(at.path, [
    file("d/f", {}, "content"),
    hard("g", "/d/f"),
    tarFile({ path: "s", type: "symlink", linkPath: "nowhere", mode: 0o777 }),
    hard("t", "s", { mode: 0o777 }),
    file("other", {}, "o"),
    hard("changed", "other", { mode: 0o600, uid: 4, mtime: 5 }),
  ]);
  assert.equal(stat(join(at.path, "d/f")).ino, stat(join(at.path, "g")).ino);
  assert.equal(stat(join(at.path, "s")).ino, stat(join(at.path, "t")).ino);
  const { mode, uid, mtime } = stat(join(at.path, "other"));
  assert.deepEqual([mode & 0o7777, uid, mtime], [0o600, 4, 5]);
  assert.equal(
    size,
    "content".length + "nowhere".length + 1,
    "B135 once per inode, and symlinks by their target",
  );
});

test(
  "B135 the size of a layer counts no directories and no whiteouts; vfs counts no symlinks",
  { skip },
  () => {
    const files = [
      dir("d"),
      file("d/f", {}, "12345"),
      tarFile({ path: "l", type: "symlink", linkPath: "abc" }),
      file("d/.wh.x", {}, ""),
    ];
    for (const [style, size] of [
      ["overlay", 8],
      ["aufs", 8],
      ["remove", 5],
    ] as const) {
      using at = scratch("layer");
      assert.equal(applyTar(at.path, files, { style }).size, size, style);
    }
  },
);

test("sparse files are written sparse, with holes at either end", { skip }, () => {
  using at = scratch("layer");
  const source = subdirectory(at.path, "source");
  execFileSync(
    "sh",
    [
      "-c",
      "truncate -s 3M s; printf data | dd of=s bs=1 seek=1048576 conv=notrunc status=none; truncate -s 2M hole",
    ],
    { cwd: source },
  );
  for (const format of [
    "--format=gnu",
    "--sparse-version=1.0",
    "--sparse-version=0.1",
    "--sparse-version=0.0",
  ]) {
    using out = scratch("layer");
    applyTar(out.path, execFileSync("tar", ["-cSf", "-", format, "-C", source, "s", "hole"]));
    assert.deepEqual(compareTrees(source, out.path, { ignore: ["times"] }), [], format);
    assert.ok(statSync(join(out.path, "s")).blocks <= 16, format);
    assert.equal(statSync(join(out.path, "hole")).blocks, 0, format);
  }
});

test("what GNU tar unpacks, we unpack the same", { skip }, () => {
  using at = scratch("layer");
  const [source, theirs, ours] = ["source", "theirs", "ours"].map((name) => subdirectory(at.path, name)) as [
    string,
    string,
    string,
  ];
  mkdirSync(join(source, "d".repeat(120), "e"), { recursive: true });
  writeFileSync(join(source, "d".repeat(120), "e", "\u00fc".repeat(60)), "long");
  execFileSync(
    "sh",
    [
      "-c",
      "echo a > a; ln a b; ln -s a c; mkfifo p; mknod n c 1 3; chown 1:2 a; chmod 6711 a; touch -h -d @1.5 c; mkdir -m 700 k; setfattr -n user.k -v v k || true",
    ],
    { cwd: source },
  );
  const tar = execFileSync("tar", ["--format=pax", "--xattrs", "-cf", "-", "-C", source, "."]);
  execFileSync("tar", ["--xattrs", "--same-owner", "-xpf", "-", "-C", theirs], { input: tar });
  applyTar(ours, tar);
  assert.deepEqual(compareTrees(theirs, ours), []);
});

test("in a copy, directories that the layer only passes through keep all they have", { skip }, () => {
  using at = scratch("layer");
  mkdirSync(join(at.path, "kept/deep"), { recursive: true });
  writeFileSync(join(at.path, "kept/old"), "");
  chmodSync(join(at.path, "kept"), 0o710);
  sys.chownAt(sys.AT_FDCWD, join(at.path, "kept"), 21, 22);
  for (const path of ["kept", "kept/deep"])
    sys.utimensAt(sys.AT_FDCWD, join(at.path, path), { mtime: 77, mtimeNs: 66 });
  applyTar(at.path, [file("kept/new"), file("kept/.wh.old", {}, ""), file("kept/deep/new")], {
    style: "remove",
  });
  for (const path of ["kept", "kept/deep"]) {
    const { mtime, mtimeNs } = stat(join(at.path, path));
    assert.deepEqual([mtime, mtimeNs], [77, 66], path);
  }
  const { mode, uid, gid } = stat(join(at.path, "kept"));
  assert.deepEqual([mode & 0o7777, uid, gid], [0o710, 21, 22]);
});

test(
  "in a copy, a directory entry replaces the attributes of the old directory but not its content",
  { skip },
  () => {
    using at = scratch("layer");
    mkdirSync(join(at.path, "d"));
    writeFileSync(join(at.path, "d/old"), "old");
    sys.setXattrAt(sys.AT_FDCWD, join(at.path, "d"), "user.old", Buffer.from("1"));
    const xattrs = new Map([["user.new", Buffer.from("2")]]);
    applyTar(at.path, [dir("d", { mode: 0o705, uid: 3, mtime: 4, xattrs })], { style: "remove" });
    const { mode, uid, mtime } = stat(join(at.path, "d"));
    assert.deepEqual([mode & 0o7777, uid, mtime], [0o705, 3, 4]);
    assert.deepEqual(sys.listXattrAt(sys.AT_FDCWD, join(at.path, "d")), ["user.new"]);
    assert.equal(readFileSync(join(at.path, "d/old"), "utf8"), "old");
  },
);

test("in a copy, a directory that the layer lists is given back to root", { skip }, () => {
  using at = scratch("layer");
  const d = subdirectory(at.path, "d");
  chownSync(d, 1000, 1000);
  // The first name that is made tells whether the file system gives names to their maker.
  applyTar(at.path, [file("first"), dir("d")], { style: "remove" });
  const { uid, gid } = stat(d);
  assert.deepEqual([uid, gid], [0, 0]);
});

test("in a copy, kinds replace each other", { skip }, () => {
  using at = scratch("layer");
  mkdirSync(join(at.path, "was-dir/sub"), { recursive: true });
  writeFileSync(join(at.path, "was-dir/sub/f"), "");
  writeFileSync(join(at.path, "was-file"), "");
  applyTar(at.path, [file("was-dir"), dir("was-file"), file("was-file/f")], { style: "remove" });
  assert.equal(lstatSync(join(at.path, "was-dir")).isFile(), true);
  assert.equal(lstatSync(join(at.path, "was-file/f")).isFile(), true);
});

/** Unpacks a tar from standard input as whoever it is run by. */
const asAnyone = (layer: string, directory: string): string => `
  import { readFileSync } from "node:fs";
  import { unpackHere } from ${JSON.stringify(layer)};
  const tar = readFileSync(0);
  const target = { directory: ${JSON.stringify(directory)}, whiteouts: "overlay-user", ownership: "best-effort" };
  async function* open() { yield tar; }
  await unpackHere({ target, open: async () => open(), signal: new AbortController().signal });
`;

test("best effort: an ordinary user gets all but owners and devices, and may read it all", { skip }, (t) => {
  using at = scratch("layer");
  const nobody = { uid: 65_534, gid: 65_534 };
  const layer = import.meta.resolve("./index.ts");
  const directory = subdirectory(at.path, "layer");
  chmodSync(at.path, 0o755);
  sys.chownAt(sys.AT_FDCWD, directory, nobody.uid, nobody.gid);
  const run = (code: string, input?: Buffer): unknown =>
    execFileSync(process.execPath, ["--input-type=module", "-e", code], {
      ...nobody,
      input,
      stdio: "pipe",
      cwd: "/",
    });
  try {
    run(`await import(${JSON.stringify(layer)})`);
  } catch {
    return t.skip("the checkout is not readable for others");
  }
  const files = [
    dir("closed", { mode: 0o555, mtime: 11 }),
    dir("closed/none", { mode: 0o000, mtime: 12 }),
    file("closed/none/f", { mode: 0o4751, uid: 7, gid: 8, mtime: 13 }),
    file("closed/none/g", { mode: 0o000, mtime: 14 }),
    tarFile({ path: "dev", type: "char", devMajor: 1, devMinor: 3 }),
    tarFile({ path: "pipe", type: "fifo", mode: 0o604 }),
    file(".wh.gone", {}, ""),
    dir("opaque"),
    file("opaque/.wh..wh..opq", {}, ""),
  ];
  run(asAnyone(layer, directory), tarOf(files));
  const seen = (path: string): number[] => {
    const { mode, uid, mtime } = stat(join(directory, path));
    return [mode & 0o7777, uid, mtime];
  };
  assert.deepEqual(seen("closed"), [0o755, nobody.uid, 11]);
  assert.deepEqual(seen("closed/none"), [0o700, nobody.uid, 12]);
  assert.deepEqual(seen("closed/none/f"), [0o4751, nobody.uid, 13]);
  assert.deepEqual(seen("closed/none/g"), [0o400, nobody.uid, 14]);
  assert.deepEqual(readdirSync(directory).sort(), ["closed", "gone", "opaque", "pipe"]);
  assert.equal(sys.getXattrAt(sys.AT_FDCWD, join(directory, "opaque"), "user.overlay.opaque")?.[0], 0x79);
});
