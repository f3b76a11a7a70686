/** What the kernel shows of a tree, against the tree. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import * as fc from "fast-check";
import { scratch, type Scratch, unlessRoot } from "../../test/suites/scratch.ts";
import { type ByteString, fromText } from "../byte_string.ts";
import * as sys from "../sys/index.ts";
import type { DirectoryNode, FileNode, TreeNode } from "../union/index.ts";
import { fuseSkip, serve, type Served } from "./serving_fixture.ts";
import { directory, pattern, special, symlink, TarFixture } from "./tree_fixture.ts";

const skip =
  unlessRoot ||
  ((): string | false => {
    using dir = scratch("fuse");
    return fuseSkip(dir.path);
  })();

const O_DIRECT = process.arch === "arm64" ? 0o200000 : 0o40000;

/** POSIX_ACL_XATTR_VERSION, then entries of tag, permission and ID (linux/posix_acl_xattr.h). */
const acl = (...entries: [tag: number, permission: number, id: number][]): Buffer =>
  Buffer.concat([
    Buffer.from(new Uint32Array([2]).buffer),
    ...entries.map(([tag, permission, id]) => {
      const entry = Buffer.alloc(8);
      entry.writeUInt16LE(tag, 0);
      entry.writeUInt16LE(permission, 2);
      entry.writeUInt32LE(id, 4);
      return entry;
    }),
  ]);
const NO_ID = 0xffff_ffff;
const forUser1234 = acl([1, 6, NO_ID], [2, 4, 1234], [4, 0, NO_ID], [16, 4, NO_ID], [32, 0, NO_ID]);
// cap_net_raw+ep, revision 2 (linux/capability.h).
const capability = Buffer.from("0100000200200000000000000000000000000000", "hex");

const tars = [new TarFixture(0), new TarFixture(1)] as const;
const big = tars[1].file(pattern(3_000_007));
const linked = tars[0].file("linked", { mode: 0o600 });
const linkedLink = symlink("/nowhere");
const sparse = tars[0].sparse(3_000_000, [
  { at: 4097, bytes: pattern(100_000, 3) },
  { at: 1_000_000, bytes: pattern(1, 4) },
  { at: 1_200_000, bytes: pattern(800_000, 5) },
]);
const content = new Map<TreeNode, Buffer>([
  [big, pattern(3_000_007)],
  [linked, Buffer.from("linked")],
]);
const sparseContent = Buffer.alloc(3_000_000);
pattern(100_000, 3).copy(sparseContent, 4097);
pattern(1, 4).copy(sparseContent, 1_000_000);
pattern(800_000, 5).copy(sparseContent, 1_200_000);
content.set(sparse, sparseContent);

function file(bytes: Buffer, attributes = {}): FileNode {
  const node = tars[0].file(bytes, attributes);
  content.set(node, bytes);
  return node;
}

function deep(levels: number): DirectoryNode {
  let node = directory({ bottom: linkedLink });
  for (let level = 0; level < levels; level++) node = directory({ d: node });
  return node;
}

const root = directory(
  {
    sizes: directory(
      Object.fromEntries([0, 1, 511, 512, 513, 4096, 131_073].map((n) => [`s${n}`, file(pattern(n, n))])),
    ),
    big,
    sparse,
    huge: tars[0].sparse(2 ** 40, []),
    links: directory({ one: linked, two: linked, dir: directory({ three: linked }), link: linkedLink }),
    names: directory({
      "\xff\xfe\x80": directory({ "\xc3\x28": file(Buffer.from("not UTF-8")) }),
      "new\nline": symlink("\xff"),
      "...": symlink("x"),
      " ": symlink("y".repeat(4095)),
      [fromText("grüße")]: directory({}),
      ["n".repeat(255)]: symlink("z"),
    }),
    modes: directory({
      none: file(Buffer.from("secret"), { mode: 0, uid: 1234, gid: 5678 }),
      su: file(Buffer.from("su"), { mode: 0o6755, uid: 4_000_000_000, gid: 3_000_000_000 }),
      tmp: directory({}, { mode: 0o1777 }),
      closed: directory({ inside: symlink("x") }, { mode: 0o700, uid: 1234 }),
    }),
    times: directory({
      before: symlink("x", { mtime: -1_000_000_000, mtimeNs: 1 }),
      first: symlink("x", { mtime: 0, mtimeNs: 0 }),
      later: symlink("x", { mtime: 2 ** 33, mtimeNs: 999_999_999 }),
    }),
    devices: directory({
      null: special("char", 1, 3, { mode: 0o666 }),
      most: special("char", 4095, 1_048_575),
      disk: special("block", 259, 300, { mode: 0o660, gid: 6 }),
      fifo: special("fifo"),
      socket: special("socket"),
    }),
    xattrs: directory({
      some: tars[0].file("", {
        xattrs: new Map([
          ["user.binary", Buffer.from([0, 1, 255])],
          ["user.empty", Buffer.alloc(0)],
          ["user.long", Buffer.alloc(60_000, "long")],
          ["user.\xff\xfe", Buffer.from("name")],
          ["security.capability", capability],
          ["trusted.deep", Buffer.from("t")],
          ["trusted.overlay.opaque", Buffer.from("y")],
        ]),
      }),
      acl: tars[0].file("for 1234", {
        mode: 0o640,
        xattrs: new Map([["system.posix_acl_access", forUser1234]]),
      }),
      directory: directory({}, { xattrs: new Map([["user.of.directory", Buffer.from("d")]]) }),
    }),
    deep: deep(300),
  },
  { mode: 0o751, uid: 1, gid: 2, mtime: 1, mtimeNs: 2 },
);

