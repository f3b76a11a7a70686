/** What every source of `COPY` must do, as one suite. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import type { SourceStat, SourceTree } from "../../src/build/source/index.ts";
import { collect } from "../../src/bytes/index.ts";
import { ignoreMatcher } from "../../src/dockerfile/index.ts";
import { withIgnored } from "../../src/build/source/index.ts";

/** One name of a tree; a directory unless anything else is said. */
export interface SourceFile {
  readonly path: string;
  readonly content?: string | Uint8Array;
  /** Of a symlink. */
  readonly target?: string;
  /** Path of the file of which this is another name. */
  readonly linkTo?: string;
  readonly mode?: number;
}

/** Seconds: when every name of a tree was changed. */
export const sourceTime = 1_600_000_000;

/** Makes a tree of these, parents first. Names are bytes. */
export type MakeSource = (
  files: readonly SourceFile[],
) => Promise<AsyncDisposable & { readonly tree: SourceTree }>;

const large = Buffer.alloc((5 << 20) + 17, "0123456789abcdef");
const { signal } = new AbortController();
const sha256 = (content: string | Uint8Array): string => createHash("sha256").update(content).digest("hex");

/** Files only: what a source without directories of its own, links and so on can have as well. */
const plainFiles: readonly SourceFile[] = [
  { path: "a" },
  { path: "a/empty", content: "" },
  { path: "a/large", content: large },
  { path: "a/run.sh", content: "#!/bin/sh\n", mode: 0o755 },
  { path: "a.b", content: "sorts before a/" },
  { path: "b" },
  { path: "b/c" },
  { path: "b/c/d", content: "deep" },
  { path: "caf\xc3\xa9", content: "utf8" },
  { path: "bad\xff\xfe", content: "bytes" },
  { path: "README.md", content: "# read me\n" },
];

const linkedFiles: readonly SourceFile[] = [
  { path: "dir" },
  { path: "dir/file", content: "file" },
  { path: "dir/secret", content: "secret", mode: 0o4711 },
  { path: "dir/private", mode: 0o1770 },
  { path: "dir/again", linkTo: "dir/file" },
  { path: "to-dir", target: "dir" },
  { path: "to-file", target: "dir/file" },
  { path: "absolute", target: "/dir/file" },
  { path: "through", target: "to-dir/../dir/./up/file" },
  { path: "dir/up", target: "../to-dir" },
  { path: "out", target: "../../../../../../dir/file" },
  { path: "host", target: "/etc/hostname" },
  { path: "loop", target: "loop" },
  { path: "ping", target: "pong/x" },
  { path: "pong", target: "ping" },
  { path: "dangling", target: "nowhere" },
  { path: "through-file", target: "dir/file/x" },
  { path: "to-root", target: "/" },
];

interface SuiteOptions {
  readonly skip?: string | false;
  /** Has no symlinks, hard links and directories with attributes. */
  readonly filesOnly?: boolean;
}

/** Registers the suite for one kind of source. */
export function sourceSuite(kind: string, make: MakeSource, options: SuiteOptions = {}): void {
  const { skip = false, filesOnly = false } = options;
  const define = (title: string, files: readonly SourceFile[], run: (tree: SourceTree) => unknown): void => {
    test(`${kind}: ${title}`, { skip }, async () => {
      await using made = await make(files);
      await run(made.tree);
    });
  };
  for (const [title, run] of Object.entries(plainCases)) define(title, plainFiles, run);
  if (filesOnly) return;
  for (const [title, run] of Object.entries(linkCases)) define(title, linkedFiles, run);
}

