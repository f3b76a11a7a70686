/** Extended attributes in the form in which they follow their inode. */
import { type ByteString, toText } from "../byte_string.ts";
import { Failure } from "../errors.ts";
import { alignUp } from "./format.ts";
import { type Inode, pathOf } from "./inode.ts";

/** `u32 name filter, u8 shared count, 7 zero`: no filter and nothing shared, so all zero. */
const HEADER = 12;
/** `u8 length of name, u8 prefix, u16 length of value`, then the name without its prefix, then the value. */
const ENTRY = 4;

/** An inode counts its attributes in units of four bytes, in 16 bits; the header counts as one. */
const maxSize = HEADER + 4 * (0xffff - 1);
const maxValue = 0xffff;
/** XATTR_NAME_MAX (linux/limits.h): no system call takes a longer one. */
const maxName = 255;

const prefixes: readonly (readonly [ByteString, number])[] = [
  ["user.", 1],
  ["trusted.", 4],
  ["security.", 6],
];
const whole: ReadonlyMap<ByteString, number> = new Map([
  ["system.posix_acl_access", 2],
  ["system.posix_acl_default", 3],
]);

interface Entry {
  readonly prefix: number;
  readonly rest: ByteString;
  readonly value: Uint8Array;
}

/** Undefined where there is nothing to store. Attributes of namespaces that EROFS does not know are left out. */
export function packXattrs(inode: Inode): Uint8Array | undefined {
  const { xattrs } = inode.node;
  if (xattrs === undefined || xattrs.size === 0) return undefined;
  const entries: Entry[] = [];
  let size = HEADER;
  // Sorted, so that equal trees make equal images.
  for (const name of [...xattrs.keys()].sort()) {
    const entry = entryOf(inode, name, xattrs.get(name) as Uint8Array);
    if (entry === undefined) continue;
    entries.push(entry);
    size += sizeOf(entry);
  }
  if (size > maxSize) {
    throw new Failure("limit", `xattrs of ${pathOf(inode)} take ${size} bytes, but EROFS holds ${maxSize}`);
  }
  return entries.length === 0 ? undefined : pack(entries, size);
}

/** The 16 bits of the inode that say how long its attributes are. */
export function xattrCount(packed: Uint8Array | undefined): number {
  return packed === undefined ? 0 : (packed.length - HEADER) / 4 + 1;
}

function entryOf(inode: Inode, name: ByteString, value: Uint8Array): Entry | undefined {
  const said = (): string => `xattr ${JSON.stringify(toText(name))} of ${pathOf(inode)}`;
  if (name.length > maxName) {
    throw new Failure("limit", `${said()} has a name of ${name.length} bytes, but Linux takes ${maxName}`);
  }
  if (value.length > maxValue) {
    throw new Failure("limit", `${said()} has ${value.length} bytes, but EROFS holds ${maxValue}`);
  }
  if (!/^[\x01-\xff]+$/.test(name)) throw new Failure("invalid", `${said()} has no possible name`);
  const acl = whole.get(name);
  if (acl !== undefined) return { prefix: acl, rest: "", value };
  const found = prefixes.find(([prefix]) => name.startsWith(prefix));
  if (found === undefined) return undefined;
  const rest = name.slice(found[0].length);
  if (rest === "") throw new Failure("invalid", `${said()} has no possible name`);
  return { prefix: found[1], rest, value };
}

function sizeOf(entry: Entry): number {
  return alignUp(ENTRY + entry.rest.length + entry.value.length, 4);
}

function pack(entries: readonly Entry[], size: number): Uint8Array {
  const packed = Buffer.alloc(size);
  let at = HEADER;
  for (const entry of entries) {
    const { prefix, rest, value } = entry;
    packed[at] = rest.length;
    packed[at + 1] = prefix;
    packed.writeUInt16LE(value.length, at + 2);
    packed.write(rest, at + ENTRY, "latin1");
    packed.set(value, at + ENTRY + rest.length);
    at += sizeOf(entry);
  }
  return packed;
}
