/** From the tree to its inodes, in the order in which they go into the image. */
import { type ByteString, toText } from "../byte_string.ts";
import { Failure } from "../errors.ts";
import type { DirectoryNode, TreeNode } from "../union/index.ts";
import { type Inode, newInode, pathOf } from "./inode.ts";

/**
 * The root first, because its number must be small. Then directory by directory, depth first, all children of one
 * directory side by side: listing one with attributes then reads few pages.
 */
export function collectInodes(root: DirectoryNode): Inode[] {
  const top = newInode(root, undefined, "");
  const inodes = [top];
  const known = new Map<TreeNode, Inode>([[root, top]]);
  // Not by recursion: a hostile tar can nest deeper than the stack.
  const pending = [top];
  for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
    const first = inodes.length;
    enter(directory, inodes, known);
    for (let index = inodes.length - 1; index >= first; index--) {
      const inode = inodes[index] as Inode;
      if (inode.node.kind === "directory") pending.push(inode);
    }
  }
  return inodes;
}

function enter(directory: Inode, inodes: Inode[], known: Map<TreeNode, Inode>): void {
  const { entries } = directory.node as DirectoryNode;
  // "!x" and "-x" come before ".": the kernel's binary search wants one order over everything, the two included.
  const names = [...entries.keys(), ".", ".."].sort();
  const children: Inode[] = [];
  for (const name of names) {
    const node = entries.get(name);
    if (node === undefined) {
      children.push(name === "." ? directory : (directory.parent ?? directory));
      continue;
    }
    checkName(directory, name);
    let child = known.get(node);
    if (child === undefined) {
      child = newInode(node, directory, name);
      known.set(node, child);
      inodes.push(child);
      if (node.kind === "directory") directory.links++;
    } else if (node.kind === "directory") {
      const second = pathOf(newInode(node, directory, name));
      throw new Failure("invalid", `directory ${pathOf(child)} has a second name, ${second}`);
    } else child.links++;
    children.push(child);
  }
  directory.names = names;
  directory.children = children;
}

const goodName = /^[\x01-\x2e\x30-\xff]{1,255}$/;

function checkName(directory: Inode, name: ByteString): void {
  if (goodName.test(name) && name !== "." && name !== "..") return;
  const why = name.length > 255 ? `of ${name.length} bytes` : JSON.stringify(toText(name));
  const kind = name.length > 255 ? "limit" : "invalid";
  throw new Failure(kind, `no file can have the name ${why} in directory ${pathOf(directory)}`);
}