const plainCases: Readonly<Record<string, (tree: SourceTree) => unknown>> = {
  "stat tells kind, permission, size and time": (tree) => {
    const { mtimeNs: _, ...stat } = tree.stat("a/run.sh") as SourceStat;
    const common = { uid: 0, gid: 0, mtime: sourceTime, devMajor: 0, devMinor: 0 };
    assert.deepEqual(stat, { kind: "file", mode: 0o755, size: 10, ...common });
    assert.equal(tree.stat("a")?.kind, "directory");
    assert.equal(tree.stat("a")?.mode, 0o755);
    assert.equal(tree.stat("")?.kind, "directory");
    assert.equal(tree.stat("a/large")?.size, large.length);
  },
  "there is nothing at a path that does not lead anywhere": (tree) => {
    for (const path of ["none", "a/none", "a.b/x", "none/x", "a".repeat(300), "a/".repeat(3000) + "a"])
      assert.equal(tree.stat(path), undefined, path);
  },
  "a path that is more than names is none": (tree) => {
    const odd = ["..", ".", "/a", "a/", "a/..", "a//run.sh", "a/./run.sh", "b/../a", "../a", "a\0"];
    for (const path of odd) {
      assert.equal(tree.stat(path), undefined, path);
      assert.throws(() => tree.readdir(path), { kind: "not-found" }, path);
      assert.throws(() => tree.read(path), { kind: "not-found" }, path);
    }
  },
  "names are sorted by their bytes": (tree) => {
    const names = ["README.md", "a", "a.b", "b", "bad\xff\xfe", "caf\xc3\xa9"];
    assert.deepEqual(tree.readdir(""), names);
    assert.deepEqual(tree.readdir("a"), ["empty", "large", "run.sh"]);
    assert.deepEqual(tree.readdir("b/c"), ["d"]);
  },
  "files are read at once, in chunks and as digests": async (tree) => {
    for (const { path, content } of plainFiles) {
      if (content === undefined) continue;
      const bytes = Buffer.from(content as string);
      assert.ok(bytes.equals(tree.read(path)), path);
      assert.ok(bytes.equals(await collect(tree.open(path, signal), 1 << 30)), path);
      assert.equal(await tree.contentDigest(path), sha256(bytes), path);
      assert.equal(await tree.contentDigest(path), sha256(bytes), path);
    }
  },
  "resolve makes a path short": (tree) => {
    assert.equal(tree.resolve("./a//run.sh"), "a/run.sh");
    assert.equal(tree.resolve("/b/c/../../a/"), "a");
    assert.equal(tree.resolve(""), "");
    assert.equal(tree.resolve("../../a"), "a");
    for (const path of ["none", "none/../a", "a.b/..", "a.b/x"])
      assert.equal(tree.resolve(path), undefined, path);
  },
  "what is something else is refused": async (tree) => {
    assert.throws(() => tree.readdir("a.b"), { kind: "invalid" });
    assert.throws(() => tree.read("a"), { kind: "invalid" });
    assert.throws(() => tree.read(""), { kind: "invalid" });
    assert.throws(() => tree.readLink("a.b"), { kind: "invalid" });
    assert.throws(() => tree.xattrs("none"), { kind: "not-found" });
    await assert.rejects(collect(tree.open("a", signal), 1), { kind: "invalid" });
    await assert.rejects(collect(tree.open("none", signal), 1), { kind: "not-found" });
    await assert.rejects(tree.contentDigest("none"), { kind: "not-found" });
    await assert.rejects(tree.contentDigest("a"), { kind: "invalid" });
  },
  "reading can be cancelled": async (tree) => {
    const cancelled = AbortSignal.abort();
    await assert.rejects(collect(tree.open("a/large", cancelled), 1 << 30), { kind: "cancelled" });
  },
  "there are no attributes where none were set": (tree) => {
    assert.deepEqual([...tree.xattrs("a.b")], []);
    assert.deepEqual([...tree.xattrs("a")], []);
  },
  "B062 what is ignored is not there": async (tree) => {
    const shown = withIgnored(tree, ignoreMatcher(["a", "b", "*.md", "!b/c/d"]));
    assert.deepEqual(shown.readdir(""), ["a.b", "b", "bad\xff\xfe", "caf\xc3\xa9"]);
    assert.deepEqual(shown.readdir("b"), ["c"]);
    assert.deepEqual(shown.readdir("b/c"), ["d"]);
    assert.equal(shown.stat("b")?.kind, "directory");
    for (const path of ["a", "a/run.sh", "README.md"]) {
      assert.equal(shown.stat(path), undefined);
      assert.equal(shown.resolve(path), undefined);
      assert.throws(() => shown.read(path), { kind: "not-found" });
      assert.throws(() => shown.xattrs(path), { kind: "not-found" });
      await assert.rejects(async () => collect(shown.open(path, signal), 1), { kind: "not-found" });
      await assert.rejects(shown.contentDigest(path), { kind: "not-found" });
    }
    assert.throws(() => shown.readdir("a"), { kind: "not-found" });
    assert.equal(Buffer.from(shown.read("b/c/d")).toString(), "deep");
    assert.equal(await shown.contentDigest("b/c/d"), sha256("deep"));
  },
  "B062 an exception that meets nothing leaves its directory ignored": (tree) => {
    const shown = withIgnored(tree, ignoreMatcher(["b", "!b/c/none", "a", "!a/*.sh"]));
    assert.equal(shown.stat("b"), undefined);
    assert.equal(shown.stat("b/c"), undefined);
    assert.deepEqual(shown.readdir("a"), ["run.sh"]);
  },
};

