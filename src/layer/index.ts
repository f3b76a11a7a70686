export * from "./types.ts";
export { layerPath } from "./layer_path.ts";
export { LayerApplier, type AppliedLayer, type ApplyLimits } from "./layer_applier.ts";
export type { UnpackLimits } from "./tar_stage.ts";
export { unpackHere, type UnpackOptions } from "./unpack_here.ts";
export { UnpackPool, type UnpackPoolOptions } from "./unpack_pool.ts";
export { diffLayer, type DiffOptions, treeTar } from "./diff_layer.ts";
export { compareTrees, type CompareOptions } from "./compare_trees.ts";
