/** READDIR and READDIRPLUS. */
import type { ByteString } from "../byte_string.ts";
import type { DirectoryNode, TreeNode } from "../union/index.ts";
import { replyBody, replyHeader } from "./protocol.ts";
import type { Outcome, Reply } from "./reply.ts";
import { entrySize, type Facts, typeOf, writeEntry } from "./write_attributes.ts";

/** `fuse_dirent` without the name, in bytes. */
const direntSize = 24;

export interface Listing {
  readonly directory: DirectoryNode;
  readonly id: number;
  /** Where to go on: 0 is `.`, 1 is `..`, then come the names. */
  readonly position: number;
  /** The most bytes to give. */
  readonly size: number;
  /** Whether each name comes with the answer of a LOOKUP. */
  readonly plus: boolean;
}

/** Puts as many entries into `reply` as there is room for; none are left when there are none. */
export function listDirectory(reply: Reply, facts: Facts, listing: Listing): Outcome {
  const { directory, id, plus } = listing;
  const names = facts.table.names(id);
  const limit = Math.min(listing.size, reply.bytes.length - replyHeader);
  const ahead = plus ? entrySize : 0;
  let length = 0;
  for (let position = listing.position; position < names.length + 2; position++) {
    const name = position === 0 ? "." : position === 1 ? ".." : (names[position - 2] as ByteString);
    const padded = (name.length + 7) & ~7;
    if (length + ahead + direntSize + padded > limit) break;
    const node = position < 2 ? undefined : (directory.entries.get(name) as TreeNode);
    const at = replyBody + length / 4;
    if (plus) writeLookup(reply, at, facts, node);
    const ino = node !== undefined ? facts.table.idOf(node) : position === 0 ? id : facts.table.parent(id);
    const type = typeOf(node ?? directory);
    writeName(reply, at + ahead / 4, { ino, next: position + 1, type, name });
    length += ahead + direntSize + padded;
  }
  return length;
}

/** `.` and `..` have none: the kernel takes node 0 to mean that nothing is said. */
function writeLookup(reply: Reply, at: number, facts: Facts, node: TreeNode | undefined): void {
  if (node === undefined) reply.words.fill(0, at, at + entrySize / 4);
  else writeEntry(reply, at, facts, node);
}

interface Dirent {
  readonly ino: number;
  readonly next: number;
  readonly type: number;
  readonly name: ByteString;
}

function writeName(reply: Reply, at: number, { ino, next, type, name }: Dirent): void {
  const { words } = reply;
  reply.wide(at, ino);
  reply.wide(at + 2, next);
  words[at + 4] = name.length;
  words[at + 5] = type;
  // The padding first, so that it never shows what was here before.
  const last = at + 6 + (((name.length + 7) & ~7) >> 2);
  words[last - 2] = 0;
  words[last - 1] = 0;
  reply.bytes.write(name, (at + 6) * 4, "latin1");
}
