import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryBranch, type NewNode, ReadView } from "../union/index.ts";
import { bareEntry } from "./bare_entry.ts";
import { LayerDraft } from "./layer_draft.ts";

type Image = Readonly<Record<string, Partial<NewNode>>>;

/** A target makes a symlink, content a file. */
function draftOn(image: Image): LayerDraft {
  const branch = new MemoryBranch({ now: () => ({ mtime: 3, mtimeNs: 0 }) });
  for (const [path, node] of Object.entries(image)) {
    const kind = node.target !== undefined ? "symlink" : node.content !== undefined ? "file" : "directory";
    branch.create(path, { kind, mode: 0o755, uid: 0, gid: 0, ...node });
  }
  return new LayerDraft(new ReadView({ dialect: "overlay2", lowers: [branch] }), 9);
}

const content = Buffer.from("x");
const file = () => ({ entry: bareEntry("", "file", 0o644, 5) });
const directory = (mode = 0o755) => bareEntry("", "directory", mode, 5);

function listed(draft: LayerDraft): string[] {
  return draft
    .list()
    .map(({ entry: { type, mode, path, linkPath, mtime } }) => {
      return `${type} ${mode.toString(8)} ${path}${linkPath === "" ? "" : ` -> ${linkPath}`} @${mtime}`;
    })
    .toArray();
}

test("directories on the way are listed as they are in the image, missing ones are made", () => {
  const draft = draftOn({ a: { mode: 0o700 }, "a/b": { mode: 0o1777 } });
  draft.set("a/b/c/d", file());
  draft.makeDirectories("z/y", { mode: 0o711, uid: 1, gid: 2 });
  assert.deepEqual(listed(draft), [
    "directory 700 a/ @3",
    "directory 1777 a/b/ @3",
    "directory 755 a/b/c/ @9",
    "file 644 a/b/c/d @5",
    "directory 711 z/ @9",
    "directory 711 z/y/ @9",
  ]);
});

test("names are sorted part by part, so that a directory comes right before what it holds", () => {
  const draft = draftOn({});
  for (const path of ["a-b", "a/b", "a.b", "B"]) draft.set(path, file());
  assert.deepEqual(
    draft
      .list()
      .map(({ entry }) => entry.path)
      .toArray(),
    ["B", "a/", "a/b", "a-b", "a.b"],
  );
});

test("symlinks of the image and of the layer are followed, inside the scope", () => {
  const draft = draftOn({
    d: {},
    "d/up": { target: "../../../x" },
    "d/abs": { target: "/d/f" },
    "d/f": { content },
    l: { target: "d/abs" },
  });
  assert.equal(draft.resolve("l", { last: true }), "d/f");
  assert.equal(draft.resolve("l", { last: false }), "l");
  assert.equal(draft.resolve("/d/./up/y", { last: true }), "x/y");
  assert.equal(draft.resolve("up/y", { scope: "d", last: true }), "d/x/y");
  assert.equal(draft.resolve("abs", { scope: "d", last: true }), "d/d/f");
  draft.set("new", { entry: { ...bareEntry("", "symlink", 0o777, 5), linkPath: "l" } });
  assert.equal(draft.resolve("new", { last: true }), "d/f");
  draft.set("d/abs", file());
  assert.equal(draft.resolve("new", { last: true }), "d/abs");
});

test("what is replaced is gone with all below it, in the layer and in the image", () => {
  const draft = draftOn({ d: {}, "d/old": { content }, s: { target: "d" }, f: { content } });
  assert.equal(draft.kindAt("d/old"), "file");
  draft.set("d", file());
  assert.deepEqual([draft.kindAt("d"), draft.kindAt("d/old")], ["file", undefined]);
  draft.setDirectory("d", directory(0o700));
  draft.setDirectory("s", directory());
  draft.setDirectory("f", directory());
  assert.deepEqual(
    [draft.kindAt("d/old"), draft.kindAt("s/old"), draft.kindAt("f/x")],
    [undefined, undefined, undefined],
  );
  draft.set("s/new", file());
  assert.deepEqual(listed(draft), [
    "directory 700 d/ @5",
    "file 700 d/.wh..wh..opq @0",
    "directory 755 f/ @5",
    "directory 755 s/ @5",
    "file 644 s/new @5",
  ]);
});

test("a directory that is there keeps what it holds, and gets the attributes", () => {
  const draft = draftOn({ d: { mode: 0o700 }, "d/old": { content } });
  draft.set("d/new", file());
  draft.setDirectory("d", directory(0o711));
  assert.deepEqual([draft.kindAt("d/old"), draft.kindAt("d/new")], ["file", "file"]);
  assert.deepEqual(listed(draft), ["directory 711 d/ @5", "file 644 d/new @5"]);
});

test("nothing is put below what is no directory", () => {
  const draft = draftOn({ f: { content }, l: { target: "f" } });
  draft.set("g", file());
  for (const path of ["f/x", "f/x/y", "l/x", "g/x"]) {
    assert.throws(() => draft.set(path, file()), {
      kind: "invalid",
      message: /^mkdir \/[flg]: not a directory$/,
    });
    assert.equal(draft.kindAt(path), undefined);
  }
});

test("hard links are listed after the file, whose name is the first", () => {
  const draft = draftOn({ f: { content }, d: {} });
  draft.set("z", file());
  draft.link("b", "z");
  draft.link("d/f", "f");
  assert.deepEqual(listed(draft), [
    "file 644 b @5",
    "directory 755 d/ @3",
    "file 755 d/f @3",
    "hardlink 755 f -> d/f @3",
    "hardlink 644 z -> b @5",
  ]);
  assert.throws(() => draft.link("x", "d"), {
    kind: "invalid",
    message: "cannot link /x to /d: it is a directory",
  });
  assert.throws(() => draft.link("x", "none"), { message: "cannot link /x to /none: there is nothing" });
});
