/** `save`: images into an archive (behaviours 5.4). */
import { writeArchive, type ArchiveFormat, type ArchiveImage } from "../../archive/index.ts";
import type { ByteSource } from "../../bytes/index.ts";
import { Failure } from "../../errors.ts";
import { parseReference, withDefaultTag, type ImageId, type Reference } from "../../oci/index.ts";
import { resolveImage, viewImage, type Store } from "../../store/index.ts";

export interface SaveOptions {
  /** `oci`: the combined form that current Docker writes; `docker`: generation 2 with generation 1 inside. */
  readonly format?: ArchiveFormat;
  readonly signal: AbortSignal;
}

/** The archive's bytes. A name takes that name along; an ID takes the image without a name. */
export async function saveImages(store: Store, texts: readonly string[], options: SaveOptions): Promise<ByteSource> {
  const names = new Map<ImageId, Reference[]>();
  for (const text of texts) {
    const image = await resolveImage(store, text);
    names.set(image.id, [...(names.get(image.id) ?? []), ...(await namesMeant(store, text, image.id))]);
  }
  if (names.size === 0) throw new Failure("invalid", "save needs at least one image");
  const images: ArchiveImage[] = [];
  for (const [id, references] of names) images.push({ view: await viewImage(store, id), names: references });
  return writeArchive(images, { format: options.format ?? "oci", signal: options.signal });
}

/** A bare repository name means all its tags, as Docker's `save` has it; an ID means no name. */
async function namesMeant(store: Store, text: string, id: ImageId): Promise<Reference[]> {
  if (id.startsWith(text) || id.startsWith(`sha256:${text}`)) return [];
  const asked = parseReference(text);
  if (asked.digest !== undefined) return [];
  return [withDefaultTag(asked)];
}
