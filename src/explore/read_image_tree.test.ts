import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { fromBytes } from "../bytes/index.ts";
import { packTar, type EntryType, type PackedEntry, type TarEntry } from "../tar/index.ts";
import { bootfsLine, findBootFiles, readImageTree, type ImagePath } from "./index.ts";

const live = { signal: new AbortController().signal };
const plain = { linkPath: "", mode: 0o644, uid: 0, gid: 0, uname: "", gname: "", mtime: 1, mtimeNs: 0 };

function entry(path: string, type: EntryType, rest: Partial<TarEntry> = {}): PackedEntry {
  return { entry: { ...plain, path, type, size: 0, devMajor: 0, devMinor: 0, ...rest } };
}

function file(path: string, content = ""): PackedEntry {
  return { ...entry(path, "file", { size: content.length }), body: Buffer.from(content) };
}

const dir = (path: string, mode = 0o755): PackedEntry => entry(path, "directory", { mode });

/** Layers, bottom first. */
async function treeOf(...layers: PackedEntry[][]): Promise<ImagePath[]> {
  return readImageTree(
    layers.map((entries) => ({ openTar: () => Promise.resolve(packTar(entries)) })),
    live,
  );
}

const brief = (paths: readonly ImagePath[]): string[] =>
  paths.map(({ path, kind, layer }) => `${layer} ${kind} ${path}`);

test("B017 each path of an image comes with the layer that shows it", async () => {
  const paths = await treeOf(
    [
      dir("etc/"),
      file("etc/motd", "hello"),
      file("etc/passwd"),
      dir("old/"),
      file("old/x"),
      dir("var/"),
      file("var/a"),
    ],
    [dir("etc/", 0o700), file("etc/.wh.motd"), file("etc/new", "1234"), file(".wh.old")],
    [dir("var/"), file("var/.wh..wh..opq"), file("var/b"), entry("link", "symlink", { linkPath: "var/b" })],
  );
  assert.deepEqual(brief(paths), [
    "1 directory etc",
    "1 file etc/new",
    "0 file etc/passwd",
    "2 symlink link",
    "2 directory var",
    "2 file var/b",
  ]);
  assert.equal(paths.find(({ path }) => path === "etc")?.mode, 0o700);
  assert.equal(paths.find(({ path }) => path === "etc/new")?.size, 4);
  assert.equal(paths.find(({ path }) => path === "link")?.target, "var/b");
});

test("spellings of paths, missing parents and links are those of unpacking", async () => {
  const paths = await treeOf([
    file("./a/b/c", "12"),
    file("/abs"),
    file("../../up"),
    dir("usr/"),
    dir("usr/lib/"),
    entry("lib", "symlink", { linkPath: "usr/lib" }),
    entry("abslib", "symlink", { linkPath: "/../usr/lib" }),
    file("lib/one"),
    file("abslib/two"),
    entry("hard", "hardlink", { linkPath: "./a/b/c" }),
    dir("a/b", 0o700),
  ]);
  assert.deepEqual(
    brief(paths).map((line) => line.slice(2)),
    [
      "directory a",
      "directory a/b",
      "file a/b/c",
      "file abs",
      "symlink abslib",
      "file hard",
      "symlink lib",
      "file up",
      "directory usr",
      "directory usr/lib",
      "file usr/lib/one",
      "file usr/lib/two",
    ],
  );
  const at = (wanted: string): ImagePath | undefined => paths.find(({ path }) => path === wanted);
  assert.deepEqual([at("hard")?.size, at("a/b")?.mode], [2, 0o700]);
});

test("layers that cannot be unpacked are refused", async () => {
  const refused: PackedEntry[][] = [
    [file("f"), file("f/below")],
    [entry("a", "symlink", { linkPath: "b" }), entry("b", "symlink", { linkPath: "a" }), file("a/x")],
    [entry("l", "hardlink", { linkPath: "nowhere" })],
    [dir("d/"), entry("l", "hardlink", { linkPath: "d" })],
  ];
  for (const layer of refused) await assert.rejects(treeOf(layer), { kind: "invalid" });
  const broken = { openTar: () => Promise.resolve(fromBytes(Buffer.alloc(700, 1))) };
  await assert.rejects(readImageTree([broken], live), { name: "Failure" });
  await assert.rejects(
    readImageTree([{ openTar: async () => packTar([file("f")]) }], { signal: AbortSignal.abort() }),
    {
      kind: "cancelled",
    },
  );
});

test("any names in any order give each path once, sorted, below its directory", async () => {
  const name = fc.constantFrom("a", "b", "c", ".wh.a", ".wh.b", ".wh..wh..opq");
  const path = fc.array(name, { minLength: 1, maxLength: 3 });
  const layer = fc.array(
    path.map((names) =>
      names.map((n, i) => (i < names.length - 1 ? n.replace(/^\.wh\..*/, "d") : n)).join("/"),
    ),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(layer, { maxLength: 3 }), async (layers) => {
      // Directories only: no entry can then be below a file.
      const given = layers.map((paths) =>
        paths.map((at) => (at.includes(".wh.") ? file(at) : dir(`${at}/`))),
      );
      const found = (await treeOf(...given)).map((line) => line.path);
      assert.deepEqual(
        found,
        [...new Set(found)].sort((a, b) => (a.replaceAll("/", "\0") < b.replaceAll("/", "\0") ? -1 : 1)),
      );
      for (const at of found) {
        assert.ok(!at.includes(".wh."), at);
        const parent = at.slice(0, Math.max(0, at.lastIndexOf("/")));
        assert.ok(parent === "" || found.includes(parent), at);
      }
    }),
    { numRuns: 100 },
  );
});

test("B003 a base image has no bootfs; a kernel in one is dead weight", async () => {
  const base = [dir("bin/"), file("bin/sh"), dir("boot/"), dir("lib/"), dir("lib/modules/")];
  assert.equal(bootfsLine(await treeOf(base)), "bootfs: none");
  const withKernel = await treeOf(base, [
    file("boot/vmlinuz-6.1.0-amd64"),
    file("boot/initrd.img-6.1.0-amd64"),
    file("boot/grub/grub.cfg"),
    file("usr/lib/modules/6.1.0/vmlinuz"),
    file("boot/config-6.1.0"),
  ]);
  assert.deepEqual(findBootFiles(withKernel), [
    "boot/grub/grub.cfg",
    "boot/initrd.img-6.1.0-amd64",
    "boot/vmlinuz-6.1.0-amd64",
    "usr/lib/modules/6.1.0/vmlinuz",
  ]);
  assert.equal(
    bootfsLine(withKernel),
    "bootfs: none; files for booting that no container uses: /boot/grub/grub.cfg and 3 more",
  );
  const removed = await treeOf(base, [file("boot/vmlinuz")], [file("boot/.wh.vmlinuz")]);
  assert.equal(bootfsLine(removed), "bootfs: none");
});
