/**
 * A layer's tree in a file: `varve catalog 1 <sha256 of the rest>` LF, then JSON: one row a name, a directory before
 * what is in it. It can be made again from the layer's tar at any time.
 *
 *     [directory, name, kind, mode, uid, gid, mtime, mtimeNs, special, xattrs?]
 *
 * `directory` counts rows from 1, 0 is the root. `special` is a file's `[size, at, length, offset, ...]`, a symlink's
 * target, a device's `[major, minor]`, flags of a directory; a row of kind `l` is `[directory, name, "l", row]`, one
 * more name of what stands in that row. Byte strings are written a byte a character, so the file is latin1.
 */
import type { ByteString } from "../../byte_string.ts";
import { Failure } from "../../errors.ts";
import { digestOf, hexOf } from "../../oci/index.ts";
import { type CatalogNode, impliedDirectory, newNode } from "./catalog_node.ts";

const title = "varve catalog 1";

type Special = ByteString | number | number[];
type Row = [
  directory: number,
  name: ByteString,
  kind: string,
  mode: number,
  uid: number,
  gid: number,
  mtime: number,
  mtimeNs: number,
  special: Special,
  xattrs?: [ByteString, string][],
];
type LinkRow = [directory: number, name: ByteString, kind: "l", row: number];

const letters = {
  file: "f",
  directory: "d",
  symlink: "s",
  char: "c",
  block: "b",
  fifo: "p",
  socket: "k",
  whiteout: "w",
} as const satisfies Record<CatalogNode["kind"], string>;
const kinds = new Map<string, CatalogNode["kind"]>(
  Object.entries(letters).map(([kind, letter]) => [letter, kind as CatalogNode["kind"]]),
);

/** Directory flags. */
const opaque = 1;
const implied = 2;

/** Rows that are written, and bytes that are read, at once: no text is ever as large as the file. */
const rowsAtOnce = 10_000;
const bytesAtOnce = 1 << 20;

/** The file's bytes. The same tree gives the same bytes. */
export function encodeCatalog(root: CatalogNode): Buffer {
  const chunks: Buffer[] = [];
  let rows: string[] = [];
  const flush = (end: string): void => {
    chunks.push(Buffer.from((chunks.length === 0 ? "[" : "") + rows.join(",\n") + end, "latin1"));
    rows = [];
  };
  rows.push(JSON.stringify(flagsOf(root)));
  let own = 0;
  const seen = new Map<CatalogNode, number>();
  // A list that grows, and no recursion: a hostile tar can nest deeper than the stack.
  const directories: [directory: CatalogNode, row: number][] = [[root, 0]];
  for (const [directory, number] of directories) {
    for (const [name, node] of directory.entries ?? []) {
      if (rows.length === rowsAtOnce) flush(",\n");
      const first = node.nlink > 1 ? seen.get(node) : undefined;
      rows.push(JSON.stringify(first === undefined ? rowOf(number, name, node) : [number, name, "l", first]));
      own++;
      if (node.nlink > 1 && first === undefined) seen.set(node, own);
      if (node.entries !== undefined) directories.push([node, own]);
    }
  }
  flush("]\n");
  const body = Buffer.concat(chunks);
  return Buffer.concat([Buffer.from(`${title} ${hexOf(digestOf(body))}\n`), body]);
}

function rowOf(directory: number, name: ByteString, node: CatalogNode): Row {
  const { mode, uid, gid, mtime, mtimeNs, xattrs } = node;
  const row: Row = [directory, name, letters[node.kind], mode, uid, gid, mtime, mtimeNs, specialOf(node)];
  if (xattrs !== undefined && xattrs.size > 0)
    row[9] = [...xattrs].map(([key, value]) => [key, Buffer.from(value).toString("base64")]);
  return row;
}

function specialOf(node: CatalogNode): Special {
  switch (node.kind) {
    case "file":
      return [node.size, ...node.extents.flatMap(({ at, length, offset }) => [at, length, offset])];
    case "symlink":
      return node.target;
    case "char":
    case "block":
      return [node.rdevMajor, node.rdevMinor];
    case "directory":
      return flagsOf(node);
    case "fifo":
    case "socket":
    case "whiteout":
      return 0;
  }
}

function flagsOf(node: CatalogNode): number {
  return (node.opaque ? opaque : 0) | (node.implied ? implied : 0);
}

/** Reads {@link encodeCatalog}'s bytes. @throws Failure("corrupt") if a byte is not as it was written */
export function decodeCatalog(bytes: Buffer, what: string): CatalogNode {
  const end = bytes.indexOf(10);
  const head = bytes.toString("latin1", 0, Math.max(0, end));
  const body = bytes.subarray(end + 1);
  if (head !== `${title} ${hexOf(digestOf(body))}`)
    throw new Failure("corrupt", `cannot read the catalog of ${what}: it is damaged`);
  const root = impliedDirectory();
  const nodes: CatalogNode[] = [root];
  for (const row of rowsOf(body)) {
    if (typeof row === "number") {
      setFlags(root, row);
      continue;
    }
    const node = isLink(row) ? linked(nodes[row[3]] as CatalogNode) : nodeOf(row);
    nodes.push(node);
    nodes[row[0]]?.entries?.set(row[1], node);
  }
  return root;
}

/** Rows end in a comma and a line feed; inside of one JSON spells a line feed otherwise. The first is a number. */
function* rowsOf(body: Buffer): Generator<number | Row | LinkRow, void, undefined> {
  const end = body.length - "]\n".length;
  for (let from = "[".length; from < end;) {
    const next = body.indexOf(",\n", Math.min(from + bytesAtOnce, end));
    const to = next < 0 ? end : next;
    yield* JSON.parse(`[${body.toString("latin1", from, to)}]`) as (number | Row | LinkRow)[];
    from = to + ",\n".length;
  }
}

function isLink(row: Row | LinkRow): row is LinkRow {
  return row[2] === "l";
}

function linked(node: CatalogNode): CatalogNode {
  node.nlink++;
  return node;
}

function nodeOf([, , letter, mode, uid, gid, mtime, mtimeNs, special, xattrs]: Row): CatalogNode {
  const node = newNode(kinds.get(letter) as CatalogNode["kind"]);
  node.mode = mode;
  node.uid = uid;
  node.gid = gid;
  node.mtime = mtime;
  node.mtimeNs = mtimeNs;
  if (xattrs !== undefined)
    node.xattrs = new Map(xattrs.map(([key, value]) => [key, Buffer.from(value, "base64")]));
  if (typeof special === "string") node.target = special;
  else if (typeof special === "number") setFlags(node, special);
  else if (node.kind === "file") setExtents(node, special);
  else [node.rdevMajor = 0, node.rdevMinor = 0] = special;
  return node;
}

function setFlags(node: CatalogNode, flags: number): void {
  node.opaque = (flags & opaque) !== 0;
  node.implied = (flags & implied) !== 0;
}

function setExtents(node: CatalogNode, [size = 0, ...numbers]: readonly number[]): void {
  node.size = size;
  for (let i = 0; i < numbers.length; i += 3)
    node.extents.push({
      at: numbers[i] as number,
      length: numbers[i + 1] as number,
      offset: numbers[i + 2] as number,
    });
}