const flags = { follow: sys.O_RDONLY | sys.O_NOFOLLOW, look: sys.O_PATH | sys.O_NOFOLLOW };

class Comparison {
  readonly inodes = new Map<TreeNode, number | bigint>();
  readonly names = new Map<TreeNode, number>();
  checked = 0;

  /** @param fd the directory that has it, @param name the name there */
  check(fd: number, name: ByteString, node: TreeNode, path: string): void {
    this.checked++;
    const { mtime, mtimeNs, ...stat } = sys.statAt(fd, name);
    assert.deepEqual(
      [stat.mode & 0o7777, stat.uid, stat.gid, mtime, mtimeNs, stat.ctime, stat.atimeNs],
      [node.mode, node.uid, node.gid, node.mtime, node.mtimeNs, node.mtime, node.mtimeNs],
      path,
    );
    assert.equal(this.inodes.get(node) ?? stat.ino, stat.ino, `${path} is one file under all its names`);
    this.inodes.set(node, stat.ino);
    const others = node.kind === "directory" ? [...node.entries.values()].map(({ kind }) => kind) : [];
    const subdirectories = others.filter((kind) => kind === "directory").length;
    const links =
      node.kind === "directory" ? 2 + subdirectories : node === linked ? 3 : node === linkedLink ? 2 : 1;
    assert.equal(stat.nlink, links, `links of ${path}`);
    if ("rdevMajor" in node)
      assert.deepEqual([stat.rdevMajor, stat.rdevMinor], [node.rdevMajor, node.rdevMinor], path);
    if (node.kind === "symlink") assert.equal(sys.readlinkAt(fd, name), node.target, path);
    this.#xattrs(fd, name, node, path);
    if (node.kind === "directory") this.#directory(fd, name, node, path);
    if (node.kind === "file") this.#file(fd, name, node, path, stat.size);
  }

  #directory(parent: number, name: ByteString, node: DirectoryNode, path: string): void {
    const fd = sys.openAt(parent, name, flags.follow | sys.O_DIRECTORY);
    const listed = sys.readDir(fd).map((entry) => [entry.name, entry.type]);
    const expected = [...node.entries].map(([name, { kind }]) => [name, kind]);
    assert.deepEqual(listed.sort(), expected.sort(), path);
    for (const [name, child] of node.entries) this.check(fd, name, child, `${path}/${name}`);
    sys.close(fd);
  }

  #file(parent: number, name: ByteString, node: FileNode, path: string, size: number): void {
    assert.equal(size, node.size, path);
    const expected = content.get(node);
    if (expected === undefined) return;
    for (const flag of [0, O_DIRECT]) {
      const fd = sys.openAt(parent, name, flags.follow | flag);
      const bytes = Buffer.alloc(node.size + 1);
      let done = 0;
      for (let count = -1; count !== 0; done += count) count = sys.read(fd, bytes, done);
      assert.ok(bytes.subarray(0, done).equals(expected), `content of ${path}`);
      sys.close(fd);
    }
  }

  #xattrs(parent: number, name: ByteString, node: TreeNode, path: string): void {
    const expected = [...(node.xattrs ?? [])].filter(([name]) => name !== "trusted.overlay.opaque");
    assert.deepEqual([...sys.listXattrAt(parent, name)].sort(), expected.map(([name]) => name).sort(), path);
    for (const [attribute, value] of expected) {
      const read = sys.getXattrAt(parent, name, attribute);
      assert.ok(read !== undefined && Buffer.from(value).equals(read), `${attribute} of ${path}`);
    }
    if (node.kind === "symlink") return;
    assert.equal(sys.getXattrAt(parent, name, "user.none"), undefined);
    assert.equal(sys.getXattrAt(parent, name, "trusted.overlay.opaque"), undefined);
  }
}

