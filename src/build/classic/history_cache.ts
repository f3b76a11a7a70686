/**
 * Steps that images tell of in their history, wherever they were built: the old builder's `--cache-from` (moby,
 * daemon/internal/image/cache/cache.go, `ImageCache`).
 */
import { isDeepStrictEqual } from "node:util";
import type { DiffId, HistoryRow, ImageId } from "../../oci/index.ts";
import { encodeConfig, type ImageDb, type StoredImage } from "../../store/index.ts";
import type { ClassicCache } from "./classic_cache.ts";
import { classicImage, classicProbe, type ClassicStep } from "./classic_image.ts";

export class HistoryCache {
  readonly #images: ImageDb;
  readonly #local: ClassicCache;
  #sources: readonly StoredImage[];

  constructor(images: ImageDb, local: ClassicCache, sources: readonly StoredImage[]) {
    this.#images = images;
    this.#local = local;
    this.#sources = sources;
  }

  /**
   * What was made here counts only if one of the sources stands on it. Undefined: the step has to be done.
   * @returns a source, which has the image of the step before as its parent then, or an image up to the step
   */
  async find(step: ClassicStep): Promise<StoredImage | undefined> {
    const { parent } = step;
    const probe = classicProbe(step);
    const local = await this.#local.find(parent?.id, probe);
    if (local !== undefined && (await this.#isBelowSource(local.id))) return local;
    const words = (probe.Cmd ?? []).join(" ");
    for (const source of this.#sources) {
      const row = rowAfter(parent, source);
      if (row?.created_by !== words) continue;
      // Docker stays with the first that has a step.
      this.#sources = [source];
      const isLast = source.config.history?.length === (parent?.config.history?.length ?? 0) + 1;
      return this.#put(isLast ? source.bytes : encodeConfig(restored(step, source, row)), parent?.id);
    }
    return undefined;
  }

  async #isBelowSource(id: ImageId): Promise<boolean> {
    for (const source of this.#sources) {
      for (let at = await this.#parentOf(source.id); at !== undefined; at = await this.#parentOf(at))
        if (at === id) return true;
    }
    return false;
  }

  async #parentOf(id: ImageId): Promise<ImageId | undefined> {
    return (await this.#images.get(id))?.parent;
  }

  async #put(bytes: Uint8Array, parent: ImageId | undefined): Promise<StoredImage> {
    const id = await this.#images.put(Buffer.from(bytes), parent === undefined ? {} : { parent });
    return (await this.#images.get(id)) as StoredImage;
  }
}

/** The row of the step after `parent`; undefined: the source does not stand on it, or goes no further. */
function rowAfter(parent: StoredImage | undefined, { config: source }: StoredImage): HistoryRow | undefined {
  const { history, rootfs } = parent?.config ?? {};
  const [rows, diffIds] = [history ?? [], rootfs?.diff_ids ?? []];
  const isBase =
    isDeepStrictEqual(source.history?.slice(0, rows.length) ?? [], rows) &&
    isDeepStrictEqual(source.rootfs.diff_ids?.slice(0, diffIds.length) ?? [], diffIds);
  return isBase ? source.history?.[rows.length] : undefined;
}

/** Without the config of a container: builds that do not name the source are not to find it. */
function restored(step: ClassicStep, { config: source }: StoredImage, row: HistoryRow) {
  const rows = step.parent?.config.history ?? [];
  const { container_config: _, ...config } = classicImage(step, {
    created: row.created ?? source.created ?? "",
    architecture: source.architecture,
    os: source.os,
    dockerVersion: "",
    author: source.author,
    diffId: layerOf(source, rows.length),
  });
  return { ...config, history: [...rows, row] };
}

function layerOf({ history, rootfs }: StoredImage["config"], index: number): DiffId | undefined {
  const rows = history ?? [];
  if (rows[index]?.empty_layer === true) return undefined;
  return rootfs.diff_ids?.[rows.slice(0, index).filter((row) => row.empty_layer !== true).length];
}
