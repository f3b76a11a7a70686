import assert from "node:assert/strict";
import * as fs from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { scratch, unlessLinux, unlessRoot } from "../../test/suites/scratch.ts";
import { memoryBranch, type Tree, writeBranch } from "../../test/suites/union_trees.ts";
import { DirectoryBranch, MemoryBranch, ReadView, UnionView, type Branch, type Spelling } from "./index.ts";

/** Paths of the view, each with its content or kind. */
function shown(view: ReadView): string[] {
  return [...view.walk()].map(({ path, stat }) =>
    stat.kind === "file" ? `${path}=${Buffer.from(view.read(path)).toString()}` : `${path} ${stat.kind}`,
  );
}

function spelled(spelling: Spelling, tree: Tree): Branch {
  const branch = new MemoryBranch({ spelling });
  const made = memoryBranch(tree);
  const copy = (path: string): void => {
    for (const { name } of made.list(path)) {
      const child = path === "" ? name : `${path}/${name}`;
      const stat = made.stat(child);
      if (stat === undefined) continue;
      const content = stat.kind === "file" ? { content: made.read(child, 0, Infinity) } : {};
      branch.create(child, { ...stat, ...content, xattrs: made.xattrs(child) });
      if (stat.kind === "directory") copy(child);
    }
  };
  copy("");
  return branch;
}

const bottom: Tree = { d: {}, "d/a": "1", "d/b": "1", e: {}, "e/x": "1", f: "1" };
/** Hides `d/a`, all of `e`, and `f`, in every spelling. */
const hiding: Record<Exclude<Spelling, "none">, Tree> = {
  overlay: {
    d: {},
    "d/a": { whiteout: true },
    e: { xattrs: { "trusted.overlay.opaque": "y" } },
    "e/y": "2",
    f: { whiteout: true },
  },
  "overlay-user": {
    d: {},
    "d/a": { whiteout: true },
    e: { xattrs: { "user.overlay.opaque": "y" } },
    "e/y": "2",
    f: { whiteout: true },
  },
  files: { d: {}, "d/.wh.a": "", e: {}, "e/y": "2", "e/.wh..wh..opq": "", ".wh.f": "", ".wh..wh.plnk": {} },
};

for (const [spelling, tree] of Object.entries(hiding)) {
  test(`B043 a branch spelled as ${spelling} is read under any dialect`, () => {
    for (const dialect of ["aufs", "overlay2"] as const) {
      const lowers = [spelled(spelling as Spelling, tree), spelled("none", bottom)];
      assert.deepEqual(shown(new ReadView({ dialect, lowers })), [
        "d directory",
        "d/b=1",
        "e directory",
        "e/y=2",
      ]);
    }
  });
}

test("B014 a whiteout beside the name that it hides, as a tar may have, hides lower branches only", () => {
  const lowers = [
    spelled("files", { d: {}, "d/.wh.x": "", "d/x": {}, "d/x/new": "2", ".wh.f": "", f: "2" }),
    spelled("none", { d: {}, "d/x": {}, "d/x/old": "1", f: "1" }),
  ];
  const view = new ReadView({ dialect: "overlay2", lowers });
  assert.deepEqual(shown(view), ["d directory", "d/x directory", "d/x/new=2", "f=2"]);
});

test("whiteouts as attributes of empty files, which nested overlays make, are known in marked directories", () => {
  const mark = { content: "", xattrs: { "trusted.overlay.whiteout": "" } };
  const lowers = [
    memoryBranch({ d: { xattrs: { "trusted.overlay.opaque": "x" } }, "d/a": mark, e: {}, "e/a": mark }),
    memoryBranch({ d: {}, "d/a": "1", "d/b": "1", e: {}, "e/a": "1" }),
  ];
  assert.deepEqual(shown(new ReadView({ dialect: "overlay2", lowers })), [
    "d directory",
    "d/b=1",
    "e directory",
    "e/a=",
  ]);
});

test("a metacopy whose content is nowhere is a damaged layer", () => {
  const lowers = [memoryBranch({ f: { content: "", xattrs: { "trusted.overlay.metacopy": "" } } })];
  assert.throws(() => new ReadView({ dialect: "overlay2", lowers }).read("f"), {
    kind: "corrupt",
    message: 'the content of "f", a copy of attributes only, is in no layer below',
  });
});

test("each path tells its layers and where its content is", () => {
  const metacopy = { content: "1234", xattrs: { "trusted.overlay.metacopy": "" } };
  const lowers = [
    memoryBranch({ d: {}, "d/m": metacopy }),
    memoryBranch({ d: {}, "d/m": "data", "d/x": "" }),
  ];
  const view = new UnionView({ dialect: "overlay2", lowers, upper: new MemoryBranch() });
  view.open("d/new", { write: true, create: true });
  const origins = [...view.walk()].map(({ path, layers, content }) => [path, layers, content]);
  assert.deepEqual(origins, [
    ["d", ["upper", 0, 1], undefined],
    ["d/m", [0], 1],
    ["d/new", ["upper"], "upper"],
    ["d/x", [1], 1],
  ]);
  assert.equal(view.lookup("d/none/deeper"), undefined);
  assert.equal(view.lookup("d/x/deeper"), undefined);
});

