/** `save`: images into an archive (behaviours 5.4). */
import { writeArchive, type ArchiveFormat, type ArchiveImage } from "../../archive/index.ts";
import type { ByteSource } from "../../bytes/index.ts";
import { Failure, isFailure } from "../../errors.ts";
import {
  familiarName,
  familiarReference,
  formatPlatform,
  parseReference,
  suitsPlatform,
  withDefaultTag,
  type ImageId,
  type Platform,
  type Reference,
} from "../../oci/index.ts";
import { resolveImage, viewImage, type Store, type StoredImage } from "../../store/index.ts";
import { isIdPrefix } from "./id_prefix.ts";
import { namedReferences } from "./list.ts";

export interface SaveOptions {
  /** `oci`: the combined form that current Docker writes; `docker`: generation 2 with generation 1 inside. */
  readonly format?: ArchiveFormat;
  /** All must be of it. */
  readonly platform?: Platform;
  readonly signal: AbortSignal;
}

/**
 * The archive's bytes. A name takes that name along, a bare repository all its tags (as in Docker); an ID takes the
 * image without a name. Throws `Failure("not-found")`; the stream ends with `Failure("corrupt")` at a damaged layer.
 */
export async function saveImages(
  store: Store,
  texts: readonly string[],
  options: SaveOptions,
): Promise<ByteSource> {
  const chosen = new Map<ImageId, Map<string, Reference>>();
  for (const text of texts) {
    for (const [id, name] of await imagesMeant(store, text)) {
      const names = chosen.get(id) ?? new Map<string, Reference>();
      chosen.set(id, names);
      if (name !== undefined && name.digest === undefined) names.set(familiarReference(name), name);
    }
  }
  const images: ArchiveImage[] = [];
  for (const [id, names] of chosen) {
    const image = (await store.images.get(id)) as StoredImage;
    checkPlatform(image, options.platform);
    const parent = image.parent === undefined ? {} : { parent: image.parent };
    images.push({ view: await viewImage(store, image), names: [...names.values()], ...parent });
  }
  return writeArchive(images, { format: options.format ?? "oci", signal: options.signal });
}

/** moby, daemon/internal/image/tarexport/save.go, `takeLayerReference`. */
function checkPlatform({ config }: StoredImage, platform: Platform | undefined): void {
  if (platform === undefined || suitsPlatform(config, platform)) return;
  const wanted = formatPlatform(platform);
  throw new Failure("not-found", `no suitable export target found for platform ${wanted}`);
}

async function imagesMeant(store: Store, text: string): Promise<[ImageId, Reference?][]> {
  const named = await namesInRepository(store, text);
  if (named.length > 0) return named.map(([name, id]) => [id, name]);
  const { id } = await resolveImage(store, text).catch((error: unknown) => {
    // As it was typed, while other commands name the tag that they looked for.
    throw isFailure(error, "not-found") ? new Failure("not-found", `No such image: ${text}`) : error;
  });
  if (isIdPrefix(id, text)) return [[id]];
  return [[id, withDefaultTag(parseReference(text))]];
}

/** All names in the repository that `text` names without tag or digest; none if it names something else. */
async function namesInRepository(store: Store, text: string): Promise<[Reference, ImageId][]> {
  try {
    const asked = parseReference(text);
    if (asked.tag !== undefined || asked.digest !== undefined) return [];
    return (await namedReferences(store)).filter(([name]) => familiarName(name) === familiarName(asked));
  } catch (error) {
    // Bare hex digits are an ID, not a name.
    if (isFailure(error, "invalid")) return [];
    throw error;
  }
}
