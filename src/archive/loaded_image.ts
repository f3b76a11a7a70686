/** What the writers of all forms need of an image and its layers. */
import { verify, type LayerView } from "../bytes/index.ts";
import { familiarReference, type DiffId, type ImageConfig } from "../oci/index.ts";
import type { Member } from "./member.ts";
import type { ArchiveImage } from "./types.ts";

/** An image whose config was read, ready to be laid out. */
export interface LoadedImage extends ArchiveImage {
  readonly configBytes: Uint8Array;
  readonly config: ImageConfig;
}

/** The layer's tar as a member's content. It fails with "corrupt" at the end of bytes that have another digest. */
export async function layerContent(
  layer: LayerView,
  diffId: DiffId,
  signal: AbortSignal,
): Promise<Extract<Member["content"], { kind: "stream" }>> {
  const open = async () => verify(await layer.openTar({ signal }), { digest: diffId, what: "layer" });
  return { kind: "stream", size: await tarSizeOf(layer, signal), open };
}

/** Bytes of a layer's tar; counted by reading it once where the place does not know. */
async function tarSizeOf(layer: LayerView, signal: AbortSignal): Promise<number> {
  if (layer.tarSize !== undefined) return layer.tarSize();
  let size = 0;
  for await (const chunk of await layer.openTar({ signal })) size += chunk.length;
  return size;
}

/** A row of `manifest.json` in the order of Docker's struct. A parent is named if it is among the saved `images`. */
export function manifestItem(
  image: LoadedImage,
  config: string,
  layers: readonly string[],
  images: readonly LoadedImage[],
): object {
  const tags = image.names.map(familiarReference);
  const hasParent = images.some(({ view }) => view.imageId === image.parent);
  return {
    Config: config,
    RepoTags: tags.length > 0 ? tags : null,
    Layers: layers.length > 0 ? layers : null,
    ...(hasParent && { Parent: image.parent }),
  };
}
