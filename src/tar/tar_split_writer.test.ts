import assert from "node:assert/strict";
import { test } from "node:test";
import { goldenTar } from "../../test/support/golden_tar.ts";
import { paxEntry, rawEntry, splitTar, tarEnd, tarFile, tarOf } from "../../test/support/tar_help.ts";
import { isFailure } from "../errors.ts";
import { digestOf } from "../oci/index.ts";

interface Line {
  readonly type: number;
  readonly name?: string;
  readonly name_raw?: string;
  readonly size?: number;
  readonly payload: string | null;
  readonly position: number;
}

function linesOf(bytes: Buffer): Line[] {
  const text = splitTar(bytes).record.toString("utf8");
  assert.ok(text.endsWith("\n"));
  return text
    .slice(0, -1)
    .split("\n")
    .map((line) => JSON.parse(line) as Line);
}

/** Lengths of segments, names of files. */
function shape(bytes: Buffer): (string | number)[] {
  return linesOf(bytes).map((line) =>
    line.type === 2
      ? Buffer.from(line.payload ?? "", "base64").length
      : (line.name ?? `raw ${line.name_raw}`),
  );
}

test("B137, B138, B139: the record is byte for byte what dockerd 20.10.24 wrote for the same archive", () => {
  const bytes = goldenTar();
  assert.equal(digestOf(bytes), "sha256:cf1e43c4967ca4e49c9b1f585a606030a0013eb2091dc7aa67b983431f1f4ea8");
  const expected = "sha256:21d0772109c13a1f5eee4abe79b9ff3fcaec702142fbc452ceb3753f21bacbfa";
  for (const chunkSize of [1, 511, 4096, bytes.length]) {
    assert.equal(digestOf(splitTar(bytes, chunkSize).record), expected, `chunks of ${chunkSize}`);
  }
});

test("B137: the lines of a small layer", () => {
  const bytes = tarOf([
    tarFile({ path: "etc/", type: "directory" }),
    tarFile({ path: "./x" }, "x"),
    tarFile({ path: "etc/.wh.motd" }),
    tarFile({ path: "bad\xff" }, "y"),
  ]);
  const lines = linesOf(bytes);
  assert.deepEqual(
    lines.filter(({ type }) => type === 1),
    [
      { type: 1, name: "etc/", payload: null, position: 1 },
      { type: 1, name: "./x", size: 1, payload: "IxAAAAAAAAA=", position: 3 },
      { type: 1, name: "etc/.wh.motd", payload: null, position: 5 },
      { type: 1, name_raw: "YmFk/w==", size: 1, payload: "IqAAAAAAAAA=", position: 7 },
    ],
  );
  assert.deepEqual(
    lines.map(({ position }) => position),
    lines.map((_, i) => i),
  );
  assert.deepEqual(shape(bytes), [
    512,
    "etc/",
    512,
    "./x",
    1023,
    "etc/.wh.motd",
    1536,
    "raw YmFk/w==",
    511 + 1024,
    0,
  ]);
});

test("B139: an archive ends with its zero blocks, what follows them in pieces, and an empty segment", () => {
  const file = rawEntry({}, "a".repeat(512));
  assert.deepEqual(shape(Buffer.concat([file, tarEnd])), [512, "file", 1024, 0]);
  assert.deepEqual(shape(Buffer.concat([file, tarEnd, Buffer.alloc(8192)])), [512, "file", 1024, 8192, 0]);
  const rest = Buffer.alloc(2 * 32768);
  assert.deepEqual(shape(Buffer.concat([file, tarEnd, rest])), [
    512,
    "file",
    1024,
    32768 - 2048,
    32768,
    2048,
    0,
  ]);
  assert.deepEqual(shape(file), [512, "file", 0]);
  assert.deepEqual(shape(Buffer.alloc(0)), [0]);
});

test("a global header is an entry of its own, as in tar-split", () => {
  const bytes = Buffer.concat([paxEntry([["comment", "c"]], "g"), rawEntry({}, "a"), tarEnd]);
  assert.deepEqual(shape(bytes), [512 + 13, "pax_global_header", 499 + 512, "file", 511 + 1024, 0]);
});

for (const [first, second] of [
  ["a", "a"],
  ["a", "./a"],
  ["d/a", "d//a"],
  ["d/a", "d/../d/a"],
  ["d", "d/"],
  ["./", "."],
] as const) {
  test(`paths ${first} and ${second} are one: the archive is refused with Docker's text`, () => {
    const entry = (path: string) => tarFile({ path, type: "directory" });
    assert.throws(
      () => splitTar(tarOf([entry(first), entry(second)])),
      (error: Error) =>
        isFailure(error, "invalid") && error.message.startsWith("duplicates of file paths not supported: "),
    );
  });
}

test("paths that only look alike are two", () => {
  const paths = [
    "a",
    "/a",
    "a.",
    "..a",
    "a..",
    "d/.a",
    "d/a",
    "D/a",
    ".wh.a",
    "caf\xc3\xa9",
    "caf\xe9",
    "\xc3\xa9",
  ];
  const { files } = splitTar(tarOf(paths.map((path) => tarFile({ path }))));
  assert.equal(files.size, paths.length);
});

test("a long segment and a long record come whole", () => {
  const xattrs = new Map([["user.big", new Uint8Array(900_000).fill(7)]]);
  const bytes = tarOf([tarFile({ path: "a", xattrs }, "a"), tarFile({ path: "b" }, "b")]);
  const [segment] = linesOf(bytes);
  const content = bytes.length - 1024 - 1024 - 512; // before it: PAX header and records, header
  assert.ok(Buffer.from(segment?.payload ?? "", "base64").equals(bytes.subarray(0, content)));
});
