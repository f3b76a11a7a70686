/** What is in a layer whose tar is kept: its catalog says it. */
import type { ByteString } from "../../byte_string.ts";
import type { CatalogNode } from "../../layer/index.ts";
import type { LayerItem } from "./layer_item.ts";

/** Every name of the catalog, a directory before what is in it. */
export function* catalogItems(root: CatalogNode): Generator<LayerItem, void, undefined> {
  const linked = new Set<CatalogNode>();
  // A list and no recursion: a hostile tar can nest deeper than the stack.
  const directories: [path: ByteString, node: CatalogNode][] = [["", root]];
  for (let next = directories.pop(); next !== undefined; next = directories.pop()) {
    const [directory, { entries, opaque }] = next;
    if (opaque) yield { kind: "opaque", path: directory };
    for (const [name, node] of entries ?? []) {
      const path = directory === "" ? name : `${directory}/${name}`;
      if (node.kind === "directory") directories.push([path, node]);
      yield itemOf(path, node, linked);
    }
  }
}

function itemOf(path: ByteString, node: CatalogNode, linked: Set<CatalogNode>): LayerItem {
  switch (node.kind) {
    case "file": {
      const again = linked.has(node);
      if (node.nlink > 1) linked.add(node);
      return { kind: "file", path, size: node.size, again };
    }
    case "symlink":
      return { kind: "symlink", path, size: node.target.length };
    case "directory":
      return { kind: "directory", path };
    case "whiteout":
      return { kind: "gone", path };
    case "char":
    case "block":
    case "fifo":
    case "socket":
      return { kind: "other", path };
  }
}
