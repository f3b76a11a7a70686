/** Each request and its answer, byte for byte, without a kernel. */
import assert from "node:assert/strict";
import { closeSync, openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { scratch, unlessLinux } from "../../test/suites/scratch.ts";
import * as sys from "../sys/index.ts";
import type { DirectoryNode } from "../union/index.ts";
import { ownersOf } from "./owners.ts";
import { errors, opcodes } from "./protocol.ts";
import { Reply } from "./reply.ts";
import { Request } from "./request.ts";
import { directory, pattern, special, symlink, TarFixture } from "./tree_fixture.ts";
import { TreeServer } from "./tree_server.ts";

/** Asks one server one thing after the other, in memory that is never cleaned. */
class Asker {
  readonly #server: TreeServer;
  readonly #request = new Request();
  readonly #reply = new Reply();

  constructor(root: DirectoryNode, sources: readonly number[] = []) {
    this.#server = new TreeServer(root, sources, ownersOf("exact"));
    this.#request.bytes.fill(0x41);
    this.#reply.bytes.fill(0xff);
  }

  /** The whole answer; undefined where there is none. */
  raw(opcode: number, node: number, body: Uint8Array = new Uint8Array()): Buffer | undefined {
    const { bytes } = this.#request;
    bytes.writeUInt32LE(40 + body.length, 0);
    bytes.writeUInt32LE(opcode, 4);
    bytes.writeBigUInt64LE(0x1234_5678_9abc_def0n, 8);
    bytes.writeBigUInt64LE(BigInt(node), 16);
    bytes.set(body, 40);
    const outcome = this.#server.answer(this.#request, this.#reply);
    if (outcome === undefined) return undefined;
    return Buffer.from(this.#reply.bytes.subarray(0, this.#reply.finish(this.#request, outcome)));
  }

  /** The body of a good answer, or the errno. */
  ask(opcode: number, node: number, body?: Uint8Array): Buffer | number {
    const raw = this.raw(opcode, node, body) as Buffer;
    assert.equal(raw.readUInt32LE(0), raw.length);
    assert.equal(raw.readBigUInt64LE(8), 0x1234_5678_9abc_def0n);
    const error = raw.readInt32LE(4);
    if (error === 0) return raw.subarray(16);
    assert.equal(raw.length, 16, "an error has no body");
    return -error;
  }

  good(opcode: number, node: number, body?: Uint8Array): Buffer {
    const answer = this.ask(opcode, node, body);
    assert.ok(typeof answer === "object", `errno ${String(answer)}`);
    return answer;
  }

  lookup(parent: number, name: string): number {
    return Number(this.good(opcodes.lookup, parent, cName(name)).readBigUInt64LE(0));
  }
}

const cName = (name: string): Buffer => Buffer.from(`${name}\0`, "latin1");
const words = (...values: number[]): Buffer => Buffer.from(new Uint32Array(values).buffer);
/** `fuse_read_in` */
const readAt = (offset: number, size: number): Buffer =>
  words(0, 0, offset % 2 ** 32, Math.floor(offset / 2 ** 32), size, 0, 0, 0, 0, 0);
/** `fuse_getxattr_in` */
const sized = (size: number, name = ""): Buffer => Buffer.concat([words(size, 0), cName(name)]);

const offered = 0xffff_ffff;

describe("INIT", { skip: unlessLinux }, () => {
  const init = (major: number, minor: number, flags = offered): Buffer =>
    Buffer.concat([words(major, minor, 131072, flags, 0), Buffer.alloc(44)]);
  const flagsOf = (body: Buffer): number => body.readUInt32LE(12);

  test("takes what it knows of what the kernel offers", () => {
    const body = new Asker(directory({})).good(opcodes.init, 0, init(7, 45));
    assert.equal(body.length, 64);
    assert.deepEqual(
      [0, 4, 8, 12].map((at) => body.readUInt32LE(at)),
      [7, 38, 1 << 20, 0x1c6_2001],
    );
    assert.deepEqual([body.readUInt16LE(16), body.readUInt16LE(18)], [64, 48]);
    assert.deepEqual([body.readUInt32LE(20), body.readUInt32LE(24)], [4096, 1]);
    assert.equal(body.readUInt16LE(28) * sys.pageSize(), 1 << 20);
    assert.ok(body.subarray(30).every((byte) => byte === 0));
    assert.equal(flagsOf(new Asker(directory({})).good(opcodes.init, 0, init(7, 31, 1 << 17))), 1 << 17);
  });

  test("asks for ACLs to be checked only if there are any", () => {
    const acl = new Map([["system.posix_acl_access", Buffer.from("acl")]]);
    const body = new Asker(directory({ a: symlink("b", { xattrs: acl }) })).good(
      opcodes.init,
      0,
      init(7, 31),
    );
    assert.equal(body.readUInt32LE(4), 31);
    assert.equal(flagsOf(body), 0x1d6_2001);
  });

  test("refuses kernels before 7.31, and names its own version to those after 7", () => {
    const asker = new Asker(directory({}));
    assert.equal(asker.ask(opcodes.init, 0, init(7, 30)), errors.EPROTO);
    assert.equal(asker.ask(opcodes.init, 0, init(6, 99)), errors.EPROTO);
    const body = asker.good(opcodes.init, 0, init(8, 1));
    assert.equal(body.readUInt32LE(0), 7);
    assert.ok(body.subarray(8).every((byte) => byte === 0));
  });
});

test("LOOKUP: entry and attributes, both valid for ever", () => {
  const tar = new TarFixture();
  const file = tar.file("hello", {
    mode: 0o4751,
    uid: 3_000_000_000,
    gid: 7,
    mtime: -2,
    mtimeNs: 999_999_999,
  });
  const asker = new Asker(directory({ d: directory({ one: file }), two: file }));
  const id = asker.lookup(asker.lookup(1, "d"), "one");
  const body = asker.good(opcodes.lookup, 1, cName("two"));
  assert.equal(body.length, 128);
  assert.deepEqual(
    [0, 8, 16, 24].map((at) => body.readBigUInt64LE(at)),
    [BigInt(id), 0n, 0x7fff_ffffn, 0x7fff_ffffn],
  );
  assert.deepEqual([body.readUInt32LE(32), body.readUInt32LE(36)], [0, 0]);
  const attributes = body.subarray(40);
  assert.deepEqual(
    [0, 8, 16].map((at) => attributes.readBigUInt64LE(at)),
    [BigInt(id), 5n, 1n],
  );
  for (const at of [24, 32, 40]) assert.equal(attributes.readBigInt64LE(at), -2n);
  assert.deepEqual(
    [48, 52, 56, 60, 64, 68, 72, 76, 80, 84].map((at) => attributes.readUInt32LE(at)),
    [999_999_999, 999_999_999, 999_999_999, 0o104751, 2, 3_000_000_000, 7, 0, 4096, 0],
  );
  const again = asker.good(opcodes.getattr, id, words(0, 0, 0, 0));
  assert.equal(again.length, 104);
  assert.deepEqual([again.readBigUInt64LE(0), again.readBigUInt64LE(8)], [0x7fff_ffffn, 0n]);
  assert.ok(again.subarray(16).equals(attributes));
});

test("LOOKUP: a missing name is node 0, remembered for ever; names are bytes", () => {
  const asker = new Asker(directory({ "\xff\x80": directory({}), file: symlink("x") }));
  assert.equal(asker.lookup(1, "\xff\x80"), 3);
  const body = asker.good(opcodes.lookup, 1, cName("\xff"));
  assert.equal(body.readBigUInt64LE(16), 0x7fff_ffffn);
  assert.ok(Buffer.concat([body.subarray(0, 16), body.subarray(24)]).every((byte) => byte === 0));
  assert.equal(asker.ask(opcodes.lookup, 2, cName("x")), errors.ENOTDIR);
  assert.equal(asker.ask(opcodes.lookup, 99, cName("x")), errors.ENOENT);
});

test("numbers follow sorted names, whatever the order of the map", () => {
  const make = (names: string[]): Asker =>
    new Asker(directory(new Map(names.map((name) => [name, directory({ below: symlink("x") })]))));
  const ids = (asker: Asker): number[] => ["a", "b", "\xe9"].map((name) => asker.lookup(1, name));
  assert.deepEqual(ids(make(["\xe9", "b", "a"])), [2, 3, 4]);
  assert.deepEqual(ids(make(["a", "\xe9", "b"])), [2, 3, 4]);
});

test("device numbers, link counts of directories, sizes", () => {
  const root = directory({
    c: special("char", 4095, 1_048_575),
    d: directory({ sub: directory({}) }),
    s: symlink("target"),
  });
  const asker = new Asker(root);
  const attributes = (id: number): Buffer => asker.good(opcodes.getattr, id, words(0, 0, 0, 0)).subarray(16);
  assert.equal(attributes(asker.lookup(1, "c")).readUInt32LE(76), 0xffff_ffff);
  assert.deepEqual(
    [1, asker.lookup(1, "d")].map((id) => attributes(id).readUInt32LE(64)),
    [3, 3],
  );
  assert.equal(attributes(asker.lookup(1, "s")).readBigUInt64LE(8), 6n);
  assert.equal(asker.good(opcodes.readlink, asker.lookup(1, "s")).toString(), "target");
  assert.equal(asker.ask(opcodes.readlink, 1), errors.EINVAL);
});

describe("READDIR", () => {
  interface Entry {
    readonly ino: number;
    readonly next: number;
    readonly type: number;
    readonly name: string;
    readonly entry: Buffer;
  }
  const parse = (body: Buffer, plus: boolean): Entry[] => {
    const entries: Entry[] = [];
    for (let at = 0; at < body.length;) {
      const entry = body.subarray(at, (at += plus ? 128 : 0));
      const length = body.readUInt32LE(at + 16);
      const [ino, next] = [Number(body.readBigUInt64LE(at)), Number(body.readBigUInt64LE(at + 8))];
      const name = body.toString("latin1", at + 24, at + 24 + length);
      entries.push({ ino, next, type: body.readUInt32LE(at + 20), name, entry });
      const end = at + 24 + ((length + 7) & ~7);
      assert.ok(
        body.subarray(at + 24 + length, end).every((byte) => byte === 0),
        "padding",
      );
      at = end;
    }
    return entries;
  };
  const names = Array.from({ length: 300 }, (_, index) => `${"n".repeat(index % 40)}${index}`);
  const inside = directory(new Map(names.map((name) => [name, symlink(name)])));
  const asker = new Asker(directory({ inside, other: special("fifo") }));
  const id = asker.lookup(1, "inside");

  for (const [opcode, plus] of [
    [opcodes.readdir, false],
    [opcodes.readdirplus, true],
  ] as const) {
    test(`gives each name once in pieces${plus ? ", with what LOOKUP says" : ""}`, () => {
      const all: Entry[] = [];
      for (let position = 0; ;) {
        const body = asker.good(opcode, id, readAt(position, 1000));
        assert.ok(body.length <= 1000);
        if (body.length === 0) break;
        all.push(...parse(body, plus));
        position = (all.at(-1) as Entry).next;
      }
      assert.deepEqual(
        all.slice(0, 2).map(({ ino, type, name }) => [ino, type, name]),
        [
          [id, 4, "."],
          [1, 4, ".."],
        ],
      );
      assert.deepEqual(
        all.slice(2).map(({ name }) => name),
        names.toSorted(),
      );
      for (const { name, ino, type, entry } of all.slice(2)) {
        assert.equal(type, 10);
        assert.equal(ino, asker.lookup(id, name));
        if (plus) assert.ok(entry.equals(asker.good(opcodes.lookup, id, cName(name))));
      }
      if (plus) assert.ok(all.slice(0, 2).every(({ entry }) => entry.every((byte) => byte === 0)));
    });
  }

  test("begins where it is told, and may be asked for too little", () => {
    const [entry] = parse(asker.good(opcodes.readdir, 1, readAt(3, 4096)), false);
    assert.deepEqual([entry?.name, entry?.type, entry?.next], ["other", 1, 4]);
    assert.equal(asker.good(opcodes.readdir, 1, readAt(0, 31)).length, 0);
    assert.equal(asker.good(opcodes.readdir, 1, readAt(400, 4096)).length, 0);
    assert.equal(asker.ask(opcodes.readdir, asker.lookup(1, "other"), readAt(0, 4096)), errors.ENOTDIR);
  });
});

describe("READ and LSEEK", { skip: unlessLinux }, () => {
  test("stretches, holes between and around them, the end", () => {
    using dir = scratch("fuse");
    const tar = new TarFixture();
    const [first, second] = [pattern(1000, 1), pattern(700, 9)];
    const sparse = tar.sparse(5000, [
      { at: 100, bytes: first },
      { at: 1100, bytes: second.subarray(0, 200) },
      { at: 3000, bytes: second.subarray(200) },
    ]);
    const expected = Buffer.alloc(5000);
    first.copy(expected, 100);
    second.copy(expected, 1100, 0, 200);
    second.copy(expected, 3000, 200);
    const path = join(dir.path, "tar");
    writeFileSync(path, tar.bytes());
    const fd = openSync(path, "r");
    const asker = new Asker(directory({ empty: tar.file(""), sparse }), [fd]);
    const id = asker.lookup(1, "sparse");
    for (let offset = 0; offset < 5200; offset += 37) {
      for (const size of [1, 90, 1024, 9000]) {
        const answer = asker.good(opcodes.read, id, readAt(offset, size));
        assert.ok(answer.equals(expected.subarray(offset, offset + size)), `${offset}+${size}`);
      }
    }
    assert.equal(asker.good(opcodes.read, asker.lookup(1, "empty"), readAt(0, 100)).length, 0);
    assert.equal(asker.good(opcodes.read, id, readAt(2 ** 40, 100)).length, 0);
    closeSync(fd);
  });

  test("what the tar does not have is EIO, never zeros", () => {
    using dir = scratch("fuse");
    const tar = new TarFixture();
    const cut = tar.file(pattern(4096));
    const elsewhere = new TarFixture(5).file("x");
    const path = join(dir.path, "tar");
    writeFileSync(path, tar.bytes().subarray(0, -1));
    const fd = openSync(path, "r");
    const asker = new Asker(directory({ cut, elsewhere }), [fd]);
    const id = asker.lookup(1, "cut");
    assert.equal(asker.good(opcodes.read, id, readAt(0, 4095)).length, 4095);
    assert.equal(asker.ask(opcodes.read, id, readAt(0, 4096)), errors.EIO);
    assert.equal(asker.ask(opcodes.read, id, readAt(4095, 1)), errors.EIO);
    assert.equal(asker.ask(opcodes.read, asker.lookup(1, "elsewhere"), readAt(0, 1)), errors.EIO);
    closeSync(fd);
  });

  const [SEEK_SET, SEEK_DATA, SEEK_HOLE] = [0, 3, 4];
  test("data and holes are found", () => {
    const tar = new TarFixture();
    const huge = 2 ** 41;
    const sparse = tar.sparse(huge, [
      { at: 100, bytes: pattern(10) },
      { at: 110, bytes: pattern(10) },
      { at: huge - 5, bytes: pattern(5) },
    ]);
    const asker = new Asker(directory({ full: tar.file("12345"), sparse }));
    const seek = (name: string, offset: number, whence: number): number => {
      const id = asker.lookup(1, name);
      const place = [offset % 2 ** 32, Math.floor(offset / 2 ** 32)];
      const answer = asker.ask(opcodes.lseek, id, words(0, 0, ...place, whence, 0));
      return typeof answer === "number" ? -answer : Number(answer.readBigUInt64LE(0));
    };
    assert.deepEqual(
      [0, 105, 115].map((offset) => seek("sparse", offset, SEEK_DATA)),
      [100, 105, 115],
    );
    assert.deepEqual(
      [0, 105, 120].map((offset) => seek("sparse", offset, SEEK_HOLE)),
      [0, 120, 120],
    );
    assert.deepEqual([seek("sparse", 120, SEEK_DATA), seek("sparse", huge - 5, SEEK_HOLE)], [huge - 5, huge]);
    assert.deepEqual([seek("full", 3, SEEK_DATA), seek("full", 3, SEEK_HOLE)], [3, 5]);
    for (const whence of [SEEK_DATA, SEEK_HOLE]) assert.equal(seek("full", 5, whence), -errors.ENXIO);
    assert.equal(seek("full", 0, SEEK_SET), -errors.EINVAL);
  });
});

test("GETXATTR and LISTXATTR: how much there is, too little room, none", () => {
  const xattrs = new Map([
    ["user.a", Buffer.from("value")],
    ["user.empty", Buffer.alloc(0)],
    ["trusted.overlay.opaque", Buffer.from("y")],
    ["user.overlay.redirect", Buffer.from("/etc")],
    ["user.\xff", Buffer.alloc(65_536, 7)],
    ["user.long", Buffer.alloc(65_537)],
  ]);
  const asker = new Asker(directory({ plain: symlink("x"), with: symlink("x", { xattrs }) }));
  const id = asker.lookup(1, "with");
  const get = (name: string, size: number): Buffer | number =>
    asker.ask(opcodes.getxattr, id, sized(size, name));
  assert.deepEqual(get("user.a", 0), words(5, 0));
  assert.deepEqual(get("user.a", 5), Buffer.from("value"));
  assert.equal(get("user.a", 4), errors.ERANGE);
  assert.deepEqual(get("user.empty", 10), Buffer.alloc(0));
  assert.deepEqual(get("user.\xff", 65_536), Buffer.alloc(65_536, 7));
  assert.equal(get("user.long", 0), errors.E2BIG);
  for (const name of ["user.none", "trusted.overlay.opaque", "user.overlay.redirect"])
    assert.equal(get(name, 100), errors.ENODATA, name);
  const list = cName("user.a\0user.empty\0user.\xff\0user.long");
  assert.deepEqual(asker.ask(opcodes.listxattr, id, sized(0)), words(list.length, 0));
  assert.deepEqual(asker.ask(opcodes.listxattr, id, sized(list.length)), list);
  assert.equal(asker.ask(opcodes.listxattr, id, sized(list.length - 1)), errors.ERANGE);
  assert.equal(asker.good(opcodes.listxattr, 1, sized(100)).length, 0);
  const without = new Asker(directory({}));
  assert.equal(without.ask(opcodes.getxattr, 1, sized(0, "user.a")), errors.ENOSYS);
  assert.equal(without.ask(opcodes.listxattr, 1, sized(0)), errors.ENOSYS);
});

test("STATFS counts files once", () => {
  const tar = new TarFixture();
  const file = tar.file(pattern(10_000));
  const body = new Asker(directory({ file, link: file })).good(opcodes.statfs, 1);
  assert.equal(body.length, 80);
  assert.deepEqual(
    [0, 8, 16, 24, 32].map((at) => Number(body.readBigUInt64LE(at))),
    [3, 0, 0, 2, 0],
  );
  assert.deepEqual(
    [40, 44, 48].map((at) => body.readUInt32LE(at)),
    [4096, 255, 4096],
  );
});

test("what writes is EROFS, what is not known ENOSYS, some things have no answer", () => {
  const asker = new Asker(directory({}));
  for (const opcode of [4, 6, 8, 9, 10, 11, 12, 13, 16, 21, 24, 35, 43, 45, 47, 51])
    assert.equal(asker.ask(opcode, 1), errors.EROFS, `opcode ${opcode}`);
  // OPEN, FSYNC, FLUSH, OPENDIR, FSYNCDIR, GETLK, ACCESS, BMAP, IOCTL, POLL, STATX, and whatever comes next.
  for (const opcode of [14, 20, 25, 27, 30, 31, 34, 37, 39, 40, 52, 1000])
    assert.equal(asker.ask(opcode, 1), errors.ENOSYS, `opcode ${opcode}`);
  for (const opcode of [2, 36, 42]) assert.equal(asker.raw(opcode, 1), undefined, `opcode ${opcode}`);
  for (const opcode of [18, 29, 38]) assert.equal(asker.good(opcode, 1).length, 0, `opcode ${opcode}`);
});
