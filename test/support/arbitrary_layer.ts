/** Arbitrary layer tars for property tests: few names, so that entries meet, cover, link and hide each other. */
import * as fc from "fast-check";
import { posix } from "node:path";
import type { ByteString } from "../../src/byte_string.ts";
import type { EntryType, TarEntry } from "../../src/tar/index.ts";
import { type PackedFile, tarFile } from "./tar_help.ts";

export interface LayerShape {
  /** With whiteouts and opaque marks, not only those that nothing stands for. */
  readonly marks: boolean;
  /** With symlinks to directories of the layer, and names spelled through them. */
  readonly symlinks: boolean;
  /** With what no layer may hold, now and then. */
  readonly odd: boolean;
}

const ascii = fc.constantFrom("a", "b", "c", "d");
const name: fc.Arbitrary<ByteString> = fc.oneof(
  { weight: 12, arbitrary: ascii },
  {
    weight: 1,
    arbitrary: fc.constantFrom("\xff\x80", "caf\xc3\xa9", " ", "-x", "!x", ".x", "n".repeat(250)),
  },
);

/** As tars spell them: with `./`, `/`, `..` and doubled slashes. */
const spelling = fc.oneof(
  { weight: 6, arbitrary: fc.constant((path: ByteString) => path) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<(path: ByteString) => ByteString>(
      (path) => `./${path}`,
      (path) => `/${path}`,
      (path) => `../${path}`,
      (path) => `x/../${path}`,
      (path) => path.replaceAll("/", "//./"),
    ),
  },
);

const id = fc.constantFrom(0, 0, 0, 1, 1000, 70_000, 0xffff_fffe);
/** What ext4 can keep: 1901 to 2446. */
const mtime = fc.oneof(
  fc.constantFrom(0, 1, -1, -2_000_000_000, 15_000_000_000),
  fc.integer({ min: 0, max: 1_700_000_000 }),
);
const mode = fc.oneof(
  fc.constantFrom(0o644, 0o755, 0o4755, 0o2755, 0o1777, 0),
  fc.integer({ min: 0, max: 0o7777 }),
);

/** VFS_CAP_REVISION_2 (linux/capability.h) with CAP_NET_BIND_SERVICE. */
const capability = Buffer.from("0100000200040000000000000000000000000000", "hex");
const xattrNames = [
  "user.a",
  "user.\xe9",
  "trusted.t",
  "security.s",
  // Reserved, or of no file system: left out.
  "trusted.overlay.opaque",
  "user.overlay.redirect",
  "security.selinux",
  "unknown.x",
];
const xattrs = fc
  .tuple(
    fc.uniqueArray(fc.tuple(fc.constantFrom(...xattrNames), fc.uint8Array({ maxLength: 20 })), {
      selector: ([key]) => key,
      maxLength: 3,
    }),
    fc.boolean(),
  )
  .map(([list, capable]): [ByteString, Uint8Array][] =>
    capable ? [...list, ["security.capability", capability]] : list,
  );

const content = fc.oneof(
  fc.uint8Array({ maxLength: 30 }),
  fc.integer({ min: 500, max: 1600 }).map((length) => new Uint8Array(length).fill((length % 255) + 1)),
);

const attributes = fc.record({
  mode,
  uid: id,
  gid: id,
  mtime,
  mtimeNs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 999_999_999 })),
  xattrs: fc.option(xattrs, { freq: 3 }),
});

/** `l` and `m` are symlinks to directories. */
const through = fc.oneof({ weight: 4, arbitrary: name }, fc.constantFrom("l", "m"));

/** @param last what it ends in */
function path(symlinks: boolean, last = name): fc.Arbitrary<ByteString> {
  const above = fc.array(symlinks ? through : name, { maxLength: 2 });
  return fc.tuple(above, last).map(([parts, end]) => [...parts, end].join("/"));
}

function entry({ marks, symlinks, odd }: LayerShape): fc.Arbitrary<PackedFile> {
  const at = path(symlinks);
  const to = path(symlinks, symlinks ? through : name);
  const nowhere = fc.constantFrom("nowhere", "/outside/of/all");
  const make = (type: EntryType, fields: object = {}): fc.Arbitrary<PackedFile> =>
    fc
      .tuple(at, spelling, attributes, fc.record(fields), type === "file" ? content : fc.constant(""))
      .map(([where, spell, own, more, body]) => packed(spell(where), type, own, more, Buffer.from(body)));
  const device = {
    devMajor: fc.integer({ min: 1, max: 0xfff }),
    devMinor: fc.integer({ min: 0, max: 0xf_ffff }),
  };
  const arms: fc.WeightedArbitrary<PackedFile>[] = [
    { weight: 6, arbitrary: make("file") },
    { weight: 6, arbitrary: make("directory") },
    {
      weight: 3,
      arbitrary: make("hardlink", {
        linkPath: fc.tuple(to, spelling).map(([target, spell]) => spell(target)),
      }),
    },
    { weight: 2, arbitrary: make("symlink", { linkPath: nowhere }) },
    { weight: 1, arbitrary: make("fifo") },
    { weight: 1, arbitrary: make("char", device) },
    { weight: 1, arbitrary: make("block", device) },
  ];
  if (symlinks) {
    // No other entry ends in their names. One that is replaced through itself loses LayerApplier its way.
    const directory = fc.constantFrom("a", "b/c", "/a", "..", "../a", "./a//b/", "l", "m/a", "nowhere", ".");
    const named = fc.tuple(fc.constantFrom("l", "m", "a/l"), directory, attributes);
    const toDirectory = named.map(([where, linkPath, own]) => packed(where, "symlink", own, { linkPath }));
    arms.push({ weight: 3, arbitrary: toDirectory });
  }
  if (marks) {
    const whiteout = fc
      .tuple(at, attributes)
      .map(([where, own]) => packed(where.replace(/[^/]*$/, ".wh.$&"), "file", own));
    const opaque = fc
      .tuple(fc.oneof(at, fc.constant(".")), attributes)
      .map(([where, own]) => packed(`${where}/.wh..wh..opq`, "file", own));
    arms.push({ weight: 3, arbitrary: whiteout }, { weight: 2, arbitrary: opaque });
  }
  if (odd) arms.push({ weight: 1, arbitrary: oddEntry(at) });
  return fc.oneof(...arms);
}

