/** `load`: images out of an archive (behaviours 5.5). */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { openArchive } from "../../archive/index.ts";
import type { ByteSource } from "../../bytes/index.ts";
import {
  parseImageConfig,
  suitsPlatform,
  type ImageId,
  type Platform,
  type Reference,
} from "../../oci/index.ts";
import { receiveImage, type Store } from "../../store/index.ts";
import type { Waiting } from "./waiting.ts";

export interface LoadResult {
  readonly imageId: ImageId;
  readonly names: readonly Reference[];
  /** Names that led to another image before, with that image. */
  readonly moved: readonly { readonly name: Reference; readonly from: ImageId }[];
}

export interface LoadOptions extends Waiting {
  /** Images of others are passed over. */
  readonly platform?: Platform;
}

/** Loads every image of an archive: a path, or the bytes of a pipe. Any generation, any compression. */
export async function loadImages(
  store: Store,
  archive: ByteSource | string,
  { platform, ...options }: LoadOptions,
): Promise<LoadResult[]> {
  // On the store's disk: an archive from a pipe may be larger than what the system has for temporary files.
  const temporaryDirectory = join(store.root, "varve", "tmp");
  await mkdir(temporaryDirectory, { recursive: true, mode: 0o700 });
  await using opened = await openArchive(archive, { signal: options.signal, temporaryDirectory });
  const results: LoadResult[] = [];
  for (const { view, names, parent } of opened.images) {
    if (platform && !suitsPlatform(parseImageConfig(await view.readConfig(options)), platform)) continue;
    const moved: { name: Reference; from: ImageId }[] = [];
    for (const name of names) {
      const from = await store.names.get(name);
      if (from !== undefined && from !== view.imageId) moved.push({ name, from });
    }
    const received = await receiveImage(store, view, names, {
      ...options,
      ...(parent !== undefined && { parent }),
    });
    results.push({ imageId: received.imageId, names, moved });
  }
  return results;
}
