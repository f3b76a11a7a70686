/** A tar that is kept is refused, or becomes what it says, exactly as one that is unpacked. */
import * as fc from "fast-check";
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { hostileLayers } from "../../../test/fixtures/hostile/hostile_layers.ts";
import { escapingLayers, refusedLayers } from "../../../test/fixtures/hostile/refused_layers.ts";
import { arbitraryLayer } from "../../../test/support/arbitrary_layer.ts";
import { dir } from "../../../test/support/layer_help.ts";
import { type PackedFile, tarFile, tarOf } from "../../../test/support/tar_help.ts";
import { scratch, unlessRoot } from "../../../test/suites/scratch.ts";
import { CatalogMaker } from "./catalog_maker.ts";
import { assertAlike } from "./testing_alike.test.ts";

const skip = unlessRoot;
/** Nothing is ever to be done there: it does not exist. */
const outside = "/varve-test/outside";
const file = (path: string, body = "x", fields = {}): PackedFile => tarFile({ path, ...fields }, body);
const link = (path: string, linkPath: string): PackedFile => tarFile({ path, type: "symlink", linkPath });
const hard = (path: string, linkPath: string, fields = {}): PackedFile =>
  tarFile({ path, type: "hardlink", linkPath, ...fields });
const mark = (path: string, fields = {}): PackedFile => tarFile({ path, ...fields });
const alike = (files: readonly PackedFile[]): string | undefined =>
  assertAlike(tarOf(files, { nanoseconds: true }));

for (const [family, cases] of Object.entries(hostileLayers(outside))) {
  test(`B013 B014 hostile layers (${family}) are refused in the same words, or land alike`, { skip }, () => {
    for (const { layers } of cases) for (const { tar } of layers) assertAlike(Buffer.from(tar));
  });
}

test("B013 B014 what is refused when it is unpacked is refused when it is kept", { skip }, () => {
  for (const [title, files, message] of escapingLayers)
    assert.match(alike(files(outside)) ?? "taken", message, title);
  for (const [title, files, message] of refusedLayers)
    assert.match(alike(files)?.replace("invalid: ", "") ?? "taken", message, title);
});

const shapes = [
  ["without marks and symlinked parents", { marks: false, symlinks: false, odd: true }],
  ["with whiteouts and opaque marks", { marks: true, symlinks: false, odd: true }],
  ["with symlinked parents", { marks: false, symlinks: true, odd: true }],
] as const;

for (const [title, shape] of shapes) {
  test(`any layer ${title} is kept as it is unpacked`, { skip }, () => {
    fc.assert(
      fc.property(arbitraryLayer(shape), (files) => void alike(files)),
      { numRuns: 200 },
    );
  });
}

const odd: [title: string, files: readonly PackedFile[], refused?: RegExp][] = [
  [
    "a whiteout in an opaque directory hides nothing, not even the layer's own",
    [mark("d/.wh..wh..opq"), file("d/x/y"), mark("d/.wh.x")],
  ],
  ["the same below it", [mark(".wh..wh..opq"), file("d/x/y"), mark("d/.wh.x")]],
  [
    "a directory made where a name was hidden is opaque",
    [mark(".wh.d"), dir("d"), mark(".wh.e"), file("e/y")],
  ],
  [
    "a directory below one that was hidden is not",
    [mark(".wh.d"), file("d/x/y"), mark("d/.wh.z"), dir("d/z")],
  ],
  [
    "a link to itself under another spelling",
    [dir("d"), link("l", "d"), file("d/f"), hard("l/f", "d/f")],
    /not in this layer/,
  ],
  ["a link made twice", [dir("d"), link("l", "d"), file("d/f"), hard("d/g", "d/f"), hard("l/g", "d/f")]],
  [
    "a link to a directory, in the place of one",
    [file("e/f"), dir("d"), hard("e", "d")],
    /both as a directory/,
  ],
  ["a link through a file", [file("a"), hard("h", "a/b")], /uses "\/a" as a directory/],
  ["a link through what was hidden", [mark(".wh.w"), hard("h", "w/x")], /not in this layer/],
  [
    "links' own headers",
    [file("f", "x", { uid: 1, mode: 0o4755 }), hard("g", "f", { uid: 2, mode: 0o2711, mtime: 5 })],
  ],
  ["a link that brings no owner", [file("f"), hard("g", "f", { uid: 0xffff_ffff })], /owner 4294967295:0/],
  ["a whiteout of nobody", [mark(".wh.a", { gid: 0xffff_ffff })], /owner 0:4294967295/],
  [
    "a bad parent counts more than a bad owner",
    [file("a"), file("a/b", "", { uid: 0xffff_ffff })],
    /uses "\/a"/,
  ],
  [
    "implied directories take the set-group-id bit",
    [dir("d", { mode: 0o2755, gid: 7 }), file("d/e/f/g"), dir("d/h")],
  ],
  [
    "a directory listed again has the last header's attributes, and stays opaque",
    [
      dir("d", { xattrs: new Map([["user.a", Buffer.from("1")]]) }),
      link("l", "."),
      mark("d/.wh..wh..opq"),
      dir("l/d", { mode: 0o700, mtime: 9 }),
    ],
  ],
  [
    "a directory listed by way of a symlink in whose place a device is put",
    [link("d", ".."), dir("d/e"), tarFile({ path: "d/d", type: "char", devMajor: 1 })],
  ],
  [
    "a directory listed again goes back to root",
    [dir("d", { uid: 7, gid: 1000 }), link("l", "."), dir("l/d")],
  ],
  ["a loop of 40 symlinks", [dir("d"), link("l0", "d"), ...links(39), file("l39/x")]],
  [
    "a loop of 41 symlinks",
    [dir("d"), link("l0", "d"), ...links(40), file("l40/x")],
    /"\/l40" as a directory/,
  ],
];

