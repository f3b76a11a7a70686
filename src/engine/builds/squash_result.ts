/** `--squash`: which layers of a result become one. */
import type { BuildResult } from "../../build/index.ts";
import { squashLayers } from "../../image/index.ts";
import { chainIds, type Reference } from "../../oci/index.ts";
import type { Store, StoredImage } from "../../store/index.ts";
import type { SquashRange } from "./flags/parse_squash.ts";

export interface SquashResultOptions {
  readonly squash: SquashRange;
  readonly names: readonly Reference[];
  readonly sourceDateEpoch?: number;
  readonly signal: AbortSignal;
}

/** The image with its layers merged, and named; the result's own image where there is nothing to merge. */
export async function squashResult(
  store: Store,
  { image, steps }: Pick<BuildResult, "image" | "steps">,
  { squash, names, sourceDateEpoch, signal }: SquashResultOptions,
): Promise<StoredImage> {
  const range = squash === "new" ? newLayers(image, steps) : squash;
  if (range === undefined) {
    if (names.length > 0) {
      await store.names.setAll(names, image.id);
      await store.images.markUpdated(image.id);
    }
    return image;
  }
  const created =
    sourceDateEpoch === undefined ? {} : { created: new Date(sourceDateEpoch * 1000).toISOString() };
  return squashLayers(store, image, { ...range, names, signal, ...created });
}

/** What the build has put on its base: from the first layer that a step of it made. Undefined: nothing to merge. */
function newLayers(
  image: StoredImage,
  steps: BuildResult["steps"],
): { readonly from: number; readonly to: number } | undefined {
  const chains = chainIds(image.config.rootfs.diff_ids ?? []);
  // The first step of a stage is its FROM.
  const made = new Set(
    steps.flatMap(({ id, layer }) => (layer === undefined || id.step === 1 ? [] : [layer.chainId])),
  );
  const first = chains.findIndex((chain) => made.has(chain));
  return first < 0 || chains.length - first < 2 ? undefined : { from: first + 1, to: chains.length };
}
