/** Layer IDs of archives before Docker 1.10 (moby, image/v1/imagev1.go, `CreateID`). */
import { digestOf, hexOf, type ChainId } from "./digest.ts";
import { goJson } from "./go_json.ts";

/**
 * The 64 hex digits that name a layer's directory in a `docker save` archive of generations 1 and 2.
 *
 * @param json the layer's `json` object with its keys nested as Go writes them; `id` and `parent` are ignored.
 * @param layerId chain ID of the layer.
 * @param parent v1 ID (hex) of the layer below.
 */
export function v1Id(json: Readonly<Record<string, unknown>>, layerId: ChainId, parent?: string): string {
  const { id: _id, parent: _parent, ...rest } = json;
  const hashed = {
    ...rest,
    layer_id: layerId,
    ...(parent === undefined ? {} : { parent: `sha256:${parent}` }),
  };
  // Only the outer keys are sorted: Go decodes them into a map of raw messages and keeps those as they are.
  return hexOf(digestOf(goJson(hashed, { sortKeys: "top" })));
}
