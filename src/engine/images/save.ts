/** `save`: images into an archive (behaviours 5.4). */
import { writeArchive, type ArchiveFormat, type ArchiveImage } from "../../archive/index.ts";
import type { ByteSource } from "../../bytes/index.ts";
import { isFailure } from "../../errors.ts";
import {
  familiarName,
  parseReference,
  withDefaultTag,
  type ImageId,
  type Reference,
} from "../../oci/index.ts";
import { resolveImage, viewImage, type Store } from "../../store/index.ts";
import { namedReferences } from "./list.ts";

export interface SaveOptions {
  /** `oci`: the combined form that current Docker writes; `docker`: generation 2 with generation 1 inside. */
  readonly format?: ArchiveFormat;
  readonly signal: AbortSignal;
}

/**
 * The archive's bytes. A name takes that name along, a bare repository all its tags (as in Docker); an ID takes the
 * image without a name.
 */
export async function saveImages(
  store: Store,
  texts: readonly string[],
  options: SaveOptions,
): Promise<ByteSource> {
  const chosen = new Map<ImageId, Reference[]>();
  for (const text of texts) {
    for (const [id, names] of await imagesMeant(store, text))
      chosen.set(id, [...(chosen.get(id) ?? []), ...names]);
  }
  const images: ArchiveImage[] = [];
  for (const [id, names] of chosen) images.push({ view: await viewImage(store, id), names });
  return writeArchive(images, { format: options.format ?? "oci", signal: options.signal });
}

async function imagesMeant(store: Store, text: string): Promise<[ImageId, Reference[]][]> {
  const tags = await tagsOfRepository(store, text);
  if (tags.length > 0) return tags.map(([name, id]) => [id, [name]]);
  const { id } = await resolveImage(store, text);
  if (id.startsWith(text) || id.startsWith(`sha256:${text}`)) return [[id, []]];
  const name = withDefaultTag(parseReference(text));
  return [[id, name.digest === undefined ? [name] : []]];
}

/** All tags of the repository that `text` names without tag or digest; none if it names something else. */
async function tagsOfRepository(store: Store, text: string): Promise<[Reference, ImageId][]> {
  try {
    const asked = parseReference(text);
    if (asked.tag !== undefined || asked.digest !== undefined) return [];
    const named = await namedReferences(store);
    return named.filter(([name]) => name.tag !== undefined && familiarName(name) === familiarName(asked));
  } catch (error) {
    // Bare hex digits are an ID, not a name.
    if (isFailure(error, "invalid")) return [];
    throw error;
  }
}
