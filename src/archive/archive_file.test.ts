import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import * as fc from "fast-check";
import { archiveOf, signal, type Members } from "../../test/support/archive_help.ts";
import { arbitraryFiles } from "../../test/support/arbitrary_tar.ts";
import { inChunks } from "../../test/support/bytes_help.ts";
import { parseTar, paxEntry, rawEntry, tarFile, tarOf } from "../../test/support/tar_help.ts";
import { scratch } from "../../test/suites/scratch.ts";
import { collect, fromBytes } from "../bytes/index.ts";
import { fromText } from "../byte_string.ts";
import { ArchiveFile } from "./archive_file.ts";
import { indexMembers, memberName } from "./index_members.ts";

async function textOf(file: ArchiveFile, name: string): Promise<string> {
  return Buffer.from(await file.read(name, 1 << 20)).toString();
}

function fromMembers(members: Members): Promise<ArchiveFile> {
  return ArchiveFile.open(fromBytes(archiveOf(members)), { signal });
}

/** A file handle on bytes that need not exist, which counts what is read. */
function handle(size: number, at: (position: number, into: Uint8Array) => number) {
  const counted = { bytes: 0 };
  const read = async (into: Uint8Array, _offset: number, length: number, position: number) => {
    const bytesRead = at(position, into.subarray(0, Math.min(length, size - position)));
    counted.bytes += bytesRead;
    return { bytesRead };
  };
  return { counted, file: { stat: async () => ({ size }), read } as unknown as FileHandle };
}

test("members are found where they are, whatever the order in which they are asked for", async () => {
  await using file = await fromMembers({ a: "first", "./d/b": "second", "/c": "third", empty: "" });
  assert.deepEqual(file.names(), ["a", "d/b", "c", "empty"]);
  assert.equal(await textOf(file, "c"), "third");
  assert.equal(await textOf(file, "./a"), "first");
  assert.equal(await textOf(file, "d/../d/b"), "second");
  assert.equal(await textOf(file, "empty"), "");
  assert.equal(file.size("d/b"), 6);
  assert.equal(Buffer.from(await collect(file.stream("a", 2), 10)).toString(), "rst");
  assert.equal(file.has("d"), false);
  await assert.rejects(file.read("d", 1), { kind: "corrupt", message: 'the archive has no member "d"' });
  await assert.rejects(file.read("a", 4), {
    kind: "limit",
    message: "a of the archive is over the limit of 4 bytes",
  });
});

test("a later member of the same name wins, as in tar", async () => {
  const twice = [tarFile({ path: "a" }, "old"), tarFile({ path: "./a" }, "new")];
  await using file = await ArchiveFile.open(fromBytes(tarOf(twice)), { signal });
  assert.equal(await textOf(file, "a"), "new");
});

test("links lead to members of the archive and nowhere else", async () => {
  await using file = await fromMembers({
    "one/layer.tar": "layer",
    "two/layer.tar": { link: "../one/layer.tar" },
    "three/layer.tar": { link: "/two/layer.tar" },
    four: { hard: "three/layer.tar" },
    out: { link: "../../../../etc/hostname" },
    "etc/hostname": "inside",
    loop: { link: "pool" },
    pool: { link: "loop" },
    dangling: { link: "nothing" },
  });
  for (const name of ["two/layer.tar", "three/layer.tar", "four"])
    assert.equal(await textOf(file, name), "layer");
  assert.equal(await textOf(file, "out"), "inside");
  for (const name of ["loop", "dangling"]) assert.equal(file.has(name), false, name);
});

test("any archive's members have their contents, however long the names", async () => {
  await fc.assert(
    fc.asyncProperty(arbitraryFiles, fc.integer({ min: 1, max: 5000 }), async (files, chunk) => {
      // A link that means something and a sparse file are not of this test.
      const plain = files.filter(({ entry }) => entry.type === "file" && entry.sparse === undefined);
      const bytes = tarOf(plain);
      await using file = await ArchiveFile.open(inChunks(bytes, chunk), { signal });
      const last = new Map(
        parseTar(bytes).map(({ entry, body }) => [memberName(textOfName(entry.path)), body]),
      );
      for (const [name, body] of last)
        assert.ok(Buffer.from(await file.read(name, 1 << 20)).equals(body), name);
    }),
    { numRuns: 30 },
  );
});

const textOfName = (path: string): string => Buffer.from(path, "latin1").toString("utf8");

test("contents are jumped over: finding the members of 16 GB reads their headers only", async () => {
  const claimed = 2 ** 33 - 512;
  const head = rawEntry({ name: "first", size: claimed });
  const second = rawEntry({ name: "second", size: claimed });
  const tail = tarOf([tarFile({ path: "last" }, "x")]);
  const stride = 512 + claimed;
  const size = 2 * stride + tail.length;
  const pieces: readonly (readonly [number, Buffer])[] = [
    [0, head],
    [stride, second],
    [2 * stride, tail],
  ];
  const { file, counted } = handle(size, (position, into) => {
    into.fill(0);
    for (const [start, bytes] of pieces) {
      const from = position - start;
      if (from >= 0 && from < bytes.length) into.set(bytes.subarray(from, from + into.length));
    }
    return into.length;
  });
  const members = await indexMembers(file, signal);
  assert.deepEqual(
    [...members].map(([name, member]) => [name, member.size, member.offset]),
    [
      ["first", claimed, 512],
      ["second", claimed, stride + 512],
      ["last", 1, 2 * stride + 512],
    ],
  );
  assert.ok(counted.bytes < 1 << 20, `${counted.bytes} bytes were read`);
});

