/** Arbitrary archives for property tests. */
import * as fc from "fast-check";
import type { EntryType, TarEntry } from "../../src/tar/index.ts";
import type { PackedFile } from "./tar_help.ts";

const byte = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(..."abc-._ /") },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 255 }).map((code) => String.fromCharCode(code)) },
);
/** Names of 1 to 300 bytes, some with odd bytes, without slashes at their end. */
const name = fc
  .oneof(
    { weight: 5, arbitrary: fc.string({ unit: byte, minLength: 1, maxLength: 30 }) },
    { weight: 1, arbitrary: fc.string({ unit: byte, minLength: 90, maxLength: 300 }) },
  )
  .map((text) => text.replace(/\/+$/, "") || "x");

const type: fc.Arbitrary<EntryType> = fc.oneof(
  { weight: 4, arbitrary: fc.constant<EntryType>("file") },
  {
    weight: 3,
    arbitrary: fc.constantFrom<EntryType>("hardlink", "symlink", "char", "block", "directory", "fifo"),
  },
);

const id = fc.oneof(fc.integer({ min: 0, max: 3000 }), fc.integer({ min: 0, max: 0xffffffff }));
const time = fc.oneof(fc.integer({ min: -(10 ** 10), max: 10 ** 11 }), fc.integer({ min: 0, max: 2 ** 31 }));
const nanoseconds = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 999_999_999 }));
const owner = fc.oneof(fc.constantFrom("", "root"), fc.string({ unit: byte, maxLength: 40 }));
const xattrs = fc.array(
  fc.tuple(
    fc.string({ unit: byte, minLength: 1, maxLength: 20 }).map((key) => `user.${key}`),
    fc.uint8Array({ maxLength: 30 }),
  ),
  { minLength: 1, maxLength: 3 },
);

const fields = fc.record({
  path: name,
  type,
  linkPath: name,
  mode: fc.integer({ min: 0, max: 0o7777 }),
  uid: id,
  gid: id,
  uname: owner,
  gname: owner,
  mtime: time,
  mtimeNs: nanoseconds,
  atime: fc.option(fc.tuple(time, nanoseconds)),
  device: fc.tuple(fc.integer({ min: 0, max: 4095 }), fc.integer({ min: 0, max: 1048575 })),
  xattrs: fc.option(xattrs, { freq: 3 }),
  body: fc.oneof(
    { weight: 5, arbitrary: fc.uint8Array({ maxLength: 40 }) },
    {
      weight: 2,
      arbitrary: fc.integer({ min: 500, max: 1600 }).map((length) => new Uint8Array(length).fill(7)),
    },
  ),
});

/** Up to six entries of all types, with all that a tar can say. */
export const arbitraryFiles: fc.Arbitrary<PackedFile[]> = fc.array(
  fields.map(({ device, body, atime, xattrs: list, ...rest }): PackedFile => {
    const isLink = rest.type === "hardlink" || rest.type === "symlink";
    const bytes = rest.type === "file" ? Buffer.from(body) : Buffer.alloc(0);
    const entry: TarEntry = {
      ...rest,
      path: rest.type === "directory" ? `${rest.path}/` : rest.path,
      linkPath: isLink ? rest.linkPath : "",
      size: bytes.length,
      devMajor: device[0],
      devMinor: device[1],
    };
    if (atime !== null) [entry.atime, entry.atimeNs] = atime;
    // The writer sorts them.
    if (list !== null) entry.xattrs = new Map(list.sort(([a], [b]) => (a < b ? -1 : 1)));
    return { entry, body: bytes };
  }),
  { maxLength: 6 },
);
