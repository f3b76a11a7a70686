import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { arbitraryFiles } from "../../test/support/arbitrary_tar.ts";
import { parseTar, paxEntry, rawEntry, tarEnd, tarFile, tarOf } from "../../test/support/tar_help.ts";
import { Failure, isFailure, type FailureKind } from "../errors.ts";
import { TarParser, type TarEntry } from "./index.ts";

const big = "\x80\0\0\0\0\0\0\0\0\0\0\x05"; // base-256 for 5

/** One entry each; what the parser is to make of it. */
const good: readonly (readonly [string, Buffer, Partial<TarEntry>])[] = [
  ["v7", rawEntry({ magic: "" }, "abc"), { path: "file", type: "file", size: 3, mode: 0o644, uid: 0o644 }],
  [
    "v7, where a slash makes a directory",
    rawEntry({ name: "d/", flag: "\0", magic: "" }),
    { type: "directory" },
  ],
  ["ustar, where a slash does not", rawEntry({ name: "d/" }), { type: "file", path: "d/" }],
  ["a type flag of NUL", rawEntry({ flag: "\0" }, "a"), { type: "file", size: 1 }],
  ["a contiguous file", rawEntry({ flag: "7" }, "a"), { type: "file", size: 1 }],
  ["a name of 100 bytes", rawEntry({ name: "n".repeat(100) }), { path: "n".repeat(100) }],
  ["a ustar prefix", rawEntry({ at: { 345: "some/dir" } }), { path: "some/dir/file" }],
  ["a prefix of 155 bytes", rawEntry({ at: { 345: "p".repeat(155) } }), { path: `${"p".repeat(155)}/file` }],
  [
    "star, with a shorter prefix and an access time",
    rawEntry({ at: { 345: "p".repeat(131), 476: "00000000012 ", 508: "tar\0" } }),
    { path: `${"p".repeat(131)}/file`, atime: 10 },
  ],
  [
    "star without a prefix",
    rawEntry({ at: { 476: "00000000012 ", 508: "tar\0" } }),
    { path: "file", atime: 10 },
  ],
  [
    "GNU, where the place of the prefix is a time",
    rawEntry({ magic: "ustar  \0", at: { 345: "00000000012\0" } }),
    { path: "file", atime: 10 },
  ],
  [
    "a prefix in a GNU header, as Go before 1.8 wrote it",
    rawEntry({ magic: "ustar  \0", at: { 345: "old/layer" } }),
    { path: "old/layer/file" },
  ],
  ["numbers padded by spaces", rawEntry({ size: "      3    " }, "abc"), { size: 3 }],
  ["numbers that a NUL ends", rawEntry({ size: "3\0junk" }, "abc"), { size: 3 }],
  ["an empty number", rawEntry({ size: "" }), { size: 0 }],
  ["a base-256 number", rawEntry({ size: big }, "abcde"), { size: 5 }],
  ["a negative base-256 time", rawEntry({ at: { 136: `${"\xff".repeat(11)}\xfe` } }), { mtime: -2 }],
  ["user -2", rawEntry({ at: { 108: `${"\xff".repeat(7)}\xfe` } }), { uid: 4294967294 }],
  ["a checksum of signed bytes", rawEntry({ name: "caf\xe9", wrongBy: -256 }), { path: "caf\xe9" }],
  [
    "a GNU long name",
    Buffer.concat([rawEntry({ flag: "L" }, "long/name\0"), rawEntry({})]),
    { path: "long/name" },
  ],
  [
    "a GNU long link",
    Buffer.concat([rawEntry({ flag: "K" }, "target\0junk"), rawEntry({ flag: "2" })]),
    { type: "symlink", linkPath: "target" },
  ],
  [
    "a long name beside a PAX path: the long name counts",
    Buffer.concat([paxEntry([["path", "pax"]]), rawEntry({ flag: "L" }, "gnu\0"), rawEntry({})]),
    { path: "gnu" },
  ],
  [
    "PAX records",
    Buffer.concat([
      paxEntry([
        ["path", "p"],
        ["uid", "3000000"],
        ["mtime", "-1.5"],
        ["atime", "2.25"],
        ["SCHILY.xattr.user.k", "\0\xff"],
      ]),
      rawEntry({}),
    ]),
    {
      path: "p",
      uid: 3_000_000,
      mtime: -2,
      mtimeNs: 500_000_000,
      atime: 2,
      atimeNs: 250_000_000,
      xattrs: new Map([["user.k", new Uint8Array([0, 255])]]),
    },
  ],
  ["a size in PAX", Buffer.concat([paxEntry([["size", "3"]]), rawEntry({ size: 0 }, "abc")]), { size: 3 }],
  [
    "two PAX headers: the last counts",
    Buffer.concat([paxEntry([["path", "one"]]), paxEntry([["uid", "7"]]), rawEntry({})]),
    { path: "file", uid: 7 },
  ],
  [
    "a global header is skipped",
    Buffer.concat([paxEntry([["path", "nowhere"]], "g"), rawEntry({})]),
    { path: "file" },
  ],
  [
    "a hard link with a size",
    rawEntry({ flag: "1", size: 700, at: { 157: "t" } }),
    { type: "hardlink", linkPath: "t", size: 0 },
  ],
  ["a directory with a size", rawEntry({ flag: "5", size: 700 }), { type: "directory", size: 0 }],
  [
    "a device",
    rawEntry({ flag: "3", at: { 329: "0000001", 337: "0000003" } }),
    { type: "char", devMajor: 1, devMinor: 3 },
  ],
  ["a block device", rawEntry({ flag: "4", at: { 329: "0000010\0" } }), { type: "block", devMajor: 8 }],
  ["a FIFO", rawEntry({ flag: "6" }), { type: "fifo" }],
  ["all of the mode's bits", rawEntry({ at: { 100: "0107777\0" } }), { mode: 0o7777 }],
];

