export * from "./types.ts";
export { layerPath } from "./layer_path.ts";
export { readMark, type WhiteoutMark } from "./whiteout.ts";
export { opaqueName, whiteoutPrefix } from "./whiteout.ts";
export type { ApplyLimits } from "./entry_rules.ts";
export { LayerApplier, type AppliedLayer } from "./layer_applier.ts";
export type { UnpackLimits } from "./tar_stage.ts";
export { unpackHere, type UnpackOptions } from "./unpack_here.ts";
export { UnpackPool, type UnpackPoolOptions } from "./unpack_pool.ts";
export { diffLayer, type DiffOptions, treeTar } from "./diff_layer.ts";
export { compareTrees, type CompareOptions } from "./compare_trees.ts";
export type { CatalogNode } from "./catalog/catalog_node.ts";
export { readKeptTar } from "./catalog/kept_tar.ts";
export {
  keptTars,
  type KeptTars,
  mergedTree,
  missingLayerFile,
  openTree,
  readCatalog,
  repairHint,
} from "./catalog/read_catalog.ts";
export { treeOfTars } from "./catalog/tree_of_tars.ts";
export {
  dropShared,
  lentDirectory,
  lentTar,
  readShared,
  type SharedRange,
  syncDirectory,
  writeShared,
} from "./catalog/shared_ranges.ts";
