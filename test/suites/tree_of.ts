/** A directory written down, for comparing. */
import { createHash } from "node:crypto";
import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import * as sys from "../../src/sys/index.ts";

export interface TreeOptions {
  /** Cut times to whole seconds, as layer tars do. */
  readonly wholeSeconds?: boolean;
}

/** Path to a line with kind, mode, owner, links, time, attributes and content of everything in `root`. */
export function treeOf(root: string, options: TreeOptions = {}): Map<string, string> {
  const tree = new Map<string, string>();
  describe(root, ".", tree, options);
  return tree;
}

function describe(root: string, path: string, tree: Map<string, string>, options: TreeOptions): void {
  const full = join(root, path);
  const stat = lstatSync(full, { bigint: true });
  const fields = [(stat.mode & 0o177777n).toString(8)];
  fields.push(`${stat.uid}:${stat.gid}`);
  fields.push(String(options.wholeSeconds === true ? stat.mtimeNs / 1_000_000_000n : stat.mtimeNs));
  if (!stat.isDirectory()) fields.push(`links=${stat.nlink}`, `rdev=${stat.rdev}`);
  for (const name of [...sys.listXattrAt(sys.AT_FDCWD, full)].sort()) {
    const value = sys.getXattrAt(sys.AT_FDCWD, full, name);
    fields.push(`${name}=${Buffer.from(value ?? []).toString("hex")}`);
  }
  if (stat.isSymbolicLink()) fields.push(`-> ${readlinkSync(full)}`);
  if (stat.isFile()) fields.push(createHash("sha256").update(readFileSync(full)).digest("hex"));
  tree.set(path, fields.join(" "));
  if (!stat.isDirectory()) return;
  for (const name of readdirSync(full).sort()) describe(root, join(path, name), tree, options);
}
