/** What the writers of all forms need of an image and its layers. */
import type { LayerView } from "../bytes/index.ts";
import type { ImageConfig } from "../oci/index.ts";
import type { ArchiveImage } from "./types.ts";

/** An image whose config was read, ready to be laid out. */
export interface LoadedImage extends ArchiveImage {
  readonly configBytes: Uint8Array;
  readonly config: ImageConfig;
}

/** Bytes of a layer's tar; counted by reading it once where the place does not know. */
export async function tarSizeOf(layer: LayerView, signal: AbortSignal): Promise<number> {
  if (layer.tarSize !== undefined) return layer.tarSize();
  let size = 0;
  for await (const chunk of await layer.openTar({ signal })) size += chunk.length;
  return size;
}
