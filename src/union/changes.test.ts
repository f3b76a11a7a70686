/** What the table in test/suites/union_suite.ts does not say: inodes, open files, marks of other prefixes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { memoryBranch, opaque } from "../../test/suites/union_trees.ts";
import { countInodes, hardLinkLayers, MemoryBranch, UnionView, walkBranch } from "./index.ts";

const bytes = (text: string): Uint8Array => Buffer.from(text);
const read = (view: UnionView, path: string): string => Buffer.from(view.read(path)).toString();

test("B028 copy-up happens once: later writes change the upper file in place", () => {
  const upper = new MemoryBranch();
  const view = new UnionView({ dialect: "overlay2", lowers: [memoryBranch({ f: "1" })], upper });
  view.write("f", bytes("2"));
  const first = upper.stat("f")?.ino;
  view.write("f", bytes("3"), 1);
  view.truncate("f", 5);
  assert.equal(upper.stat("f")?.ino, first);
  assert.equal(read(view, "f"), "23\0\0\0");
});

test("B050 a file opened for reading before the copy-up reads the new bytes", () => {
  const lower = memoryBranch({ f: "old" });
  const view = new UnionView({ dialect: "overlay2", lowers: [lower], upper: new MemoryBranch() });
  const open = view.open("f", {});
  view.write("f", bytes("new"));
  assert.equal(Buffer.from(open.read()).toString(), "new");
  assert.equal(Buffer.from(lower.read("f", 0, 9)).toString(), "old");
  assert.throws(() => open.write(bytes("x")), { code: "EBADF" });
  view.unlink("f");
  assert.throws(() => open.read(), { code: "ENOENT" });
});

test("writing appends, replaces and leaves holes", () => {
  const view = new UnionView({ dialect: "overlay2", lowers: [memoryBranch({})], upper: new MemoryBranch() });
  const file = view.open("f", { write: true, create: true, exclusive: true }, 0o640);
  file.write(bytes("abc"));
  file.write(bytes("X"), 1);
  file.write(bytes("z"), 5);
  const log = view.open("f", { append: true });
  log.write(bytes("1"));
  log.write(bytes("2"));
  assert.equal(read(view, "f"), "aXc\0\0z12");
  assert.equal(view.stat("f").mode, 0o640);
});

test("a shrunk file that grows again has zeros, not its old bytes", () => {
  const view = new UnionView({
    dialect: "overlay2",
    lowers: [memoryBranch({ f: "secret" })],
    upper: new MemoryBranch(),
  });
  view.truncate("f", 2);
  view.truncate("f", 4);
  view.write("f", bytes("!"), 5);
  assert.equal(read(view, "f"), "se\0\0\0!");
});

test("capabilities of a file go when it is written to or changes hands, as in Linux", () => {
  const lower = memoryBranch({
    f: { content: "x", xattrs: { "security.capability": "cap", "user.a": "1" } },
  });
  for (const act of [
    (view: UnionView) => view.write("f", bytes("y")),
    (view: UnionView) => view.truncate("f", 0),
    (view: UnionView) => view.chown("f", 1, 1),
  ]) {
    const view = new UnionView({ dialect: "overlay2", lowers: [lower], upper: new MemoryBranch() });
    view.chmod("f", 0o755);
    assert.deepEqual([...view.xattrs("f").keys()], ["security.capability", "user.a"]);
    act(view);
    assert.deepEqual([...view.xattrs("f").keys()], ["user.a"]);
  }
});

test("an ordinary user's mount keeps its marks under user.overlay", () => {
  const upper = new MemoryBranch();
  const lowers = [memoryBranch({ d: {}, "d/x": "1", e: { xattrs: opaque } })];
  const view = new UnionView({ dialect: "overlay2", lowers, upper, userXattr: true, redirectDir: true });
  view.rename("d", "moved");
  view.rmdir("e");
  view.mkdir("e");
  const marks = (path: string): string[] =>
    [...upper.xattrs(path)].map(([name, value]) => `${name}=${Buffer.from(value).toString()}`);
  assert.deepEqual(marks("moved"), ["user.overlay.redirect=d"]);
  assert.deepEqual(marks("e"), ["user.overlay.opaque=y"]);
  assert.equal(read(view, "moved/x"), "1");
});

test("an overlay inside keeps its own marks apart from those of the union", () => {
  const upper = new MemoryBranch();
  const view = new UnionView({ dialect: "overlay2", lowers: [memoryBranch({ d: {}, "d/x": "1" })], upper });
  view.setXattr("d", "trusted.overlay.opaque", bytes("y"));
  assert.deepEqual([...upper.xattrs("d").keys()], ["trusted.overlay.overlay.opaque"]);
  assert.deepEqual([...view.xattrs("d").keys()], ["trusted.overlay.opaque"]);
  assert.equal(read(view, "d/x"), "1");
  view.removeXattr("d", "trusted.overlay.opaque");
  assert.deepEqual([...view.xattrs("d").keys()], []);
});

test("the root cannot be removed or renamed", () => {
  const view = new UnionView({
    dialect: "aufs",
    lowers: [memoryBranch({ d: {} })],
    upper: new MemoryBranch(),
  });
  assert.throws(() => view.rmdir("/"), { code: "EBUSY", kind: "conflict" });
  assert.throws(() => view.rename("/", "x"), { code: "EBUSY" });
  assert.throws(() => view.rename("d", "/"), { code: "EBUSY" });
  assert.throws(() => view.mkdir("/"), { code: "EEXIST" });
  assert.throws(() => view.unlink("/"), { code: "EISDIR" });
});

test("FIFOs and devices have no content to write", () => {
  const upper = new MemoryBranch();
  const view = new UnionView({ dialect: "overlay2", lowers: [memoryBranch({ p: { fifo: true } })], upper });
  assert.throws(() => view.write("p", bytes("x")), { code: "EINVAL" });
  assert.throws(() => view.truncate("p", 0), { code: "EINVAL" });
  assert.throws(() => view.read("p"), { code: "EINVAL" });
  assert.deepEqual(upper.list(""), []);
  view.mknod("null", "char", { rdevMajor: 1, rdevMinor: 3, mode: 0o666 });
  assert.deepEqual([view.stat("null").rdevMajor, view.stat("null").rdevMinor], [1, 3]);
});

test("B018 the old overlay driver stores no byte twice, but needs inodes for every layer; overlay2 does not", () => {
  const base = Object.fromEntries(
    Array.from({ length: 20 }, (_, i) => [
      [`d${i}`, {}],
      [`d${i}/f`, "content"],
      [`d${i}/l`, { symlink: "f" }],
    ]).flat() as [string, string | object][],
  );
  const change = (name: string): MemoryBranch => memoryBranch({ [name]: "new", d0: {}, "d0/f": "changed" });
  const layers = [change("c"), change("b"), change("a"), memoryBranch(base)];
  // A root, 20 directories, 20 files, 20 symlinks; then three times a root, two files and a directory.
  assert.equal(countInodes(layers), 61 + 3 * 4);
  const trees = hardLinkLayers(layers);
  // Each layer again has its root, all directories and all symlinks; only files are shared.
  assert.equal(countInodes(trees), 61 + 3 * (41 + 2));
  const stacked = new UnionView({ dialect: "overlay2", lowers: layers });
  const flat = new UnionView({ dialect: "overlay", lowers: trees.slice(0, 1) });
  const contents = (view: UnionView): string[] =>
    [...view.walk()].map(
      ({ path, stat }) => `${path} ${stat.kind === "file" ? read(view, path) : stat.kind}`,
    );
  assert.deepEqual(contents(flat), contents(stacked));
  const own = [...walkBranch(trees[0] as MemoryBranch)].filter(
    ([, { kind, nlink }]) => kind === "file" && nlink === 1,
  );
  assert.deepEqual(
    own.map(([path]) => path),
    ["c", "d0/f"],
  );
});