/** AUFS' bookkeeping, the root, and what is refused. */
function oddEntry(at: fc.Arbitrary<ByteString>): fc.Arbitrary<PackedFile> {
  const of = (fields: Partial<TarEntry> & { path: string }, body = ""): fc.Arbitrary<PackedFile> =>
    fc.constant(tarFile(fields, body));
  const put = (fields: Partial<TarEntry>): fc.Arbitrary<PackedFile> =>
    at.map((where) => tarFile({ ...fields, path: where }));
  return fc.oneof(
    of({ path: "./", type: "directory", mode: 0o700 }),
    of({ path: ".wh..wh.plnk/1.2" }, "shared"),
    of({ path: ".wh..wh.plnk/3.4" }, "alone"),
    of({ path: ".wh..wh.aufs" }),
    put({ type: "hardlink", linkPath: ".wh..wh.plnk/1.2" }),
    put({ type: "hardlink", linkPath: "/" }),
    put({ type: "char" }),
    put({ type: "block", devMajor: 5000 }),
    put({ uid: 0xffff_ffff }),
    put({ uid: 0xffff_ffff, type: "directory" }),
    at.map((where) => tarFile({ path: where.replace(/[^/]*$/, ".wh.$&"), gid: 0xffff_ffff })),
    at.map((where) => tarFile({ path: `${where}/.wh..` })),
  );
}

interface Own extends Pick<TarEntry, "mode" | "uid" | "gid" | "mtime" | "mtimeNs"> {
  readonly xattrs: readonly [ByteString, Uint8Array][] | null;
}

function packed(
  where: ByteString,
  type: EntryType,
  own: Own,
  more: object = {},
  body: Buffer = Buffer.alloc(0),
): PackedFile {
  const { xattrs: list, ...rest } = own;
  return tarFile(
    {
      ...rest,
      ...more,
      path: where,
      type,
      ...(list !== null && list.length > 0 && { xattrs: new Map(list) }),
    },
    body,
  );
}

/** Up to `maxLength` entries, in any order; some layers are refused. */
export function arbitraryLayer(shape: LayerShape, maxLength = 12): fc.Arbitrary<PackedFile[]> {
  const one = entry(shape);
  const selector = ({ entry: { path } }: PackedFile): ByteString =>
    posix.normalize(`/${path}`).replace(/\/$/, "");
  return fc.oneof(
    { weight: 6, arbitrary: fc.uniqueArray(one, { selector, maxLength }) },
    { weight: 1, arbitrary: fc.array(one, { maxLength }) },
  );
}

/**
 * Stacks of 1 to 6 layers, bottom first. `listed`: each layer lists the directories above what it has, as those do that
 * tools make; others leave it to the layers below.
 */
export function arbitraryStack({ listed }: { readonly listed: boolean }): fc.Arbitrary<PackedFile[][]> {
  const layer = fc.oneof(
    arbitraryLayer({ marks: true, symlinks: false, odd: false }, 10),
    arbitraryLayer({ marks: false, symlinks: true, odd: false }, 10),
  );
  return fc
    .array(listed ? layer.map(withParents) : layer, { minLength: 1, maxLength: 6 })
    .map((stack) => stack.map((files) => files.filter(({ entry: { path } }) => !isRootMark(path))));
}

function isRootMark(path: ByteString): boolean {
  return posix.normalize(`/${path}`) === "/.wh..wh..opq";
}

/** Symlinks to directories stand as they are; what goes through one that is not there is left out. */
function withParents(files: readonly PackedFile[]): PackedFile[] {
  const seen = new Set<ByteString>();
  return files.flatMap((file) => {
    const { path, type } = file.entry;
    const parts = posix
      .normalize(`/${path}`)
      .split("/")
      .filter((part) => part !== "");
    const parents = parts.slice(0, -1).map((_, index) => parts.slice(0, index + 1).join("/"));
    const missing = parents.filter((parent) => !seen.has(parent));
    if (missing.some((parent) => /(?:^|\/)[lm]$/.test(parent))) return [];
    for (const parent of missing) seen.add(parent);
    if (type === "directory" || type === "symlink") seen.add(parts.join("/"));
    const listed = missing.map((parent, depth) =>
      tarFile({ path: parent, type: "directory", mode: 0o711, mtime: depth }),
    );
    return [...listed, file];
  });
}
