/** A new image out of an old one: optionally one more layer, one history row, a changed config. */
import type { ByteSource } from "../bytes/index.ts";
import { Failure } from "../errors.ts";
import {
  chainIds,
  digestOf,
  type DiffId,
  type HistoryRow,
  type ImageConfig,
  type Reference,
} from "../oci/index.ts";
import {
  encodeConfig,
  releaseLayers,
  withSession,
  type Session,
  type Store,
  type StoredImage,
  type StoredLayer,
} from "../store/index.ts";
import { addLayer } from "./add_layer.ts";

/** Diff ID of a tar without entries (1024 zero bytes). */
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
  /** Whether a tar without entries makes a layer, as import does. Default: no, a step that changed nothing has none (B072). */
  readonly keepEmptyLayer?: boolean;
  /** What the image is to be called; default: nothing. Killed before it has the name, the image is never seen. */
  readonly name?: Reference;
  readonly signal: AbortSignal;
}

/** Docker's limit on the layers of one image (moby layer/layer_store.go; behaviours B048). */
export const maximumDepth = 125;

/**
 * Stores the derived image, names it if it is to have a name, and returns it. Throws `Failure("limit")` when the new
 * layer would be the 126th (behaviours B048), and whatever unpacking throws; then nothing of it stays.
 */
export async function deriveImage(store: Store, options: DeriveOptions): Promise<StoredImage> {
  const { base, tar } = options;
  const below = base?.config.rootfs.diff_ids ?? [];
  if (tar !== undefined && below.length >= maximumDepth) {
    throw new Failure("limit", "max depth exceeded", {
      hint: `an image has at most ${maximumDepth} layers; \`varve export\` and \`varve import\` make one of many`,
    });
  }
  const [image, unused] = await withSession(store, async (session) => {
    const layer = tar === undefined ? undefined : await makeLayer(store, session, options, tar);
    const empty = layer?.diffId === emptyLayerDiffId && options.keepEmptyLayer !== true;
    const bytes = encodeConfig(derivedConfig(options, empty ? undefined : layer?.diffId));
    // One that is here already is not this session's to take back.
    if ((await store.images.get(digestOf(bytes))) === undefined)
      await session.claim(`image:${digestOf(bytes)}`);
    const parent = options.recordParent === true && base !== undefined ? { parent: base.id } : {};
    const id = await store.images.put(bytes, parent);
    if (options.name !== undefined) {
      await store.names.set(options.name, id);
      await store.images.markUpdated(id);
    }
    const stored = (await store.images.get(id)) as StoredImage;
    return [stored, empty ? layer : undefined] as const;
  });
  // That nothing was in it is known only when it lies unpacked. It may be some other image's, so it is only let go.
  if (unused !== undefined) await releaseLayers(store, unused.chainId);
  return image;
}

function makeLayer(
  store: Store,
  session: Session,
  { base, signal }: DeriveOptions,
  tar: ByteSource,
): Promise<StoredLayer> {
  return addLayer(store, session, chainIds(base?.config.rootfs.diff_ids ?? []).at(-1), tar, signal);
}

/** `diffId`: the new layer's; undefined: there is none. */
function derivedConfig({ base, history, edit }: DeriveOptions, diffId: DiffId | undefined): ImageConfig {
  const config: ImageConfig =
    base === undefined
      ? { architecture: "", os: "linux", rootfs: { type: "layers" } }
      : structuredClone(base.config);
  edit(config);
  const diffIds = [...(base?.config.rootfs.diff_ids ?? []), ...(diffId === undefined ? [] : [diffId])];
  const row = diffId === undefined ? { ...history, empty_layer: true } : history;
  config.history = [...(base?.config.history ?? []), row];
  config.rootfs = diffIds.length > 0 ? { type: "layers", diff_ids: diffIds } : { type: "layers" };
  return config;
}
