/** From a config's bytes to the view of an image. */
import type { ImageView, LayerView } from "../bytes/index.ts";
import { Failure } from "../errors.ts";
import { digestOf, mediaTypes, parseImageConfig, type DiffId } from "../oci/index.ts";

/**
 * The image whose config these bytes are, with `layerAt` giving its layers. Throws `Failure("corrupt")` in Docker's
 * words when the archive has another number of layers than the config, and what `parseImageConfig` throws.
 */
export function configView(
  bytes: Uint8Array,
  layerAt: (diffId: DiffId, index: number) => LayerView,
  layerCount: number,
): ImageView {
  const diffIds = parseImageConfig(bytes).rootfs.diff_ids ?? [];
  if (diffIds.length !== layerCount) {
    throw new Failure(
      "corrupt",
      `invalid manifest, layers length mismatch: expected ${diffIds.length}, got ${layerCount}`,
    );
  }
  const imageId = digestOf(bytes);
  return {
    imageId,
    configDescriptor: { mediaType: mediaTypes.ociConfig, digest: imageId, size: bytes.length },
    layers: diffIds.map(layerAt),
    readConfig: () => Promise.resolve(bytes),
  };
}
