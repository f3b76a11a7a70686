/** A new image out of an old one: optionally one more layer, one history row, a changed config. */
import type { ByteSource } from "../bytes/index.ts";
import { Failure } from "../errors.ts";
import { chainIds, digestOf, type DiffId, type HistoryRow, type ImageConfig } from "../oci/index.ts";
import { encodeConfig, withSession, type Store, type StoredImage } from "../store/index.ts";
import { addLayer } from "./add_layer.ts";

/** Diff ID of a tar without entries (1024 zero bytes): a step that changed nothing makes no layer (B072). */
export const emptyLayerDiffId =
  "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef" as DiffId;

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

/** Docker's limit on the layers of one image (moby layer/layer_store.go; behaviours B048). */
const maximumDepth = 125;

/**
 * Stores the derived image and returns it; it has no name yet. Throws `Failure("limit")` when the new layer would be
 * the 126th (behaviours B048), and whatever unpacking throws.
 */
export async function deriveImage(store: Store, options: DeriveOptions): Promise<StoredImage> {
  return withSession(store, async (session) => {
    const { base, tar, signal } = options;
    const below = base?.config.rootfs.diff_ids ?? [];
    if (tar !== undefined && below.length >= maximumDepth) {
      throw new Failure("limit", "max depth exceeded", {
        hint: `an image has at most ${maximumDepth} layers; \`varve export\` and \`varve import\` make one of many`,
      });
    }
    const layer =
      tar === undefined ? undefined : await addLayer(store, session, chainIds(below).at(-1), tar, signal);
    const bytes = encodeConfig(derivedConfig(options, layer?.diffId));
    await session.claim(`image:${digestOf(bytes)}`);
    const parent = options.recordParent === true && base !== undefined ? { parent: base.id } : {};
    const id = await store.images.put(bytes, parent);
    return (await store.images.get(id)) as StoredImage;
  });
}

function derivedConfig({ base, history, edit }: DeriveOptions, diffId: DiffId | undefined): ImageConfig {
  const config: ImageConfig =
    base === undefined
      ? { architecture: "", os: "linux", rootfs: { type: "layers" } }
      : structuredClone(base.config);
  edit(config);
  const empty = diffId === undefined || diffId === emptyLayerDiffId;
  const diffIds = [...(base?.config.rootfs.diff_ids ?? []), ...(empty ? [] : [diffId])];
  config.history = [...(base?.config.history ?? []), empty ? { ...history, empty_layer: true } : history];
  config.rootfs = diffIds.length > 0 ? { type: "layers", diff_ids: diffIds } : { type: "layers" };
  return config;
}
