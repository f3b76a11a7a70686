/** A new image out of an old one: optionally one more layer, one history row, a changed config. */
import type { ByteSource } from "../bytes/index.ts";
import {
  chainIds,
  goJson,
  type DiffId,
  type HistoryRow,
  type ImageConfig,
} from "../oci/index.ts";
import type { Store, StoredImage } from "../store/index.ts";
import { addLayer } from "./add_layer.ts";

/** Diff ID of a tar without entries (1024 zero bytes): a step that changed nothing makes no layer (B072). */
export const emptyLayerDiffId = "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef" as DiffId;

export interface DeriveOptions {
  /** The parent; undefined: an image on nothing. */
  readonly base?: StoredImage;
  /** The new top layer's tar, in any compression; undefined: metadata only. */
  readonly tar?: ByteSource;
  readonly history: HistoryRow;
  /** Changes a copy of the base's config (or a bare one); `rootfs` and `history` are set afterwards. */
  readonly edit: (config: ImageConfig) => void;
  /** Whether the new image names the base as its parent, as build and commit do and import does not. */
  readonly recordParent?: boolean;
  readonly signal: AbortSignal;
}

const byteOrder = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** The config's bytes as Docker stores them: compact, top-level keys in byte order (behaviours B132). */
export function encodeConfig(config: ImageConfig): Uint8Array {
  const sorted = Object.fromEntries(
    Object.entries(config)
      .filter(([, value]) => value !== undefined)
      .sort(([a], [b]) => byteOrder(a, b)),
  );
  return Buffer.from(goJson(sorted), "utf8");
}

/**
 * Stores the derived image and returns it; it has no name yet. Throws `Failure("limit")` when the new layer would be
 * the 126th (behaviours B048), and whatever unpacking throws.
 */
export async function deriveImage(store: Store, options: DeriveOptions): Promise<StoredImage> {
  const { base, history, edit, signal } = options;
  const diffIds = [...(base?.config.rootfs.diff_ids ?? [])];
  const layer =
    options.tar === undefined ? undefined : await addLayer(store, chainIds(diffIds).at(-1), options.tar, signal);
  const config: ImageConfig =
    base === undefined ? { architecture: "", os: "linux", rootfs: { type: "layers" } } : structuredClone(base.config);
  edit(config);
  const empty = layer === undefined || layer.diffId === emptyLayerDiffId;
  if (!empty) diffIds.push(layer.diffId);
  config.history = [...(base?.config.history ?? []), empty ? { ...history, empty_layer: true } : history];
  config.rootfs = diffIds.length > 0 ? { type: "layers", diff_ids: diffIds } : { type: "layers" };
  const parent = options.recordParent === true && base !== undefined ? { parent: base.id } : {};
  const id = await store.images.put(encodeConfig(config), parent);
  return (await store.images.get(id)) as StoredImage;
}
