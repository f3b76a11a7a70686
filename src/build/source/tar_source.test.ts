import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { scratch } from "../../../test/suites/scratch.ts";
import { sourceSuite } from "../../../test/suites/source_suite.ts";
import { packSource } from "../../../test/support/source_help.ts";
import { type PackedFile, tarFile, tarOf } from "../../../test/support/tar_help.ts";
import { fromBytes } from "../../bytes/index.ts";
import { isFailure } from "../../errors.ts";
import { ignoreMatcher } from "../../dockerfile/index.ts";
import { openTarSource, type SourceTree } from "./index.ts";
import type { IndexLimits } from "./index_tar.ts";

const { signal } = new AbortController();

sourceSuite("tar", async (files) => {
  const place = scratch("source");
  const tree = await openTarSource(fromBytes(packSource(files, 1234)), { directory: place.path, signal });
  const dispose = async (): Promise<void> => {
    tree[Symbol.dispose]();
    place[Symbol.dispose]();
  };
  return { tree, [Symbol.asyncDispose]: dispose };
});

const file = (path: string, body = "x", fields = {}): PackedFile => tarFile({ path, ...fields }, body);
const dir = (path: string, fields = {}): PackedFile =>
  tarFile({ path, type: "directory", mode: 0o755, ...fields });
const link = (path: string, linkPath: string): PackedFile => tarFile({ path, type: "symlink", linkPath });
const hard = (path: string, linkPath: string): PackedFile => tarFile({ path, type: "hardlink", linkPath });

async function opened(
  files: readonly PackedFile[] | Uint8Array,
  limits: IndexLimits = {},
): Promise<SourceTree> {
  using place = scratch("source");
  const tar = files instanceof Uint8Array ? files : tarOf(files, { nanoseconds: true });
  const tree = await openTarSource(fromBytes(tar), { directory: place.path, limits, signal });
  assert.deepEqual(fs.readdirSync(place.path), [], "nothing lies there, though it can be read");
  return tree;
}

/** Every name, with its content. */
function lines(tree: SourceTree, directory = ""): string[] {
  return tree.readdir(directory).flatMap((name) => {
    const path = directory === "" ? name : `${directory}/${name}`;
    const stat = tree.stat(path);
    if (stat?.kind === "directory") return [`${path}/`, ...lines(tree, path)];
    if (stat?.kind === "symlink") return [`${path} -> ${tree.readLink(path)}`];
    return [
      stat?.kind === "file" ? `${path}=${Buffer.from(tree.read(path)).toString()}` : `${path} ${stat?.kind}`,
    ];
  });
}

const shapes: readonly [title: string, files: readonly PackedFile[], lines: readonly string[]][] = [
  ["nothing", [], []],
  [
    "paths are cleaned",
    [dir("./"), file("./a"), file("/b"), file("c/../d/./e")],
    ["a=x", "b=x", "d/", "d/e=x"],
  ],
  ["an absolute path does not climb", [file("/../../a")], ["a=x"]],
  ["a later entry replaces an earlier one", [file("a", "1"), file("a", "2")], ["a=2"]],
  [
    "a file replaces a directory, and the reverse",
    [file("a/b"), file("c"), file("a"), dir("c")],
    ["a=x", "c/"],
  ],
  ["a directory listed again stays filled", [file("a/b"), dir("a")], ["a/", "a/b=x"]],
  [
    "marks of layers are names",
    [file("a/b"), file("a/.wh.b", ""), file("a/.wh..wh..opq", "")],
    ["a/", "a/.wh..wh..opq=", "a/.wh.b=", "a/b=x"],
  ],
  [
    "a link through a symlink",
    [file("d/f"), link("l", "d"), hard("h", "l/f"), file("l/g")],
    ["d/", "d/f=x", "d/g=x", "h=x", "l -> d"],
  ],
  [
    "symlinks on the way stay inside",
    [link("l", "../../d"), link("m", "/d"), file("l/f"), file("m/g")],
    ["d/", "d/f=x", "d/g=x", "l -> ../../d", "m -> /d"],
  ],
  ["a link to what is replaced keeps it", [file("a", "1"), hard("b", "a"), file("a", "2")], ["a=2", "b=1"]],
  ["a link to a symlink is that symlink", [link("l", "x"), hard("h", "l")], ["h -> x", "l -> x"]],
  [
    "devices and FIFOs",
    [tarFile({ path: "f", type: "fifo" }), tarFile({ path: "n", type: "char", devMajor: 1, devMinor: 3 })],
    ["f fifo", "n char"],
  ],
];

for (const [title, files, expected] of shapes) {
  test(`B062 a tar as context: ${title}`, async () => {
    using tree = await opened(files);
    assert.deepEqual(lines(tree), expected);
  });
}

test("B062 B079 a tar as context: all belongs to root, and only attributes that mean the same here are kept", async () => {
  const xattrs = new Map(
    [
      "user.a",
      "security.capability",
      "security.selinux",
      "trusted.overlay.opaque",
      "user.overlay.opaque",
    ].map((name) => [name, Buffer.from("v")]),
  );
  using tree = await opened([
    file("d/f", "x", { uid: 5, gid: 6, mode: 0o4755, mtime: 9, mtimeNs: 7, xattrs }),
    tarFile({ path: "n", type: "block", devMajor: 8, devMinor: 1 }),
  ]);
  const { uid, gid, mode, mtime, mtimeNs } = tree.stat("d/f")!;
  assert.deepEqual([uid, gid, mode, mtime, mtimeNs], [0, 0, 0o4755, 9, 7]);
  assert.deepEqual([...tree.xattrs("d/f").keys()].sort(), ["security.capability", "user.a"]);
  assert.equal(tree.stat("d")?.mode, 0o755);
  assert.deepEqual([tree.stat("n")?.devMajor, tree.stat("n")?.devMinor], [8, 1]);
});

