import * as fc from "fast-check";
import assert from "node:assert/strict";
import { test } from "node:test";
import { arbitraryLayer } from "../../../test/support/arbitrary_layer.ts";
import { type PackedFile, tarFile, tarOf } from "../../../test/support/tar_help.ts";
import type { ByteString } from "../../byte_string.ts";
import { decodeCatalog, encodeCatalog } from "./catalog_file.ts";
import { type CatalogNode, newNode } from "./catalog_node.ts";
import { acceptable, catalogOf, walkCatalog } from "./testing_catalogs.test.ts";

const name = fc
  .uint8Array({ minLength: 1, maxLength: 12 })
  .map((bytes) => Buffer.from(bytes).toString("latin1").replace(/[/\0]/g, "\xff"));
const nat = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const common = fc.record({
  mode: fc.nat(0o7777),
  uid: fc.nat(0xffff_fffe),
  gid: fc.nat(0xffff_fffe),
  mtime: fc.integer({ min: -(2 ** 40), max: 2 ** 40 }),
  mtimeNs: fc.nat(999_999_999),
  xattrs: fc.option(
    fc
      .array(fc.tuple(name, fc.uint8Array({ maxLength: 20 })), { minLength: 1, maxLength: 3 })
      .map((list) => new Map(list)),
    { nil: undefined },
  ),
});
const extents = fc.array(
  fc.tuple(nat, nat, nat).map(([at, length, offset]) => ({ at, length, offset })),
  { maxLength: 3 },
);

function leaf(kind: CatalogNode["kind"], fields: object = {}): fc.Arbitrary<CatalogNode> {
  return fc.tuple(common, fc.record(fields)).map(([own, more]) => Object.assign(newNode(kind), own, more));
}

const leaves = fc.oneof(
  leaf("file", { size: nat, extents }),
  leaf("symlink", { target: name }),
  leaf("char", { rdevMajor: fc.nat(0xfff), rdevMinor: fc.nat(0xfffff) }),
  leaf("block", { rdevMajor: fc.nat(0xfff), rdevMinor: fc.nat(0xfffff) }),
  leaf("fifo"),
  leaf("socket"),
  leaf("whiteout"),
);
const { tree } = fc.letrec<{ tree: CatalogNode }>((tie) => ({
  tree: fc
    .tuple(
      leaf("directory", { opaque: fc.boolean(), implied: fc.boolean() }),
      fc.array(fc.tuple(name, fc.oneof({ depthSize: "small" }, leaves, tie("tree"))), { maxLength: 5 }),
      fc.boolean(),
    )
    .map(([directory, children, linked]) => {
      for (const [key, child] of children) directory.entries?.set(key, child);
      const first = [...(directory.entries?.values() ?? [])].find(({ kind }) => kind === "file");
      if (linked && first !== undefined) {
        directory.entries?.set("\x01second name", first);
        first.nlink++;
      }
      return directory;
    }),
}));

/** All that a catalog says; the root has no attributes of its own. */
function said(root: CatalogNode): unknown[] {
  const known = new Map<CatalogNode, ByteString>();
  const nodes = [...walkCatalog(root)].map(([path, node]) => {
    const { entries, opaque, xattrs = new Map<ByteString, Uint8Array>(), ...rest } = node;
    if (!known.has(node)) known.set(node, path);
    const values = [...xattrs].map(([key, value]) => [key, Buffer.from(value).toString("hex")]);
    return [path, entries !== undefined && { opaque }, known.get(node), values, rest];
  });
  return [root.opaque, root.implied, ...nodes];
}

test("what is written is read again: any bytes in names, links, flags, numbers", () => {
  fc.assert(
    fc.property(tree, (root) => {
      const bytes = encodeCatalog(root);
      const again = decodeCatalog(bytes, "the test");
      assert.deepEqual(said(again), said(root));
      assert.ok(encodeCatalog(again).equals(bytes));
    }),
    { numRuns: 200 },
  );
});

test("the catalogs of tars, too", () => {
  const shape = { marks: true, symlinks: true, odd: true };
  fc.assert(
    fc.property(arbitraryLayer(shape), (files) => {
      const { root } = catalogOf(tarOf(acceptable(files)));
      assert.deepEqual(said(decodeCatalog(encodeCatalog(root), "the test")), said(root));
    }),
    { numRuns: 100 },
  );
});

const some: readonly PackedFile[] = [
  tarFile({ path: "d/f\xff", xattrs: new Map([["user.a", Buffer.from([0, 255])]]) }, "content"),
  tarFile({ path: "d/.wh.gone" }),
  tarFile({ path: "h", type: "hardlink", linkPath: "d/f\xff" }),
];

test("no byte can be changed, left out or added unnoticed", () => {
  const bytes = encodeCatalog(catalogOf(tarOf(some)).root);
  const damaged = { kind: "corrupt", message: "cannot read the catalog of layer x: it is damaged" };
  const refused = (copy: Buffer): void => assert.throws(() => decodeCatalog(copy, "layer x"), damaged);
  for (let at = 0; at < bytes.length; at++) {
    for (const bit of [1, 0x20, 0x80]) {
      const copy = Buffer.from(bytes);
      copy[at]! ^= bit;
      refused(copy);
    }
    refused(bytes.subarray(0, at));
  }
  refused(Buffer.concat([bytes, Buffer.from("\n")]));
});

test("directories nested deeper than any stack are written, read and walked", () => {
  const root = newNode("directory");
  let at = root;
  for (let depth = 0; depth < 50_000; depth++) {
    const below = newNode("directory");
    at.entries?.set("d", below);
    at = below;
  }
  const bytes = encodeCatalog(root);
  assert.ok(encodeCatalog(decodeCatalog(bytes, "the test")).equals(bytes));
});
