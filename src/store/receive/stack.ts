/** Config and layers of an image, held against each other. */
import { Failure } from "../../errors.ts";
import type { ImageView } from "../../bytes/index.ts";
import { chainIds, type ImageConfig } from "../../oci/index.ts";
import type { StackLayer } from "./types.ts";

/** Docker's bound (moby, layer/layer_store.go): more lowers do not fit a mount's options with all its drivers. */
export const maxLayers = 125;

/**
 * Pairs the view's layers with the config's diff IDs (behaviours B115). Throws `Failure("corrupt")` with Docker's
 * `layers from manifest don't match image configuration`, `Failure("limit")` with `max depth exceeded` (B048).
 */
export function stackOf(image: Pick<ImageView, "layers">, config: ImageConfig): StackLayer[] {
  const diffIds = config.rootfs.diff_ids ?? [];
  const { layers } = image;
  const fits =
    diffIds.length === layers.length &&
    layers.every((view, i) => view.diffId === undefined || view.diffId === diffIds[i]);
  if (!fits) throw new Failure("corrupt", "layers from manifest don't match image configuration");
  if (layers.length > maxLayers) throw new Failure("limit", "max depth exceeded");
  const chain = chainIds(diffIds);
  return layers.map((view, index) => {
    const [diffId, chainId, parent] = [diffIds[index], chain[index], chain[index - 1]];
    if (diffId === undefined || chainId === undefined) throw new Failure("internal", "a layer without an ID");
    return { index, view, diffId, chainId, ...(parent !== undefined && { parent }) };
  });
}