function links(count: number): PackedFile[] {
  return Array.from({ length: count }, (_, index) => link(`l${index + 1}`, `l${index}`));
}

for (const [title, files, refused] of odd) {
  test(`kept as unpacked: ${title}`, { skip }, () => {
    const said = alike(files);
    if (refused === undefined) assert.equal(said, undefined);
    else assert.match(said ?? "taken", refused);
  });
}

test("capabilities go with a change of owner, and come with the header that changes it", { skip }, () => {
  const capability = new Map([
    ["security.capability", Buffer.from("0100000200040000000000000000000000000000", "hex")],
  ]);
  alike([file("f", "x", { xattrs: capability }), hard("g", "f", { uid: 5 })]);
  alike([file("f", "x", { xattrs: capability }), hard("g", "f", { uid: 5, xattrs: capability })]);
  alike([file("f", "x"), hard("g", "f", { xattrs: capability })]);
});

test("sparse files of all formats are found in the tar", { skip: skip || noTar() }, () => {
  using at = scratch("sparse");
  const path = join(at.path, "sparse");
  execFileSync("truncate", ["-s", "3M", path]);
  for (const [place, text] of [
    [4096 * 3, "first"],
    [1 << 20, "z".repeat(9000)],
    [(3 << 20) - 5, "ended"],
  ] as const)
    execFileSync("dd", [`of=${path}`, "conv=notrunc", "oflag=seek_bytes", `seek=${place}`, "status=none"], {
      input: text,
    });
  for (const format of ["0.0", "0.1", "1.0", "gnu"]) {
    const how = format === "gnu" ? ["--format=gnu"] : ["--format=posix", `--sparse-version=${format}`];
    writeFileSync(join(at.path, "after"), "after");
    const tar = execFileSync("tar", ["-cS", ...how, "-C", at.path, "sparse", "after"], {
      maxBuffer: 1 << 24,
    });
    assert.ok(tar.length < 200_000, "it is sparse");
    assert.equal(assertAlike(tar), undefined, format);
  }
  assert.equal(readFileSync(path).length, 3 << 20);
});

function noTar(): string | false {
  try {
    return execFileSync("tar", ["--version"], { encoding: "utf8" }).includes("GNU tar")
      ? false
      : "needs GNU tar";
  } catch {
    return "needs GNU tar";
  }
}

test("more entries than the limit are refused in the same words", { skip }, () => {
  const tar = tarOf([file("a"), file("b"), file("c")]);
  assert.equal(assertAlike(tar, { entries: 2 }), "limit: layer has more than 2 entries");
});

test("a layer whose names and attributes would fill the memory is refused", () => {
  const maker = new CatalogMaker(() => 0);
  const xattrs = new Map([["user.large", Buffer.alloc(1 << 20)]]);
  const fill = (): void => {
    for (let index = 0; index < 1000; index++)
      maker.create(`${index}`, file(`${index}`, "", { xattrs }).entry);
  };
  assert.throws(fill, { kind: "limit", message: /^names and attributes in the layer are over \d+ bytes$/ });
});
