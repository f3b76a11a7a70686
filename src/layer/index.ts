export * from "./types.ts";
export { LayerApplier, type AppliedLayer, type ApplyLimits } from "./layer_applier.ts";