const refused: readonly [title: string, files: readonly PackedFile[], message: RegExp][] = [
  ["a path that leads out", [file("../evil")], /"\.\.\/evil" is outside of the build context/],
  ["a path that leads out on the way", [file("a/../../evil")], /is outside/],
  ["a link that leads out", [hard("a", "../../etc/passwd")], /is outside/],
  ["a link to nothing", [hard("a", "b")], /is a link to "b", which is not in the archive/],
  ["a link to itself", [file("a"), hard("a", "a")], /not in the archive/],
  ["a link to a directory", [dir("d"), hard("a", "d")], /a directory/],
  ["a link to the root", [hard("a", ".")], /a directory/],
  ["a path through a file", [file("a"), file("a/b")], /uses "a", a file, as a directory/],
  ["a path through a loop", [link("a", "a"), file("a/b")], /uses "a", a symlink, as a directory/],
  ["a file as root", [file(".")], /in the place of the root/],
  ["an empty symlink", [link("a", "")], /symlink to 0 bytes/],
  ["a long name", [file("n".repeat(256))], /name of 256 bytes/],
  ["a path longer than any", [file("a/".repeat(2048) + "f")], /has 4097 bytes/],
  [
    "directories that symlinks make deeper than any path",
    [link("s", "a/".repeat(1900)), file("s/f"), link("t", "s/" + "a/".repeat(1000)), file("t/f")],
    /leads too deep/,
  ],
];

for (const [title, files, message] of refused) {
  test(`a tar as context is refused: ${title}`, async () => {
    await assert.rejects(
      opened(files),
      (error) => isFailure(error, "invalid") && message.test(error.message),
    );
  });
}

test("a tar as context is refused when it is too much", async () => {
  const three = [file("a"), file("b"), file("c")];
  await assert.rejects(opened(three, { entries: 2 }), { kind: "limit" });
  await assert.rejects(opened(three, { names: 2 }), { kind: "limit" });
  await assert.rejects(opened(three, { bytes: 2048 }), { kind: "limit" });
  const bomb = gzipSync(Buffer.alloc(64 << 20));
  await assert.rejects(opened(bomb, { bytes: 1 << 20 }), { kind: "limit" });
});

test("what is no tar, or ends too early, is refused", async () => {
  await assert.rejects(opened(Buffer.from("FROM scratch\n".repeat(100))), { kind: "corrupt" });
  await assert.rejects(opened(tarOf([file("a", "x".repeat(5000))]).subarray(0, 3000)), { kind: "corrupt" });
  await assert.rejects(opened(gzipSync(tarOf([file("a")])).subarray(0, 40)), { kind: "corrupt" });
});

test("B062 a tar as context may be compressed", async () => {
  const tar = tarOf([file("a", "content")]);
  for (const bytes of [tar, gzipSync(tar), zstdCompressSync(tar)]) {
    using tree = await opened(bytes);
    assert.deepEqual(lines(tree), ["a=content"]);
  }
});

test("holes of sparse files are zeros, and cost no more than they may", async () => {
  using place = scratch("sparse");
  const path = join(place.path, "f");
  fs.writeFileSync(path, "begin");
  fs.truncateSync(path, 3 << 20);
  fs.appendFileSync(path, "end");
  const tar = execFileSync("tar", ["-C", place.path, "--sparse", "-cf", "-", "f"], { maxBuffer: 1 << 24 });
  using tree = await opened(tar);
  assert.ok(fs.readFileSync(path).equals(tree.read("f")));
  await assert.rejects(opened(tar, { bytes: 2 << 20 }), { kind: "limit" });
});

test("a tar as context comes without what is ignored", async () => {
  using place = scratch("source");
  const tar = tarOf([file("a"), file("b")]);
  const options = { directory: place.path, ignored: ignoreMatcher(["a"]), name: "tarred", signal };
  using tree = await openTarSource(fromBytes(tar), options);
  assert.deepEqual(lines(tree), ["b=x"]);
  assert.equal(tree.name, "tarred");
});

test("a tar that is cancelled or fails on the way leaves nothing", async () => {
  using place = scratch("source");
  const before = fs.readdirSync("/proc/self/fd").length;
  async function* failing(): AsyncGenerator<Uint8Array> {
    yield tarOf([file("a", "x".repeat(100_000))]).subarray(0, 50_000);
    throw new Error("the line is dead");
  }
  await assert.rejects(openTarSource(failing(), { directory: place.path, signal }), /the line is dead/);
  const cancelled = { directory: place.path, signal: AbortSignal.abort() };
  await assert.rejects(openTarSource(fromBytes(tarOf([file("a")])), cancelled), { kind: "cancelled" });
  assert.deepEqual(fs.readdirSync(place.path), []);
  assert.equal(fs.readdirSync("/proc/self/fd").length, before);
});