const linkCases: Readonly<Record<string, (tree: SourceTree) => unknown>> = {
  "stat and read follow no symlink": (tree) => {
    assert.equal(tree.stat("to-file")?.kind, "symlink");
    assert.equal(tree.readLink("to-file"), "dir/file");
    assert.equal(tree.readLink("host"), "/etc/hostname");
    for (const path of ["to-dir/file", "loop/x", "ping/x", "dangling/x", "host/x"])
      assert.equal(tree.stat(path), undefined, path);
    assert.throws(() => tree.read("to-file"), { kind: "invalid" });
    assert.throws(() => tree.read("host"), { kind: "invalid" });
    assert.throws(() => tree.read("to-dir/file"), { kind: "not-found" });
    assert.throws(() => tree.readdir("to-dir"), { kind: "invalid" });
    assert.throws(() => tree.readdir("to-dir/private"), { kind: "not-found" });
  },
  "resolve follows symlinks, inside only": (tree) => {
    const cases: readonly [string, string | undefined][] = [
      ["to-dir", "dir"],
      ["to-dir/file", "dir/file"],
      ["to-file", "dir/file"],
      ["absolute", "dir/file"],
      ["through", "dir/file"],
      ["out", "dir/file"],
      ["to-dir/up/up/up/file", "dir/file"],
      ["to-dir/..", ""],
      ["to-root/to-root/dir", "dir"],
      ["host", undefined],
      ["loop", undefined],
      ["loop/x", undefined],
      ["ping", undefined],
      ["dangling", undefined],
      ["through-file", undefined],
    ];
    for (const [path, to] of cases) assert.equal(tree.resolve(path), to, path);
  },
  "permission is whole": (tree) => {
    assert.equal(tree.stat("dir/secret")?.mode, 0o4711);
    assert.equal(tree.stat("dir/private")?.mode, 0o1770);
  },
  "names of one file say so, others have none": (tree) => {
    const inode = tree.stat("dir/file")?.inode;
    assert.ok(inode !== undefined);
    assert.equal(tree.stat("dir/again")?.inode, inode);
    assert.equal(tree.stat("dir/secret")?.inode, undefined);
    assert.equal(tree.stat("dir")?.inode, undefined);
    assert.equal(Buffer.from(tree.read("dir/again")).toString(), "file");
  },
  "B062 no symlink leads to what is ignored": (tree) => {
    const shown = withIgnored(tree, ignoreMatcher(["dir/file", "to-root"]));
    for (const path of ["to-file", "absolute", "through", "to-dir/file", "to-root/dir/secret"])
      assert.equal(shown.resolve(path), undefined, path);
    assert.equal(shown.resolve("to-dir/secret"), "dir/secret");
    assert.equal(shown.stat("to-file")?.kind, "symlink");
  },
};