describe("a mounted tree", { skip }, () => {
  let dir: Scratch;
  let served: Served;
  before(async () => {
    dir = scratch("fuse");
    served = await serve(
      dir.path,
      root,
      tars.map((tar) => tar.bytes()),
    );
  });
  after(async () => {
    await served[Symbol.asyncDispose]();
    dir[Symbol.dispose]();
  });

  test("is the tree: attributes, contents, links, names, xattrs, first uncached, then cached", () => {
    for (let round = 0; round < 2; round++) {
      const comparison = new Comparison();
      comparison.check(sys.AT_FDCWD, served.path, root, "");
      assert.equal(comparison.checked, 348);
    }
  });

  test("reads at any place, of any length, past the page cache and through it", () => {
    const directory = sys.openAt(sys.AT_FDCWD, served.path, sys.O_RDONLY);
    const open = ["big", "sparse"].flatMap((name) =>
      [0, O_DIRECT].map((flag) => {
        const expected = content.get(root.entries.get(name) as TreeNode) as Buffer;
        return { fd: sys.openAt(directory, name, flag), expected };
      }),
    );
    const place = fc.tuple(fc.integer({ min: 0, max: 3_100_000 }), fc.integer({ min: 1, max: 1_500_000 }));
    fc.assert(
      fc.property(place, ([offset, length]) => {
        for (const { fd, expected } of open) {
          const bytes = Buffer.alloc(length);
          let [done, count] = [0, -1];
          for (; count !== 0 && done < length; done += count)
            count = sys.pread(fd, bytes.subarray(done), offset + done);
          assert.ok(bytes.subarray(0, done).equals(expected.subarray(offset, offset + length)));
        }
      }),
      { numRuns: 100 },
    );
    for (const { fd } of open) sys.close(fd);
    sys.close(directory);
  });

  test("holes stay holes for whoever copies: a tebibyte of them takes no time", () => {
    const fd = sys.openAt(sys.AT_FDCWD, join(served.path, "sparse"), sys.O_RDONLY);
    const seek = (offset: number, whence: number): number => sys.seek(fd, offset, whence);
    assert.deepEqual([seek(0, sys.SEEK_DATA), seek(5000, sys.SEEK_HOLE)], [4097, 104_097]);
    assert.deepEqual([seek(104_097, sys.SEEK_DATA), seek(2_000_000, sys.SEEK_HOLE)], [1_000_000, 2_000_000]);
    assert.equal(seek(2_000_000, sys.SEEK_DATA), -1);
    sys.close(fd);
    const huge = sys.openAt(sys.AT_FDCWD, join(served.path, "huge"), sys.O_RDONLY);
    assert.equal(sys.seek(huge, 0, sys.SEEK_DATA), -1);
    const bytes = Buffer.alloc(5000, 1);
    assert.equal(sys.pread(huge, bytes, 2 ** 39 + 1), 5000);
    assert.ok(bytes.equals(Buffer.alloc(5000)));
    sys.close(huge);
  });

  test("names that are not there are not there, again and again", () => {
    const fd = sys.openAt(sys.AT_FDCWD, served.path, sys.O_RDONLY);
    for (let round = 0; round < 2; round++) {
      for (const name of ["none", "Big", "big ", "links/four", "links/one/below", "\xff", "n".repeat(255)])
        assert.equal(sys.statAtIfExists(fd, name), undefined, name);
    }
    assert.throws(() => sys.openAt(fd, "none", sys.O_RDONLY), { code: "ENOENT" });
    sys.close(fd);
  });

  test("cannot be changed, not even where root mounts it writable", () => {
    const write = (flag: number) => () => sys.openAt(sys.AT_FDCWD, join(served.path, "big"), flag);
    const changes: [string, () => void][] = [
      ["create", () => sys.openAt(sys.AT_FDCWD, join(served.path, "new"), sys.O_WRONLY | sys.O_CREAT, 0o600)],
      ["truncate", write(sys.O_WRONLY | sys.O_TRUNC)],
      ["mkdir", () => sys.mkdirAt(sys.AT_FDCWD, join(served.path, "new"), 0o700)],
      ["unlink", () => sys.unlinkAt(sys.AT_FDCWD, join(served.path, "big"))],
      ["chmod", () => sys.chmodAt(sys.AT_FDCWD, join(served.path, "big"), 0o777)],
      [
        "setxattr",
        () => sys.setXattrAt(sys.AT_FDCWD, join(served.path, "big"), "user.new", Buffer.from("v")),
      ],
      [
        "link",
        () => sys.linkAt(sys.AT_FDCWD, join(served.path, "big"), sys.AT_FDCWD, join(served.path, "new")),
      ],
      ["symlink", () => sys.symlinkAt("x", sys.AT_FDCWD, join(served.path, "new"))],
      ["mknod", () => sys.mknodAt(sys.AT_FDCWD, join(served.path, "new"), sys.S_IFIFO | 0o600)],
    ];
    for (const [what, change] of [["open", write(sys.O_WRONLY)], ...changes] as const)
      assert.throws(change, { code: "EROFS" }, what);
    sys.mount("none", served.path, "", sys.MS_REMOUNT);
    for (const [what, change] of changes)
      assert.throws(change, { code: "EROFS" }, `${what}, mounted writable`);
    sys.mount("none", served.path, "", sys.MS_REMOUNT | sys.MS_RDONLY | sys.MS_NOSUID | sys.MS_NODEV);
  });

  test("statfs tells how much there is", () => {
    const stat = sys.statfs(served.path);
    assert.equal(stat.type, 0x6573_5546);
    assert.equal(stat.free, 0);
    assert.ok(stat.size > 2 ** 40 && stat.files > 300);
  });
});

