import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { collect, fromBytes } from "../../bytes/index.ts";
import { packTar, type TarEntry } from "../../tar/index.ts";
import { bareEntry } from "../../image/index.ts";
import { copied, plain, planOf, requestOf, signal } from "./copy_case_fixture.ts";
import {
  branchOf,
  dir,
  entriesOf,
  file,
  type Given,
  hard,
  linesOf,
  link,
  node,
  treeOf,
  viewOf,
} from "./copy_fixture.ts";
import type { CopyRequest } from "./types.ts";

const owned = { uid: 1000, gid: 1001 };

function tarOf(...given: readonly Given[]): Promise<Uint8Array> {
  return collect(packTar(entriesOf(given)), 1 << 24);
}

/** `ADD a.tar <destination>`. */
async function added(
  destination: string,
  given: readonly Given[],
  image: readonly Given[] = [],
  rest: Partial<CopyRequest> = {},
): Promise<string[]> {
  const archive = file("a.tar", await tarOf(...given));
  return copied(requestOf(`a.tar ${destination}`, { kind: "add", ...rest }), [archive], image);
}

test("B079 ADD unpacks by content; owners, modes and times are the archive's", async () => {
  const given = [dir("d", { mode: 0o700, ...owned }), file("d/f", "f", { mode: 0o4755, ...owned, mtime: 7 })];
  const tar = await tarOf(...given);
  const lines = ["directory 755 0:0 x/", "directory 700 1000:1001 x/d/", 'file 4755 1000:1001 x/d/f "f" @7'];
  for (const [name, content] of Object.entries({
    plain: tar,
    zip: gzipSync(tar),
    zst: zstdCompressSync(tar),
  })) {
    const request = requestOf(`${name} /x`, { kind: "add" });
    assert.deepEqual(await copied(request, [file(name, content)], [], { times: true }), lines, name);
  }
});

test("what is unpacked: files that are named in ADD, unless --unpack=false; downloads with --unpack=true", async () => {
  const tar = await tarOf(file("f"));
  const tree = [file("d/a.tar", tar), file("text.tar", "no tar"), file("none.tar", Buffer.alloc(1024))];
  const names = async (request: CopyRequest): Promise<string[]> =>
    (await copied(request, tree)).map((line) => line.split(" ")[3] as string).filter((name) => name !== "x/");
  assert.deepEqual(await names(requestOf("d/a.tar /x/", { kind: "add" })), ["x/f"]);
  assert.deepEqual(await names(requestOf("d/a.tar /x/", { kind: "add", unpack: false })), ["x/a.tar"]);
  assert.deepEqual(await names(requestOf("d/a.tar /x/")), ["x/a.tar"]);
  assert.deepEqual(await names(requestOf("d text.tar none.tar /x/", { kind: "add" })), [
    "x/a.tar",
    "x/none.tar",
    "x/text.tar",
  ]);
  const sha256 = createHash("sha256").update(tar).digest("hex");
  const download = {
    url: "https://example.org/t",
    name: "t",
    size: tar.length,
    sha256,
    open: () => fromBytes(tar),
  };
  const fetched: CopyRequest = { ...plain, kind: "add", downloads: [download], destination: "/x/" };
  assert.deepEqual(await names(fetched), ["x/t"]);
  assert.deepEqual(await names({ ...fetched, unpack: true }), ["x/f"]);
});

test("--chown counts for what is unpacked, --chmod does not", async () => {
  const given = [dir("d", owned), file("d/f", "f", owned), link("l", "d")];
  assert.deepEqual(await added("/x", given, [], { chown: "5:6", chmod: "700" }), [
    "directory 755 5:6 x/",
    "directory 755 5:6 x/d/",
    "symlink 777 5:6 x/l -> d",
    'file 644 5:6 x/d/f "f"',
  ]);
});

test("no name leads out of the destination", async () => {
  const given = [
    file("/root", "a"),
    file("../../up", "b"),
    file("x/../../../etc/passwd", "c"),
    link("absolute", "/etc"),
    file("absolute/shadow", "d"),
    link("climb", "../../../.."),
    file("climb/top", "e"),
    link("loop", "loop"),
  ];
  const image = [file("etc/passwd", "root"), file("etc/shadow", "root")];
  assert.deepEqual(await added("/in", given, image), [
    "directory 755 0:0 in/",
    "symlink 777 0:0 in/absolute -> /etc",
    "symlink 777 0:0 in/climb -> ../../../..",
    "directory 755 0:0 in/etc/",
    "symlink 777 0:0 in/loop -> loop",
    'file 644 0:0 in/root "a"',
    'file 644 0:0 in/up "b"',
    'file 644 0:0 in/etc/passwd "c"',
    'file 644 0:0 in/etc/shadow "d"',
    'file 644 0:0 in/top "e"',
  ]);
  await assert.rejects(added("/in", [link("loop", "loop"), file("loop/x")]), {
    kind: "invalid",
    message: /too many levels of symbolic links/,
  });
  await assert.rejects(added("/in", [hard("x", "../../etc/passwd")], image), {
    kind: "invalid",
    message: "failed to copy files: cannot link /in/x to /in/etc/passwd: there is nothing",
  });
});

test("symlinks of the image inside the destination lead no further than it", async () => {
  const image = [
    dir("in"),
    link("in/out", "/etc"),
    link("in/last", "/etc/passwd"),
    file("etc/passwd", "root"),
  ];
  assert.deepEqual(await added("/in", [file("out/passwd", "new"), file("last", "replaced")], image), [
    "directory 755 0:0 in/",
    "directory 755 0:0 in/etc/",
    'file 644 0:0 in/etc/passwd "new"',
    'file 644 0:0 in/last "replaced"',
  ]);
});

