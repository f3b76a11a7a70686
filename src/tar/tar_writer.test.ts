import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import * as fc from "fast-check";
import { parseTar, tarFile, tarOf, type PackedFile } from "../../test/support/tar_help.ts";
import { arbitraryFiles } from "../../test/support/arbitrary_tar.ts";
import { isFailure } from "../errors.ts";
import { digestOf } from "../oci/index.ts";
import type { EntryType, TarEntry } from "./entry.ts";
import { splitPath } from "./format_header.ts";
import { TarWriter } from "./index.ts";

const r = (text: string, times: number) => text.repeat(times);
const cafe = "caf\xc3\xa9";

/** All that makes Go's archive/tar choose between ustar and PAX; the same list was given to a Go program. */
function goList(): PackedFile[] {
  const files: PackedFile[] = [];
  const add = (type: EntryType, path: string, fields: Partial<TarEntry> = {}, body = "") => {
    const mode = {
      directory: 0o755,
      symlink: 0o777,
      hardlink: 0o600,
      char: 0o666,
      block: 0o666,
      fifo: 0o666,
      file: 0o644,
    };
    files.push(tarFile({ path, type, mode: mode[type], ...fields }, body));
  };
  const names = [
    "a",
    "./a2",
    "/abs",
    r("n", 100),
    r("n", 101),
    `${r("d", 90)}/${r("e", 90)}`,
    `${r("d", 155)}/${r("e", 100)}`,
    `${r("d", 156)}/${r("e", 100)}`,
    `${r("d", 155)}/${r("e", 101)}`,
    `${r("x/", 60)}f`,
    `${r("y/", 80)}g`,
    `${r("z", 99)}/${r("q", 99)}`,
    cafe,
    `dir/${cafe}/${r("k", 120)}`,
    "bad\xff\xfe",
    `${r("p", 98)}//${r("q", 150)}`,
    `${r("w/", 100)}${r("v", 50)}`,
    `a//b/../c${r("u", 150)}`,
    "\x01ctl",
    `${r("m", 99)}\xc3\xa9/f`,
  ];
  names.forEach((name, i) => add("file", name, {}, r("b", i * 100)));
  for (const name of [
    "d1/",
    `${r("d", 99)}/`,
    `${r("d", 100)}/`,
    `${r("e", 154)}/`,
    `${r("e", 155)}/`,
    `${r("e", 156)}/`,
    `${r("e", 60)}/${r("f", 95)}/`,
    `${r("e", 60)}/${r("f", 94)}/`,
    `${r("e", 60)}/${r("f", 60)}/${r("g", 100)}/`,
    "d\xc3\xa9/",
  ]) {
    add("directory", name);
  }
  ["t", r("l", 100), r("l", 101), "\xc3\xa9", `${r("l", 99)}//${r("l", 9)}`].forEach((linkPath, i) => {
    add("symlink", `s${i}`, { linkPath });
    add("hardlink", `h${i}`, { linkPath });
  });
  add("char", "c", { devMajor: 1, devMinor: 1048575 });
  add("block", "b", { devMajor: 4095 });
  add("fifo", "p");
  [-1, -86400, 8589934591, 8589934592, 253402300799].forEach((mtime, i) =>
    add("file", `time${i}`, { mtime }),
  );
  [2097151, 2097152, 4294967294].forEach((id, i) => add("file", `id${i}`, { uid: id, gid: id }));
  [r("u", 32), r("u", 33), "\xc3\xbc"].forEach((name, i) =>
    add("file", `un${i}`, { uname: name, gname: name }),
  );
  const xattrs = (values: Record<string, string>) => ({
    xattrs: new Map(Object.entries(values).map(([name, value]) => [name, Buffer.from(value, "latin1")])),
  });
  const capability = `\x01\0\0\x02\0\x20${r("\0", 14)}`;
  const several = { "user.b": "\0\xff\n=", "user.a": "1", "security.capability": capability, "user.e": "" };
  add("file", "xattr", xattrs(several), "body");
  add(
    "file",
    `${r("d", 90)}/xattr${r("e", 90)}`,
    { mode: 0o4755, ...xattrs({ "user.b": r("v", 80) }) },
    "body",
  );
  for (let i = 85; i < 115; i++) add("file", `x${i}`, xattrs({ "user.b": r("v", i - 26) }));
  return files;
}