test("the kernel checks modes and ACLs where others may look in", { skip }, async () => {
  using dir = scratch("fuse");
  sys.chmodAt(sys.AT_FDCWD, dir.path, 0o755);
  const tar = new TarFixture();
  const forOne = new Map([["system.posix_acl_access", forUser1234]]);
  const tree = directory({
    acl: tar.file("acl", { mode: 0o640, xattrs: forOne }),
    closed: directory({ inside: tar.file("x") }, { mode: 0o700 }),
    open: tar.file("open"),
    own: tar.file("own", { mode: 0o600, uid: 4321, gid: 4321 }),
  });
  await using served = await serve(dir.path, tree, [tar.bytes()], { allowOther: true });
  const read = (uid: number, name: string): boolean =>
    spawnSync("cat", [join(served.path, name)], { uid, gid: uid }).status === 0;
  const names = ["acl", "closed/inside", "open", "own"];
  assert.deepEqual(
    names.map((name) => [read(1234, name), read(4321, name)]),
    [
      [true, false],
      [false, false],
      [true, true],
      [false, true],
    ],
  );
});

test("a directory of 20,000 entries: each listed once, each found", { skip }, async () => {
  using dir = scratch("fuse");
  const names = Array.from({ length: 20_000 }, (_, index) => `entry-${index * 7919}`);
  const entries = new Map(names.map((name, index) => [name, symlink(`${index}`)]));
  await using served = await serve(dir.path, directory({ many: directory(entries) }), []);
  const fd = sys.openAt(sys.AT_FDCWD, join(served.path, "many"), sys.O_RDONLY);
  for (let round = 0; round < 3; round++) {
    const listed = sys.readDir(fd).map(({ name }) => name);
    assert.ok(listed.sort().join("\n") === names.toSorted().join("\n"));
  }
  for (const [index, name] of names.entries()) assert.equal(sys.readlinkAt(fd, name), `${index}`);
  assert.equal(sys.statAtIfExists(fd, "entry-1"), undefined);
  assert.deepEqual(sys.listXattrAt(fd, names[0] as string), []);
  sys.close(fd);
});

test("the same numbers at every mount; the server ends when it is unmounted", { skip }, async () => {
  using dir = scratch("fuse");
  const inodes: unknown[] = [];
  for (const run of ["first", "second"]) {
    const at = join(dir.path, run);
    mkdirSync(at);
    const tar = new TarFixture();
    const tree = directory({ b: tar.file("b"), a: directory({ c: symlink("x") }) });
    await using served = await serve(at, tree, [tar.bytes()]);
    inodes.push(["", "a", "a/c", "b"].map((name) => sys.statAt(sys.AT_FDCWD, join(served.path, name)).ino));
    assert.equal(readFileSync(join(served.path, "b"), "utf8"), "b");
    sys.unmount(served.path);
    assert.equal(await served.ended(), 0);
  }
  assert.deepEqual(inodes[0], inodes[1]);
});