test("what no layer can hold is refused", async () => {
  const refuse = (given: Given, message: RegExp): Promise<void> =>
    assert.rejects(added("/x", [given]), { kind: "invalid", message });
  await refuse(file(".wh.gone"), /^failed to copy files: \/x\/\.wh\.gone would be read as a whiteout/);
  await refuse(file("d/.wh..wh..opq"), /would be read as a whiteout/);
  await refuse(node("gone", "char"), /device 0:0, which means a whiteout/);
  await refuse(file("n".repeat(256)), /file name too long/);
  await refuse(file(`${"d/".repeat(2100)}f`), /file name too long/);
});

test("what comes later in the archive counts, each name is in the layer once", async () => {
  const given = [
    dir("a"),
    file("a/inside"),
    file("a", "now a file"),
    file("b", "first"),
    hard("keeps", "b", { mode: 0o600 }),
    file("b", ""),
    file("b", "last"),
    dir("image", { mode: 0o700 }),
    link("image", "a"),
    dir("image", { mode: 0o750, ...owned }),
    file("image/new", ""),
    dir("gone"),
    file("gone/x"),
    link("gone", "a"),
  ];
  assert.deepEqual(await added("/", given, [file("image/old")]), [
    "symlink 777 0:0 gone -> a",
    "directory 750 1000:1001 image/",
    'file 750 1000:1001 image/.wh..wh..opq ""',
    'file 644 0:0 image/new ""',
    'file 644 0:0 a "now a file"',
    'file 600 0:0 keeps "first"',
    'file 644 0:0 b "last"',
  ]);
});

test("a link to a file of the image brings the file along, with the link's attributes", async () => {
  const big = Buffer.alloc(3 << 20, "x");
  const image = [
    file("d/one", big, { mode: 0o600 }),
    link("d/sym", "one"),
    node("d/null", "char", { rdevMajor: 1 }),
  ];
  const given = [
    hard("z", "one", { mode: 0o640, ...owned }),
    hard("s", "sym"),
    hard("n", "null", { mode: 0o666 }),
  ];
  const hash = createHash("sha256").update(big).digest("hex").slice(0, 12);
  assert.deepEqual(await added("/d", given, image), [
    "directory 755 0:0 d/",
    "char 666 0:0 d/n 1:0",
    "hardlink 666 0:0 d/null -> d/n",
    `file 640 1000:1001 d/one "${hash}"`,
    "symlink 777 0:0 d/s -> one",
    "hardlink 777 0:0 d/sym -> d/s",
    "hardlink 640 1000:1001 d/z -> d/one",
  ]);
});

test("only attributes that mean something elsewhere are kept", async () => {
  const xattrs = new Map([
    ["user.note", Buffer.from("1")],
    ["trusted.overlay.opaque", Buffer.from("y")],
    ["security.capability", Buffer.from("2")],
  ]);
  assert.deepEqual(await added("/", [file("f", "f", { xattrs }), dir("d", { xattrs })]), [
    "directory 755 0:0 d/ security.capability=32 user.note=31",
    'file 644 0:0 f "f" security.capability=32 user.note=31',
  ]);
});

test("several archives and files in one instruction: the last one counts", async () => {
  const tree = [
    file("1.tar", await tarOf(file("a", "1"), file("b", "1"))),
    file("2.tar", await tarOf(file("b", "2"), file("c", "2"))),
    file("c", "plain"),
  ];
  assert.deepEqual(await copied(requestOf("1.tar 2.tar c /", { kind: "add" }), tree), [
    'file 644 0:0 c "plain"',
    'file 644 0:0 a "1"',
    'file 644 0:0 b "2"',
  ]);
});

test("an archive that is cut off or changed is refused", async () => {
  const tar = await tarOf(file("a", "a".repeat(2000)), file("b", "b".repeat(2000)));
  await assert.rejects(copied(requestOf("t /", { kind: "add" }), [file("t", tar.subarray(0, 3000))]), {
    kind: "corrupt",
  });
  const other = await tarOf(file("a", "a".repeat(2000)), file("b", "b"));
  const source = treeOf(branchOf(file("t", tar)));
  let opened = 0;
  const open = (): AsyncGenerator<Uint8Array> => fromBytes(++opened < 3 ? tar : other);
  const plan = await planOf(requestOf("t /", { kind: "add" }), { ...source, open });
  await assert.rejects(linesOf(plan.entries(viewOf(), { time: 1, signal })), { kind: "conflict" });
});

test("an archive of many gigabytes is read as it comes", async () => {
  // Kept small on purpose: what counts is how much is asked for before the first file is out.
  const [files, size] = [40, 1 << 20];
  const chunk = Buffer.alloc(size, "z");
  let given = 0;
  async function* archive(): AsyncGenerator<Uint8Array> {
    async function* entries() {
      for (let at = 0; at < files; at++) {
        const entry: TarEntry = { ...bareEntry(`f${at}`, "file", 0o644, 0), size };
        yield { entry, body: chunk };
      }
    }
    for await (const bytes of packTar(entries())) {
      given += bytes.length;
      yield bytes;
    }
  }
  const source = treeOf(branchOf(file("t", "")));
  const plan = await planOf(requestOf("t /", { kind: "add" }), { ...source, open: archive });
  const before = given;
  let count = 0;
  for await (const { body } of plan.entries(viewOf(), { time: 1, signal })) {
    // The first pass has read it once.
    const behind = given - before - files * size;
    assert.ok(behind < (count + 4) * size, `${behind} bytes were read for ${count} files`);
    for await (const _ of body as AsyncIterable<Uint8Array>) count += 0;
    count++;
  }
  assert.equal(count, files);
});