test("B141: ustar and PAX headers are byte for byte those of Go's archive/tar with format PAX", () => {
  const golden = "sha256:f9ef9100d8bbc607f71e823694c3a931cf5e6187b1ef414e1c0c6c4cc9fbc408";
  assert.equal(digestOf(tarOf(goList())), golden);
});

test("nanoseconds and access times are written as Go's archive/tar writes them", () => {
  const times = [
    [5, 1] as const,
    [5, 123456789] as const,
    [-5, 500000000] as const,
    [-1, 999999999] as const,
    [0, 100000000] as const,
    [1700000000, 0] as const,
  ];
  const files = times.map(([mtime, mtimeNs], i) =>
    tarFile({ path: `t${i}`, mtime, mtimeNs, atime: mtime, atimeNs: mtimeNs }),
  );
  assert.equal(
    digestOf(tarOf(files, { nanoseconds: true })),
    "sha256:6f9d579ac594c6d3a22e564a35697104507c37f5505fd17fa63e64001aa43361",
  );
  const plain = parseTar(tarOf(files));
  assert.deepEqual(
    plain.map(({ entry }) => [entry.mtime, entry.mtimeNs, entry.atime]),
    times.map(([mtime]) => [mtime, 0, undefined]),
  );
});

test("B141: a plain file is one ustar header with type bits and no names, its content, and 1024 zeros at the end", () => {
  const tar = tarOf([tarFile({ path: "etc/motd", mode: 0o644 }, "hello\n")]);
  assert.equal(tar.length, 512 + 512 + 1024);
  assert.equal(tar.toString("latin1", 0, 9), "etc/motd\0");
  assert.equal(tar.toString("latin1", 100, 108), "0100644\0");
  assert.equal(tar.toString("latin1", 257, 265), "ustar\x0000");
  assert.ok(tar.subarray(265, 329).every((byte) => byte === 0));
  assert.equal(tar.toString("latin1", 512, 518), "hello\n");
  assert.ok(tar.subarray(518).every((byte) => byte === 0));
});

test("Docker's whiteouts have no type bits", () => {
  const tar = tarOf([tarFile({ path: ".wh.motd", mode: 0o600 })], { typeBits: false });
  assert.equal(tar.toString("latin1", 100, 108), "0000600\0");
});

test("an xattr with = in its name survives", () => {
  const xattrs = new Map([["user.a=%b c\xff", Buffer.from([0, 1, 255])]]);
  const [file] = parseTar(tarOf([tarFile({ path: "a", xattrs })]));
  assert.deepEqual([...(file?.entry.xattrs ?? [])], [["user.a=%b c\xff", new Uint8Array([0, 1, 255])]]);
});

test("content may come with gaps, which become zeros", () => {
  const chunks: Uint8Array[] = [];
  const writer = new TarWriter((chunk) => chunks.push(chunk), { chunkSize: 100 });
  const { entry } = tarFile({ path: "sparse", size: 70_000 });
  writer.entry({ ...entry, sparse: [{ offset: 66_000, length: 3 }] });
  writer.data(Buffer.from("abc"), 66_000);
  writer.endEntry();
  writer.end();
  assert.ok(chunks.slice(0, -1).every((chunk) => chunk.length === 100));
  const expected = Buffer.alloc(70_000);
  expected.write("abc", 66_000);
  const [file] = parseTar(Buffer.concat(chunks));
  assert.ok(file?.body.equals(expected));
});

const wrongUses: readonly (readonly [string, RegExp, (writer: TarWriter) => void])[] = [
  [
    "too much content",
    /"a": 3 bytes at 0 are over its size/,
    (w) => (begin(w, 2), w.data(Buffer.from("abc"))),
  ],
  ["too little content", /"a": 1 bytes of content are missing/, (w) => (begin(w, 1), w.endEntry())],
  [
    "content of a directory",
    /are over its size/,
    (w) => (w.entry(entry({ path: "d/", type: "directory" })), w.data(Buffer.from("a"))),
  ],
  [
    "content out of order",
    /come after byte 2/,
    (w) => (begin(w, 3), w.data(Buffer.from("ab")), w.data(Buffer.from("a"), 1)),
  ],
  ["an entry inside another", /is not ended/, (w) => (begin(w, 1), w.entry(entry({ path: "b" })))],
  ["an end inside an entry", /is not ended/, (w) => (begin(w, 1), w.end())],
  ["a name with NUL", /holds a NUL byte/, (w) => w.entry(entry({ path: "a\0b" }))],
  [
    "a link target with NUL",
    /holds a NUL byte/,
    (w) => w.entry(entry({ path: "a", type: "symlink", linkPath: "\0" })),
  ],
  ["no name", /has no name/, (w) => w.entry(entry({ path: "" }))],
  ["a file with a trailing slash", /may not have a trailing slash/, (w) => w.entry(entry({ path: "a/" }))],
  [
    "a huge device number",
    /device number is too large/,
    (w) => w.entry(entry({ path: "a", type: "char", devMajor: 2 ** 21 })),
  ],
];

