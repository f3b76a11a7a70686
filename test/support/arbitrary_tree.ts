/** Arbitrary directory trees for property tests; making them needs root. */
import { Buffer } from "node:buffer";
import * as fc from "fast-check";
import type { ByteString } from "../../src/byte_string.ts";
import * as sys from "../../src/sys/index.ts";

interface Attributes {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: number;
  readonly xattrs: readonly (readonly [ByteString, Uint8Array])[];
}

export type TreeNode = Attributes &
  (
    | { readonly kind: "file"; readonly content: Uint8Array }
    | {
        readonly kind: "directory";
        readonly opaque: boolean;
        readonly children: readonly (readonly [ByteString, TreeNode])[];
      }
    | { readonly kind: "symlink"; readonly target: ByteString }
    | { readonly kind: "node"; readonly type: number; readonly major: number; readonly minor: number }
    | { readonly kind: "whiteout" }
    /** Another name for the file made this many files before. */
    | { readonly kind: "link"; readonly back: number }
  );

const byte = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(..."ab.-_ ") },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 255 }).map((code) => String.fromCharCode(code)) },
);
const name = fc
  .oneof(
    { weight: 8, arbitrary: fc.string({ unit: byte, minLength: 1, maxLength: 6 }) },
    { weight: 1, arbitrary: fc.string({ unit: byte, minLength: 95, maxLength: 255 }) },
  )
  .map((text) => text.replaceAll("/", "_"))
  .filter((text) => text !== "." && text !== ".." && !text.startsWith(".wh."));

const id = fc.oneof(
  fc.constant(0),
  fc.integer({ min: 0, max: 70_000 }),
  fc.constantFrom(3_000_000, 0xffff_fffe),
);
const attributes = fc.record({
  mode: fc.oneof(
    fc.constantFrom(0o644, 0o755, 0o4755, 0o2755, 0o1777, 0),
    fc.integer({ min: 0, max: 0o7777 }),
  ),
  uid: id,
  gid: id,
  mtime: fc.integer({ min: 0, max: 4_000_000_000 }),
  xattrs: fc.uniqueArray(
    fc.tuple(fc.constantFrom("user.a", "user.b=c", "user.\u00e9"), fc.uint8Array({ maxLength: 20 })),
    {
      selector: ([key]) => key,
      maxLength: 2,
    },
  ),
});

const content = fc.oneof(
  fc.uint8Array({ maxLength: 30 }),
  fc.integer({ min: 500, max: 300_000 }).map((length) => new Uint8Array(length).fill(length % 251)),
);
const bare = (type: number): object => ({
  kind: fc.constant("node"),
  type: fc.constant(type),
  major: fc.constant(0),
  minor: fc.constant(0),
});
const device = (type: number): object => ({
  kind: fc.constant("node"),
  type: fc.constant(type),
  major: fc.integer({ min: 1, max: 4095 }),
  minor: fc.integer({ min: 0, max: 0xf_ffff }),
});

function node(depth: number, marks: boolean): fc.Arbitrary<TreeNode> {
  const leaf = (fields: object): fc.Arbitrary<TreeNode> =>
    fc
      .tuple(attributes, fc.record(fields as Record<string, fc.Arbitrary<unknown>>))
      .map(([a, b]) => ({ ...a, ...b }) as unknown as TreeNode);
  const leaves: fc.WeightedArbitrary<TreeNode>[] = [
    { weight: 5, arbitrary: leaf({ kind: fc.constant("file"), content }) },
    {
      weight: 2,
      arbitrary: leaf({
        kind: fc.constant("symlink"),
        target: fc.string({ unit: byte, minLength: 1, maxLength: 130 }),
      }),
    },
    { weight: 2, arbitrary: leaf({ kind: fc.constant("link"), back: fc.nat({ max: 5 }) }) },
    { weight: 1, arbitrary: leaf(bare(sys.S_IFIFO)) },
    { weight: 1, arbitrary: leaf(device(sys.S_IFCHR)) },
    { weight: 1, arbitrary: leaf(device(sys.S_IFBLK)) },
  ];
  if (marks) leaves.push({ weight: 2, arbitrary: leaf({ kind: fc.constant("whiteout") }) });
  if (depth === 0) return fc.oneof(...leaves);
  const opaque = marks ? fc.boolean() : fc.constant(false);
  const directory = leaf({ kind: fc.constant("directory"), opaque, children: children(depth - 1, marks) });
  return fc.oneof(...leaves, { weight: 5, arbitrary: directory });
}

