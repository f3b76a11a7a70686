/** Who owns what is shown, and which extended attributes it has, where not everything can be as recorded. */
import { readFileSync } from "node:fs";
import type { ByteString } from "../byte_string.ts";
import type { TreeNode } from "../union/index.ts";

/**
 * - `exact`: everything as recorded.
 * - `best-effort`: for a user namespace that has only some IDs. Files of others belong to its root, without set-ID
 *   bits, as if an ordinary user had unpacked them: the kernel refuses to change or copy up a file of nobody's.
 *   Of the extended attributes there are those that a user namespace may set: overlayfs gives up the copy of a file
 *   if one of them cannot be set.
 */
export type Ownership = "exact" | "best-effort";

export interface Owners {
  uid(node: TreeNode): number;
  gid(node: TreeNode): number;
  mode(node: TreeNode): number;
  shows(xattr: ByteString): boolean;
}

/**
 * Marks of overlayfs that lie in an image mean nothing in a merged tree; an overlay on top would obey them.
 */
const overlayMark = /^(?:trusted|user)\.overlay\./;
/** ACLs name further users, who may not exist here; `trusted.` and the rest of `security.` need the machine's root. */
const ordinary = /^(?:user\.|security\.capability$)/;

const exact: Owners = {
  uid: (node) => node.uid,
  gid: (node) => node.gid,
  mode: (node) => node.mode,
  shows: (xattr) => !overlayMark.test(xattr),
};

const setUserId = 0o4000;
const setGroupId = 0o2000;

export function ownersOf(ownership: Ownership): Owners {
  if (ownership === "exact") return exact;
  const isUser = idMap(readFileSync("/proc/self/uid_map", "latin1"));
  const isGroup = idMap(readFileSync("/proc/self/gid_map", "latin1"));
  return {
    uid: ({ uid }) => (isUser(uid) ? uid : 0),
    gid: ({ gid }) => (isGroup(gid) ? gid : 0),
    mode: ({ mode, uid, gid, kind }) => {
      const lost = (isUser(uid) ? 0 : setUserId) | (isGroup(gid) ? 0 : setGroupId);
      return kind === "file" ? mode & ~lost : mode;
    },
    shows: (xattr) => ordinary.test(xattr) && !overlayMark.test(xattr),
  };
}

/** Whether an ID exists here. @param text lines of "first inside, first outside, count" (user_namespaces(7)) */
export function idMap(text: string): (id: number) => boolean {
  const ranges: (readonly [first: number, end: number])[] = [];
  for (const [, first, , count] of text.matchAll(/^\s*(\d+)\s+(\d+)\s+(\d+)\s*$/gm)) {
    ranges.push([Number(first), Number(first) + Number(count)]);
  }
  return (id) => ranges.some(([first, end]) => id >= first && id < end);
}
