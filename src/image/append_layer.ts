/** One more layer on a stored image, from files given by value. */
import type { ImageConfig } from "../oci/index.ts";
import type { Store, StoredImage, StoredLayer } from "../store/index.ts";
import { packTar, type PackedEntry } from "../tar/index.ts";
import { type AppendedFile, appendEntries } from "./append_files.ts";
import { deriveImage } from "./derive_image.ts";
import { layersOf } from "./image_facts.ts";
import { openLayersView } from "./open_image_view.ts";
import { takeRecordedAttributes } from "./recorded_attributes.ts";

export type { AppendedFile } from "./append_files.ts";

export interface AppendOptions {
  /** When the image was made, also the time of files that have none (default: now). The same time gives the same image. */
  readonly created?: Date;
  /** The history row's command (default: `append` and the paths). */
  readonly createdBy?: string;
  readonly comment?: string;
  readonly author?: string;
  /** Changes a copy of the image's config: command, environment, labels. */
  readonly edit?: (config: ImageConfig) => void;
  readonly signal: AbortSignal;
}

/**
 * Stores `image` with `files` on top and returns the new image, which has no name yet. Paths are taken as a container
 * of the image would take them: symlinks on the way are followed, and directories that the image has stay as they are.
 * Throws `Failure("invalid")` for a path that leads out of the image or through a file, or that is given twice;
 * `Failure("not-found")` for one that is to be removed and is not there; `Failure("limit")` for the 126th layer.
 */
export async function appendLayer(
  store: Store,
  image: StoredImage,
  files: readonly AppendedFile[],
  options: AppendOptions,
): Promise<StoredImage> {
  const { signal, created = new Date(), author, comment } = options;
  const seconds = Math.floor(created.getTime() / 1000);
  const entries = await layerOf(store, await layersOf(store, image), files, { time: seconds, signal });
  const time = created.toISOString();
  return deriveImage(store, {
    base: image,
    tar: packTar(entries),
    history: {
      created: time,
      created_by: options.createdBy ?? describe(files),
      ...(author !== undefined && { author }),
      ...(comment !== undefined && { comment }),
    },
    edit: (config) => {
      config.created = time;
      if (author !== undefined) config.author = author;
      options.edit?.(config);
    },
    recordParent: true,
    signal,
  });
}

/**
 * The entries of a layer that holds `files` on top of `layers` (bottom first), as {@link appendLayer} makes it.
 * @param options.time seconds since 1970, for files without one of their own
 */
export async function layerOf(
  store: Store,
  layers: readonly StoredLayer[],
  files: readonly AppendedFile[],
  { time, signal }: { readonly time: number; readonly signal: AbortSignal },
): Promise<readonly PackedEntry[]> {
  using tree = openLayersView(store, layers);
  const { entries, existing } = appendEntries(tree.view, files, time);
  if (tree.isInexact) await takeRecordedAttributes(store, layers, existing, signal);
  return entries;
}

function describe(files: readonly AppendedFile[]): string {
  const shown = files.slice(0, 3).map(({ path }) => path);
  return `append ${shown.join(" ")}${files.length > shown.length ? ` and ${files.length - shown.length} more` : ""}`;
}