function children(depth: number, marks: boolean): fc.Arbitrary<[ByteString, TreeNode][]> {
  return fc.uniqueArray(fc.tuple(name, node(depth, marks)), { selector: ([key]) => key, maxLength: 5 });
}

/** A tree of up to four levels. @param marks with whiteouts and opaque directories */
export function arbitraryTree(marks: boolean): fc.Arbitrary<[ByteString, TreeNode][]> {
  return children(3, marks);
}

/** Makes the tree in an existing directory, whiteouts as overlayfs spells them; times are whole seconds. */
export function makeTree(path: string, tree: readonly (readonly [ByteString, TreeNode])[]): void {
  const fd = sys.openAt(sys.AT_FDCWD, path, sys.O_RDONLY | sys.O_DIRECTORY);
  try {
    fill(fd, tree, [], false);
  } finally {
    sys.close(fd);
  }
}

/** @param made directories and names of the files so far; @param opaque a whiteout would be pointless here */
function fill(
  fd: number,
  tree: readonly (readonly [ByteString, TreeNode])[],
  made: [number, ByteString][],
  opaque: boolean,
): void {
  for (const [key, child] of tree) {
    switch (child.kind) {
      case "file": {
        const file = sys.openAt(fd, key, sys.O_CREAT | sys.O_EXCL | sys.O_WRONLY, 0o600);
        sys.write(file, child.content);
        sys.close(file);
        made.push([fd, key]);
        break;
      }
      case "directory":
        sys.mkdirAt(fd, key, 0o700);
        fillBelow(fd, key, child, opaque || child.opaque);
        break;
      case "symlink":
        // Nowhere in particular: whatever follows one by mistake must not reach the machine.
        sys.symlinkAt(child.target.replaceAll("/", "_"), fd, key);
        break;
      case "node":
        sys.mknodAt(fd, key, child.type | 0o600, child.major, child.minor);
        break;
      case "whiteout":
        if (opaque) continue;
        sys.mknodAt(fd, key, sys.S_IFCHR);
        sys.utimensAt(fd, key, { mtime: child.mtime, mtimeNs: 0 });
        continue;
      case "link": {
        const from = made.at(-1 - child.back);
        if (from !== undefined) sys.linkAt(...from, fd, key);
        continue;
      }
    }
    setAttributes(fd, key, child);
  }
}

function fillBelow(
  fd: number,
  key: ByteString,
  child: TreeNode & { kind: "directory" },
  opaque: boolean,
): void {
  const below = sys.openAt(fd, key, sys.O_RDONLY | sys.O_DIRECTORY);
  // Links only lead to files of the same directory: descriptors of others are closed by then.
  fill(below, child.children, [], opaque);
  if (child.opaque) sys.setXattr(below, "trusted.overlay.opaque", Buffer.from("y"));
  sys.close(below);
}

function setAttributes(fd: number, key: ByteString, { kind, mode, uid, gid, mtime, xattrs }: TreeNode): void {
  sys.chownAt(fd, key, uid, gid);
  if (kind !== "symlink") sys.chmodAt(fd, key, mode);
  if (kind === "file" || kind === "directory") {
    for (const [attribute, value] of xattrs) sys.setXattrAt(fd, key, attribute, value);
  }
  sys.utimensAt(fd, key, { mtime, mtimeNs: 0 });
}
