/** GETXATTR and LISTXATTR. A size of 0 asks how much there is. */
import type { ByteString } from "../byte_string.ts";
import type { TreeNode } from "../union/index.ts";
import type { Owners } from "./owners.ts";
import { errors, replyBody, replyHeader } from "./protocol.ts";
import type { Outcome, Reply } from "./reply.ts";

/** XATTR_SIZE_MAX and XATTR_LIST_MAX of linux/limits.h. */
const limit = 64 * 1024;

export function readXattr(
  reply: Reply,
  owners: Owners,
  node: TreeNode,
  name: ByteString,
  size: number,
): Outcome {
  const value = node.xattrs?.get(name);
  if (value === undefined || !owners.shows(name)) return -errors.ENODATA;
  const outcome = fits(reply, value.length, size);
  if (outcome === undefined) reply.bytes.set(value, replyHeader);
  return outcome ?? value.length;
}

export function listXattrs(reply: Reply, owners: Owners, node: TreeNode, size: number): Outcome {
  const names: ByteString[] = [];
  for (const name of node.xattrs?.keys() ?? []) if (owners.shows(name)) names.push(`${name}\0`);
  const list = names.join("");
  const outcome = fits(reply, list.length, size);
  if (outcome === undefined) reply.bytes.write(list, replyHeader, "latin1");
  return outcome ?? list.length;
}

/** @returns the outcome if it is not the bytes themselves */
function fits(reply: Reply, length: number, size: number): Outcome {
  if (length > limit) return -errors.E2BIG;
  if (size === 0) {
    reply.words[replyBody] = length;
    reply.words[replyBody + 1] = 0;
    return 8;
  }
  return size < length ? -errors.ERANGE : undefined;
}
