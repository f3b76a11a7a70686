import assert from "node:assert/strict";
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { escapingLayers, refusedLayers } from "../../test/fixtures/hostile/refused_layers.ts";
import { applyTar, dir } from "../../test/support/layer_help.ts";
import { type PackedFile, tarFile } from "../../test/support/tar_help.ts";
import { scratch, unlessRoot } from "../../test/suites/scratch.ts";
import * as sys from "../sys/index.ts";
import { compareTrees } from "./index.ts";

const skip = unlessRoot;
const file = (path: string, body = "x", fields = {}): PackedFile => tarFile({ path, ...fields }, body);
const link = (path: string, linkPath: string): PackedFile =>
  tarFile({ path, type: "symlink", linkPath, mode: 0o777 });
const hard = (path: string, linkPath: string): PackedFile => tarFile({ path, type: "hardlink", linkPath });

/**
 * A world of which the layer is one directory: what happens to the rest of it shows.
 *
 * Every hostile path below leads into this world and never to a path of the machine: these tests run as root, and one
 * that finds a broken guard must not do to the machine what it proves that a layer cannot do.
 */
class World implements Disposable {
  readonly #outer = scratch("layer");
  /** Absolute path of the directory around the layer, with `etc/passwd` and `victim` in it. */
  readonly path = join(this.#outer.path, "world");
  readonly layer = join(this.path, "layer");

  constructor() {
    for (const side of [this.path, this.#before]) {
      mkdirSync(join(side, "etc"), { recursive: true });
      writeFileSync(join(side, "etc/passwd"), "root");
      writeFileSync(join(side, "victim"), "v");
      for (const name of ["etc/passwd", "victim", "etc"])
        utimesSync(join(side, name), 1_600_000_000, 1_600_000_000);
    }
    mkdirSync(this.layer);
  }

  get #before(): string {
    return join(this.#outer.path, "before");
  }

  /** The world's own path as a tar spells one inside the layer. */
  get inside(): string {
    return this.path.slice(1);
  }

  /** Nothing but the layer has changed. */
  check(): void {
    const differences = compareTrees(this.#before, this.path);
    assert.deepEqual(
      differences.filter((line) => !line.startsWith('"/layer"')),
      [],
    );
    assert.deepEqual(readdirSync(this.#outer.path).sort(), ["before", "world"]);
  }

  [Symbol.dispose](): void {
    this.#outer[Symbol.dispose]();
  }
}

test("B013 ../evil and /abs/evil land inside the layer", { skip }, () => {
  using at = new World();
  applyTar(at.layer, [file("../evil", "1"), file(`${at.path}/evil`, "2"), file("../../x/../y/evil", "3")]);
  assert.equal(readFileSync(join(at.layer, "evil"), "utf8"), "1");
  assert.equal(readFileSync(join(at.layer, at.inside, "evil"), "utf8"), "2");
  assert.equal(readFileSync(join(at.layer, "y/evil"), "utf8"), "3");
  at.check();
});

test("B013 symlink parents resolve inside the layer", { skip }, () => {
  using at = new World();
  const inside = `${at.inside}/etc`;
  const files = [
    dir(inside),
    dir("etc"),
    link("abs", `${at.path}/etc`),
    link("up", "../etc"),
    link("chain", "abs"),
  ];
  applyTar(at.layer, [...files, file("abs/a"), file("up/b"), file("chain/c")]);
  assert.deepEqual(readdirSync(join(at.layer, inside)).sort(), ["a", "c"]);
  assert.deepEqual(readdirSync(join(at.layer, "etc")), ["b"]);
  assert.equal(readlinkSync(join(at.layer, "up")), "../etc");
  at.check();
});

for (const [title, files, message] of escapingLayers) {
  test(`B013 refused: ${title}`, { skip }, () => {
    using at = new World();
    assert.throws(() => applyTar(at.layer, files(at.path)), { kind: "invalid", message });
    at.check();
  });
}

test("B013 opaque marks and whiteouts through symlinks stay inside, in all spellings", { skip }, () => {
  for (const style of ["overlay", "overlay-user", "aufs", "remove"] as const) {
    using at = new World();
    const files = [dir(at.inside), dir(`${at.inside}/etc`), dir("etc"), file("etc/passwd")];
    const ways = [link("abs", `${at.path}/etc`), link("up", "../etc"), link("out", "..")];
    const marks = [file("abs/.wh..wh..opq", ""), file("up/.wh..wh..opq", ""), file("out/.wh.victim", "")];
    applyTar(at.layer, [...files, ...ways, ...marks, file("abs/.wh.other", "")], { style });
    at.check();
  }
});

for (const [title, files, message] of refusedLayers) {
  test(`B014 refused: ${title}`, { skip }, () => {
    using at = new World();
    assert.throws(() => applyTar(at.layer, files), { kind: "invalid", message });
    at.check();
  });
}

test("B014 missing parents are made 0755 root; a later entry gives them its own attributes", { skip }, () => {
  using at = new World();
  applyTar(at.layer, [
    file("a/b/c", "x", { uid: 7, gid: 7 }),
    dir("a", { mode: 0o2710, uid: 5, gid: 6, mtime: 9, mtimeNs: 8 }),
  ]);
  const b = lstatSync(join(at.layer, "a/b"));
  assert.deepEqual([b.mode & 0o7777, b.uid, b.gid], [0o755, 0, 0]);
  const a = sys.statAt(sys.AT_FDCWD, join(at.layer, "a"));
  assert.deepEqual([a.mode & 0o7777, a.uid, a.gid, a.mtime, a.mtimeNs], [0o2710, 5, 6, 9, 8]);
});

test("B014 AUFS' bookkeeping is left out; hard links into it find their file", { skip }, () => {
  using at = new World();
  const files = [
    dir(".wh..wh.plnk"),
    file(".wh..wh.plnk/12.34", "shared"),
    file(".wh..wh.plnk/56.78", "alone"),
    file(".wh..wh.aufs", ""),
    file("d/.wh..wh.other", "y"),
    hard("one", ".wh..wh.plnk/12.34"),
    hard("two", ".wh..wh.plnk/12.34"),
  ];
  const { size } = applyTar(at.layer, files);
  assert.deepEqual(readdirSync(at.layer).sort(), ["one", "two"]);
  assert.equal(readFileSync(join(at.layer, "two"), "utf8"), "shared");
  assert.equal(size, 6);
});

test("B014 a directory that was whited out before comes back empty of what lay below", { skip }, () => {
  using at = new World();
  applyTar(at.layer, [
    file(".wh.d", ""),
    dir("d"),
    file("d/x"),
    file(".wh.e", ""),
    file("e/y"),
    file(".wh.f", ""),
    file("f", "new"),
  ]);
  for (const name of ["d", "e"]) {
    const value = sys.getXattrAt(sys.AT_FDCWD, join(at.layer, name), "trusted.overlay.opaque");
    assert.equal(Buffer.from(value ?? []).toString(), "y", name);
  }
  assert.equal(readFileSync(join(at.layer, "f"), "utf8"), "new");
  assert.deepEqual(readdirSync(at.layer).sort(), ["d", "e", "f"]);
});

test("overlayfs' own attributes do not come out of a tar", { skip }, () => {
  using at = new World();
  const value = Buffer.from("y");
  const xattrs = new Map(
    ["trusted.overlay.opaque", "trusted.overlay.redirect", "user.overlay.opaque", "user.kept"].map((name) => [
      name,
      value,
    ]),
  );
  applyTar(at.layer, [dir("d", { xattrs }), file("f", "x", { xattrs })]);
  for (const name of ["d", "f"]) {
    assert.deepEqual(sys.listXattrAt(sys.AT_FDCWD, join(at.layer, name)), ["user.kept"], name);
  }
});

test("two spellings of one place replace each other, and the size knows", { skip }, () => {
  using at = new World();
  const { size } = applyTar(at.layer, [
    dir("real"),
    link("l", "real"),
    file("real/f", "first one"),
    file("l/f", "2"),
  ]);
  assert.equal(readFileSync(join(at.layer, "real/f"), "utf8"), "2");
  assert.equal(size, 4 + 1);
});

test("more entries than the limit are refused", { skip }, () => {
  using at = new World();
  const files = [file("a"), file("b"), file("c")];
  assert.throws(() => applyTar(at.layer, files, { limits: { entries: 2 } }), {
    kind: "limit",
    message: /more than 2 entries/,
  });
  assert.equal(existsSync(join(at.layer, "c")), false);
});

test("a symlink in the place of a directory entry is replaced, not followed", { skip }, () => {
  using at = new World();
  mkdirSync(join(at.layer, "lib"));
  symlinkSync("../etc", join(at.layer, "etc"));
  linkSync(join(at.path, "victim"), join(at.layer, "victim"));
  applyTar(
    at.layer,
    [dir("etc", { mode: 0o700, uid: 3 }), file("etc/passwd", "mine"), file("victim", "mine too")],
    { style: "remove" },
  );
  assert.equal(lstatSync(join(at.layer, "etc")).isDirectory(), true);
  assert.equal(readFileSync(join(at.layer, "victim"), "utf8"), "mine too");
  at.check();
});