test("what is cut off or no tar is refused; sparse members too", async () => {
  const whole = archiveOf({ a: "x".repeat(3000), b: "y".repeat(3000) });
  for (const length of [100, 600, 3000, 512 + 3072 + 100, 512 + 3072 + 600]) {
    const cut = ArchiveFile.open(fromBytes(whole.subarray(0, length)), { signal });
    await assert.rejects(cut, { kind: "corrupt" }, `${length} bytes`);
  }
  await assert.rejects(ArchiveFile.open(fromBytes(Buffer.from("no tar")), { signal }), { kind: "corrupt" });
  const records = Object.entries({ major: "1", minor: "0", name: "s", realsize: "10" });
  const sparse = Buffer.concat([
    paxEntry(records.map(([key, value]) => [`GNU.sparse.${key}`, value])),
    rawEntry({}, "0\n".padEnd(512, "\0")),
  ]);
  await assert.rejects(ArchiveFile.open(fromBytes(sparse), { signal }), {
    kind: "invalid",
    message: "sparse member s in an image archive",
  });
});

const have = (program: string): boolean => {
  try {
    execFileSync(program, ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
};

test("a block that is cut off is read once, and not over and over until it is whole", async () => {
  for (const length of [2, 64, 100, 511]) {
    await assert.rejects(ArchiveFile.open(fromBytes(Buffer.alloc(length, "x")), { signal }), {
      kind: "corrupt",
      message: `unexpected end of tar after ${length} bytes, in a header`,
    });
  }
});

test("B104 compression around the archive is known by content, from a file and from a pipe", async () => {
  using directory = scratch("archive");
  const bytes = archiveOf({ a: "content" });
  const forms: [string, Uint8Array][] = [
    ["plain", bytes],
    ["gzip", gzipSync(bytes)],
    ["zstd", zstdCompressSync(bytes)],
    ...["bzip2", "xz"]
      .filter(have)
      .map((name): [string, Uint8Array] => [name, execFileSync(name, ["-c"], { input: bytes })]),
  ];
  const temporaryDirectory = join(directory.path, "temporary");
  mkdirSync(temporaryDirectory);
  for (const [name, packed] of forms) {
    const path = join(directory.path, name);
    writeFileSync(path, packed);
    for (const source of [path, inChunks(Buffer.from(packed), 100)]) {
      await using file = await ArchiveFile.open(source, { signal, temporaryDirectory });
      assert.equal(await textOf(file, "a"), "content", name);
      assert.deepEqual(readdirSync(temporaryDirectory), []);
    }
  }
});

test("the temporary file lies where it was told to", async () => {
  const nowhere = ArchiveFile.open(fromBytes(archiveOf({ a: "" })), {
    signal,
    temporaryDirectory: "/nonexistent-varve-test",
  });
  await assert.rejects(nowhere, { code: "ENOENT" });
});

test("a path that cannot be read is named in Docker's words", async () => {
  using directory = scratch("archive");
  const missing = join(directory.path, "missing.tar");
  await assert.rejects(ArchiveFile.open(missing, { signal }), {
    kind: "not-found",
    message: `open ${missing}: no such file or directory`,
  });
  await assert.rejects(ArchiveFile.open(directory.path, { signal }), {
    kind: "invalid",
    message: `cannot read image archive ${directory.path}: is a directory`,
  });
});

test("a pipe that says nothing is given up when the caller cancels, and is closed", async () => {
  const controller = new AbortController();
  let closed = false;
  const silent: AsyncIterable<Uint8Array> = {
    [Symbol.asyncIterator]: () => ({
      next: () => new Promise(() => controller.abort()),
      return: async () => {
        closed = true;
        return { done: true, value: undefined };
      },
    }),
  };
  await assert.rejects(ArchiveFile.open(silent, { signal: controller.signal }), { kind: "cancelled" });
  assert.equal(closed, true);
});

test("indexing stops when the caller cancels", async () => {
  using directory = scratch("archive");
  const path = join(directory.path, "a.tar");
  writeFileSync(path, archiveOf({ a: "" }));
  await using file = await open(path);
  await assert.rejects(indexMembers(file, AbortSignal.abort()), { kind: "cancelled" });
});

test("names that are not ASCII are text", async () => {
  const bytes = tarOf([tarFile({ path: fromText("é/layer.tar") }, "x")]);
  await using file = await ArchiveFile.open(fromBytes(bytes), { signal });
  assert.equal(await textOf(file, "é/layer.tar"), "x");
});
