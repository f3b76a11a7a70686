/** Who owns what is shown, and which extended attributes it has, where not everything can be as recorded. */
import type { ByteString } from "../byte_string.ts";
import { isMapped, userNamespace } from "../sys/index.ts";
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
  // The machine's own namespace has all IDs but the one that stands for none.
  const all = [{ first: 0, count: 4_294_967_295 }];
  const { uids, gids } = userNamespace() ?? { uids: all, gids: all };
  const isUser = (id: number): boolean => isMapped(id, uids);
  const isGroup = (id: number): boolean => isMapped(id, gids);
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