test("paths are walked as in a chroot", () => {
  const lowers = [
    memoryBranch({
      a: {},
      "a/b": {},
      "a/b/f": "inside",
      "a/up": { symlink: "../../../../a/b" },
      abs: { symlink: "/a//./b/" },
      dead: { symlink: "nowhere/x" },
      loop: { symlink: "loop2" },
      loop2: { symlink: "loop" },
      chain0: { symlink: "a/b/f" },
      ...Object.fromEntries(
        Array.from({ length: 40 }, (_, i) => [`chain${i + 1}`, { symlink: `chain${i}` }]),
      ),
    }),
  ];
  const view = new ReadView({ dialect: "overlay2", lowers });
  for (const path of ["/a/b/f", "a/up/f", "/abs/f", "../../a/../a/b/./f", "abs/../b/f", "chain39"]) {
    assert.equal(Buffer.from(view.read(path)).toString(), "inside", path);
  }
  assert.equal(view.lookup("abs/..", { follow: true })?.path, "a");
  assert.equal(view.lookup("..")?.stat.kind, "directory");
  assert.throws(() => view.read("loop"), { code: "ELOOP", kind: "invalid" });
  assert.throws(() => view.read("chain40"), { code: "ELOOP" });
  assert.throws(() => view.read("dead"), { code: "ENOENT", kind: "not-found" });
  assert.throws(() => view.read("a/b/f/x"), { code: "ENOTDIR" });
  assert.throws(() => view.readLink("a"), { code: "EINVAL" });
  assert.equal(view.readLink("a/up"), "../../../../a/b");
  assert.equal(view.stat("abs", { follow: false }).kind, "symlink");
});

test("parts of a file", () => {
  const view = new ReadView({ dialect: "overlay2", lowers: [memoryBranch({ f: "0123456789" })] });
  const read = (...range: number[]): string => Buffer.from(view.read("f", ...range)).toString();
  assert.deepEqual(
    [read(), read(7), read(2, 3), read(9, 5), read(20)],
    ["0123456789", "789", "234", "9", ""],
  );
});

test("options that do not fit together", () => {
  const [one, two] = [new MemoryBranch(), new MemoryBranch()];
  const wrong: [ConstructorParameters<typeof ReadView>[0], RegExp][] = [
    [{ dialect: "overlay2", lowers: [] }, /a union needs a branch/],
    [{ dialect: "overlay", lowers: [one, two] }, /mounts one lower branch, not 2/],
    [{ dialect: "aufs", lowers: [one], redirectDir: true }, /AUFS has no redirects/],
    [{ dialect: "aufs", lowers: [one], metacopy: true }, /no metacopies/],
  ];
  for (const [options, message] of wrong) {
    assert.throws(() => new ReadView(options), { kind: "invalid", message });
  }
});

test("a directory of this machine is a branch that nothing leads out of", { skip: unlessLinux }, () => {
  using dir = scratch("branch");
  const outside = join(dir.path, "outside");
  fs.mkdirSync(join(outside, "d"), { recursive: true });
  fs.writeFileSync(join(outside, "d/f"), "secret");
  fs.mkdirSync(join(dir.path, "root/in"), { recursive: true });
  fs.symlinkSync(outside, join(dir.path, "root/out"));
  fs.writeFileSync(join(dir.path, "root/in/f"), "0123456789");
  using branch = new DirectoryBranch(join(dir.path, "root"));
  assert.equal(branch.stat("out/d"), undefined);
  assert.equal(branch.stat("in/f/x"), undefined);
  assert.equal(branch.stat("out")?.kind, "symlink");
  assert.equal(branch.stat("../outside"), undefined);
  assert.throws(() => branch.read("out/d/f", 0, 10), { code: "ELOOP" });
  assert.throws(() => branch.list("out/d"), { code: "ELOOP" });
  assert.throws(() => branch.readLink("out/d"), { kind: "not-found" });
  assert.equal(Buffer.from(branch.read("in/f", 8, 10)).toString(), "89");
  const view = new ReadView({ dialect: "overlay2", lowers: [branch] });
  assert.throws(() => view.read("out/d/f"), { code: "ENOENT" });
});

test("B043 a change directory of overlayfs is read as it lies on disk", { skip: unlessRoot }, () => {
  using dir = scratch("branch");
  writeBranch(memoryBranch(hiding.overlay), join(dir.path, "upper"));
  writeBranch(memoryBranch(bottom), join(dir.path, "lower"));
  using upper = new DirectoryBranch(join(dir.path, "upper"));
  using lower = new DirectoryBranch(join(dir.path, "lower"));
  const view = new ReadView({ dialect: "overlay2", lowers: [upper, lower] });
  assert.deepEqual(shown(view), ["d directory", "d/b=1", "e directory", "e/y=2"]);
  assert.deepEqual([...view.xattrs("e")], []);
});
