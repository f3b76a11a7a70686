/** A container's view over layers that were merged from their tars: no mount, no directory, the same union. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after } from "node:test";
import { type PackedFile, tarFile, tarOf } from "../../../test/support/tar_help.ts";
import { scratch } from "../../../test/suites/scratch.ts";
import { simulate } from "../../../test/suites/union_machines.ts";
import { unionSuite } from "../../../test/suites/union_suite.ts";
import { memoryBranch, type Tree } from "../../../test/suites/union_trees.ts";
import { type NodeStat, TreeBranch, walkBranch } from "../../union/index.ts";
import { mergeCatalogs } from "./merge_catalogs.ts";
import { catalogOf } from "./testing_catalogs.test.ts";

/** The layer tar of a tree as overlayfs spells it. */
function tarOfTree(tree: Tree): Buffer {
  const branch = memoryBranch(tree);
  const firsts = new Map<NodeStat["ino"], string>();
  const files = [...walkBranch(branch)].flatMap(([path, stat]): PackedFile[] => {
    const { kind, mode, uid, gid, mtime, mtimeNs } = stat;
    if (kind === "char") return [tarFile({ path: path.replace(/[^/]*$/, ".wh.$&") })];
    const own = { path, mode, uid, gid, mtime, mtimeNs, xattrs: new Map(branch.xattrs(path)) };
    const first = kind === "file" ? firsts.get(stat.ino) : undefined;
    firsts.set(stat.ino, path);
    if (first !== undefined) return [tarFile({ ...own, type: "hardlink", linkPath: first })];
    if (kind === "file") return [tarFile(own, Buffer.from(branch.read(path, 0, stat.size)))];
    if (kind === "symlink") return [tarFile({ ...own, type: kind, linkPath: branch.readLink(path) })];
    const node = tarFile({ ...own, type: kind === "directory" ? kind : "fifo" });
    const isOpaque = own.xattrs.has("trusted.overlay.opaque");
    return isOpaque ? [node, tarFile({ path: `${path}/.wh..wh..opq` })] : [node];
  });
  return tarOf(files, { nanoseconds: true });
}

const dir = scratch("merged-union");
const open = new DisposableStack();
after(() => {
  open.dispose();
  dir[Symbol.dispose]();
});
let count = 0;

/** @param lowers uppermost first */
function mergedBranch(lowers: readonly Tree[]): TreeBranch {
  const tars = lowers.map(tarOfTree).reverse();
  const paths = tars.map((tar) => {
    const path = join(dir.path, `${count++}.tar`);
    writeFileSync(path, tar);
    return path;
  });
  return open.use(new TreeBranch(mergeCatalogs(tars.map((tar) => catalogOf(tar).root)), paths));
}

unionSuite("merged", (given) => simulate(given, "overlay2", (lowers) => [mergedBranch(lowers)]));