function entry(fields: Partial<TarEntry> & { path: string }): TarEntry {
  return tarFile(fields).entry;
}

function begin(writer: TarWriter, size: number): void {
  writer.entry(entry({ path: "a", size }));
}

for (const [name, message, use] of wrongUses) {
  test(`the writer refuses ${name}`, () => {
    const writer = new TarWriter(() => undefined);
    assert.throws(
      () => use(writer),
      (error: Error) => isFailure(error, "invalid") && message.test(error.message),
    );
  });
}

for (const [path, expected] of [
  ["short/name", undefined],
  [`${r("a", 50)}/${r("b", 50)}`, { prefix: r("a", 50), name: r("b", 50) }],
  [`/${r("b", 100)}`, undefined], // the prefix would be empty
  [`${r("a", 120)}/`, undefined], // the name would be empty
  [`${r("a", 50)}/${r("b", 49)}\xc3\xa9`, undefined],
] as const) {
  test(`the name ${path.slice(0, 20)}... of ${path.length} bytes is split as ustar allows`, () => {
    assert.deepEqual(splitPath(path), expected);
  });
}

test("whatever is written is read back, in chunks of any size", () => {
  fc.assert(
    fc.property(arbitraryFiles, fc.integer({ min: 1, max: 3000 }), (files, chunkSize) => {
      assert.deepEqual(parseTar(tarOf(files, { nanoseconds: true }), chunkSize), files);
    }),
    { numRuns: 200 },
  );
});

const python = `
import hashlib, json, sys, tarfile
rows = []
raw = lambda text: text.encode("utf-8", "surrogateescape").decode("latin1")
with tarfile.open(fileobj=sys.stdin.buffer, mode="r|", errors="surrogateescape") as tar:
    for m in tar:
        body = tar.extractfile(m).read() if m.isreg() else b""
        rows.append([raw(m.name).rstrip("/"), m.type.decode(), raw(m.linkname), m.mode & 0o7777, m.uid, m.gid, raw(m.uname), raw(m.gname),
                     m.size if m.isreg() else 0, m.mtime, m.devmajor, m.devminor, hashlib.sha256(body).hexdigest()])
print(json.dumps(rows))
`;
const hasPython = spawnSync("python3", ["-c", "import tarfile"]).status === 0;

test(
  "python's tarfile reads what was written",
  { skip: hasPython ? false : "python3 is not installed" },
  () => {
    const files = goList();
    const { stdout, stderr } = spawnSync("python3", ["-c", python], {
      input: tarOf(files),
      maxBuffer: 1 << 26,
    });
    assert.equal(stderr.toString(), "");
    const flags: Record<EntryType, string> = {
      file: "0",
      hardlink: "1",
      symlink: "2",
      char: "3",
      block: "4",
      directory: "5",
      fifo: "6",
    };
    const expected = files.map(({ entry: e, body }) => [
      e.path.replace(/\/+$/, ""),
      flags[e.type],
      e.linkPath,
      e.mode,
      e.uid,
      e.gid,
      e.uname,
      e.gname,
      e.size,
      e.mtime,
      e.devMajor,
      e.devMinor,
      digestOf(body).slice(7),
    ]);
    assert.deepEqual(JSON.parse(stdout.toString()), expected);
  },
);

const gnuTar = /GNU tar/.test(spawnSync("tar", ["--version"]).stdout?.toString() ?? "");

test("GNU tar reads what was written", { skip: gnuTar ? false : "GNU tar is not installed" }, () => {
  const files = goList();
  const args = ["--quoting-style=literal", "-tf", "-"];
  const { stdout, status, stderr } = spawnSync("tar", args, { input: tarOf(files), maxBuffer: 1 << 26 });
  assert.equal(status, 0, stderr.toString());
  // GNU tar squeezes the trailing slashes of directories, and prints names that are no UTF-8 as they are.
  assert.equal(stdout.toString("latin1"), files.map(({ entry: { path } }) => `${path}\n`).join(""));
});
