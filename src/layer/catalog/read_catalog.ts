/** What layers hold whose tars are kept. */
import { readFileSync } from "node:fs";
import { Failure } from "../../errors.ts";
import type { DirectoryNode } from "../../union/index.ts";
import type { TarTarget } from "../types.ts";
import { decodeCatalog } from "./catalog_file.ts";
import type { CatalogNode } from "./catalog_node.ts";
import { mergeCatalogs } from "./merge_catalogs.ts";

/** @throws Failure("corrupt") if the catalog is missing or not as it was written */
export function readCatalog({ catalog }: TarTarget): CatalogNode {
  let bytes: Buffer;
  try {
    bytes = readFileSync(catalog);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    throw new Failure("corrupt", `layer file ${catalog} is missing`, {
      cause: error,
      hint: "`varve system check --deep --repair` fetches the layer again.",
    });
  }
  return decodeCatalog(bytes, catalog);
}

/** What all `layers` together show, bottom first; extents name their tars by place. @throws Failure("corrupt") */
export function mergedTree(layers: readonly TarTarget[]): DirectoryNode {
  return mergeCatalogs(layers.map(readCatalog));
}