for (const [name, bytes, expected] of good) {
  test(`the parser reads ${name}`, () => {
    for (const chunkSize of [1, 100, 1024, 1 << 20]) {
      const entries = parseTar(Buffer.concat([bytes, rawEntry({ name: "next" }), tarEnd]), chunkSize);
      assert.deepEqual(entries.map(({ entry }) => entry.path).slice(1), ["next"]);
      const { entry } = entries[0] as { entry: TarEntry };
      assert.deepEqual({ ...entry, ...expected }, entry);
    }
  });
}

test("owners keep their names, whatever the entries before had", () => {
  const names = ["root", "roo", "roots", "", "root", "n".repeat(32), "root"];
  const files = names.map((uname, i) => tarFile({ path: `${i}`, uname, gname: names.at(-i) as string }));
  assert.deepEqual(parseTar(tarOf(files)), files);
});

const bad: readonly (readonly [string, Buffer, FailureKind, RegExp])[] = [
  [
    "a wrong checksum",
    rawEntry({ wrongBy: 1 }),
    "corrupt",
    /^invalid tar header at byte 0: the checksum is \d+, the block/,
  ],
  ["a number that is none", rawEntry({ size: "12 34" }), "corrupt", /"12 34.* is not an octal number/],
  ["a digit 8", rawEntry({ size: "00000000008" }), "corrupt", /not an octal number/],
  ["a number over 2^53", rawEntry({ size: "\x80\0\0\0\x20\0\0\0\0\0\0\0" }), "corrupt", /beyond 2\^53/],
  ["a negative size", rawEntry({ size: "\xff".repeat(12) }), "corrupt", /"file" has the size -1/],
  [
    "a user over 32 bits",
    Buffer.concat([paxEntry([["uid", "4294967296"]]), rawEntry({})]),
    "corrupt",
    /is no user/,
  ],
  [
    "a malformed PAX record",
    Buffer.concat([rawEntry({ flag: "x" }, "8 path=a\n"), rawEntry({})]),
    "corrupt",
    /at byte 512: malformed/,
  ],
  ["a long name over 1 MiB", rawEntry({ flag: "L", size: (1 << 20) + 1 }), "limit", /over 1048576/],
  [
    "a PAX header over 1 MiB",
    rawEntry({ flag: "x", size: "77777777777" }),
    "limit",
    /tar header of 8589934591 bytes/,
  ],
  ["a negative PAX header", rawEntry({ flag: "x", size: "\xff".repeat(12) }), "corrupt", /size -1/],
  ["an unknown type", rawEntry({ flag: "V" }), "unsupported", /^unhandled tar header type 86 of "file"$/],
  [
    "a header after one zero block",
    Buffer.concat([Buffer.alloc(512), rawEntry({})]),
    "corrupt",
    /zero block is followed/,
  ],
  ["text", Buffer.from("no tar at all ".repeat(100)), "corrupt", /invalid tar header at byte 0/],
];

for (const [name, bytes, kind, message] of bad) {
  test(`the parser refuses ${name}`, () => {
    for (const chunkSize of [1, 1 << 20]) {
      assert.throws(
        () => parseTar(Buffer.concat([bytes, tarEnd]), chunkSize),
        (error: Error) => isFailure(error, kind) && message.test(error.message),
      );
    }
  });
}

test("endless headers in front of one entry are stopped", () => {
  const long = rawEntry({ flag: "x" }, paxComment(1 << 20));
  const parser = new TarParser({ entry() {}, data() {}, endEntry() {} });
  assert.throws(
    () => {
      for (let i = 0; i < 10; i++) parser.write(long);
    },
    (error: Error) =>
      isFailure(error, "limit") && /headers of one entry are over 4194304 bytes/.test(error.message),
  );
});

/** A comment record that makes a body of `size` bytes. */
function paxComment(size: number): string {
  const head = `${size} comment=`;
  return `${head}${"c".repeat(size - head.length - 1)}\n`;
}

test("limits can be set", () => {
  const parser = new TarParser({ entry() {}, data() {}, endEntry() {} }, { limits: { header: 100 } });
  assert.throws(() => parser.write(rawEntry({ flag: "L" }, "n".repeat(101))), /over 100/);
});

test("an archive may end without end blocks, after one, without padding, and with junk", () => {
  const file = rawEntry({}, "abc");
  for (const bytes of [
    Buffer.alloc(0),
    tarEnd,
    file,
    Buffer.concat([file, Buffer.alloc(512)]),
    file.subarray(0, 512 + 3),
    file.subarray(0, 512 + 100),
    Buffer.concat([file, tarEnd, Buffer.from("junk".repeat(1000))]),
  ]) {
    assert.equal(
      parseTar(bytes).length,
      bytes.length > 1024 || bytes.subarray(0, 4).equals(Buffer.from("file")) ? 1 : 0,
    );
  }
});

test("an archive that is cut off elsewhere is corrupt, at every byte", () => {
  const whole = Buffer.concat([paxEntry([["path", "p"]]), rawEntry({}, "abc"), rawEntry({ flag: "5" })]);
  const tolerated = new Set([0, 2560]);
  for (let length = 1539; length <= 2048; length++) tolerated.add(length); // in the padding of "abc"
  for (let length = 0; length <= whole.length; length++) {
    const parse = () => parseTar(whole.subarray(0, length));
    if (tolerated.has(length)) assert.doesNotThrow(parse, `${length} bytes`);
    else {
      assert.throws(
        parse,
        (error: Error) =>
          isFailure(error, "corrupt") && error.message.startsWith("unexpected end of tar after "),
        `${length} bytes`,
      );
    }
  }
});

test("content that is missing is told with its file and number", () => {
  const cut = rawEntry({ name: "etc/passwd" }, "x".repeat(1000)).subarray(0, 512 + 900);
  assert.throws(() => parseTar(cut), {
    message: 'unexpected end of tar after 1412 bytes, in the content of "etc/passwd": 100 bytes are missing',
  });
});

test("a chunk may be reused after write: nothing of it is kept", () => {
  const file = tarFile(
    { path: "caf\xc3\xa9", uname: "joe", xattrs: new Map([["user.k", new Uint8Array([1, 2])]]) },
    "body",
  );
  const bytes = tarOf([file]);
  const entries: TarEntry[] = [];
  const parser = new TarParser({ entry: (entry) => entries.push(entry), data() {}, endEntry() {} });
  for (const size of [700, bytes.length]) {
    const chunk = new Uint8Array(bytes.subarray(size === 700 ? 0 : 700, size));
    parser.write(chunk);
    chunk.fill(0xaa);
  }
  assert.deepEqual(entries, [{ ...file.entry, xattrs: new Map([["user.k", new Uint8Array([1, 2])]]) }]);
});

test("whatever bytes come, the parser only throws failures, and shows each byte once", () => {
  const mutations = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 });
  fc.assert(
    fc.property(arbitraryFiles, mutations, fc.integer({ min: 1, max: 2000 }), (files, changes, chunkSize) => {
      const bytes = tarOf(files, { nanoseconds: true });
      for (const [at, value] of changes) bytes[at % bytes.length] = value;
      const seen: Buffer[] = [];
      const keep = (chunk: Uint8Array) => void seen.push(Buffer.from(chunk));
      try {
        parseTar(bytes, chunkSize, { raw: keep, beginContent: () => undefined, content: keep });
        assert.ok(Buffer.concat(seen).equals(bytes));
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        const shown = Buffer.concat(seen);
        assert.ok(shown.equals(bytes.subarray(0, shown.length)));
      }
    }),
    { numRuns: 300 },
  );
});
