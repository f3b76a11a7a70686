/** Several neighbouring layers of an image as one. */
import { Failure } from "../errors.ts";
import { openTree, readCatalog } from "../layer/index.ts";
import {
  chainIds,
  digestOf,
  type ChainId,
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
import { ReadView, TreeBranch } from "../union/index.ts";
import { addLayer } from "./add_layer.ts";
import { emptyLayerDiffId } from "./derive_image.ts";
import { mergeChanges } from "./merge_changes.ts";
import { stackOf } from "./image_facts.ts";
import { openLayersView } from "./open_image_view.ts";
import { spoolLayers } from "./spool_layers.ts";
import { viewTar } from "./view_tar.ts";

export interface SquashOptions {
  /** First and last layer that become one, counted from 1 at the bottom. */
  readonly from: number;
  readonly to: number;
  /** The image below, for the history's comment (default: the chain ID of the layers below). */
  readonly parent?: string;
  readonly names?: readonly Reference[];
  /** RFC 3339; default now. */
  readonly created?: string;
  readonly signal: AbortSignal;
}

/**
 * Stores the image with the layers `from` to `to` merged, and returns it. Its files are the same. What an upper one of
 * these layers hides is gone for good, and so are whiteouts of what only they had. The history keeps its rows, those of
 * the merged layers marked empty, and one row more in Docker's words: `merge sha256:… to sha256:…` (moby,
 * daemon/images/image_squash.go). The image itself stays, and is what it was.
 *
 * @throws {Failure} `invalid` for layers that the image does not have; `corrupt` for a damaged layer
 */
export async function squashLayers(
  store: Store,
  image: StoredImage,
  options: SquashOptions,
): Promise<StoredImage> {
  const { from, to, names = [] } = options;
  const diffIds = image.config.rootfs.diff_ids ?? [];
  checkRange(from, to, diffIds.length);
  const [squashed, unused] = await withSession(store, async (session) => {
    const merged = await mergedLayer(store, session, image, options);
    const isEmpty = merged.diffId === emptyLayerDiffId;
    const stack = [...diffIds.slice(0, from - 1), ...(isEmpty ? [] : [merged.diffId])];
    for (const chain of chainIds(diffIds).slice(to)) {
      const tar = await store.layers.openTar(chain, options);
      stack.push((await addLayer(store, session, chainIds(stack).at(-1), tar, options.signal)).diffId);
    }
    const bytes = encodeConfig(squashedConfig(image, stack, isEmpty, options));
    if ((await store.images.get(digestOf(bytes))) === undefined)
      await session.claim(`image:${digestOf(bytes)}`);
    const id = await store.images.put(bytes, image.parent === undefined ? {} : { parent: image.parent });
    if (names.length > 0) {
      await store.names.setAll(names, id);
      await store.images.markUpdated(id);
    }
    return [(await store.images.get(id)) as StoredImage, isEmpty ? merged : undefined] as const;
  });
  if (unused !== undefined) await releaseLayers(store, unused.chainId);
  return squashed;
}

function checkRange(from: number, to: number, count: number): void {
  if (Number.isInteger(from) && Number.isInteger(to) && 1 <= from && from <= to && to <= count) return;
  throw new Failure("invalid", `cannot squash layers ${from} to ${to}: the image has ${count}`, {
    hint: "Layers are counted from 1, at the bottom; `varve history` shows them from the top.",
  });
}

/** The tars are read in the order of names, not as they lie, so they are laid down in files first. */
async function mergedLayer(
  store: Store,
  session: Session,
  image: StoredImage,
  { from, to, signal }: SquashOptions,
): Promise<StoredLayer> {
  const diffIds = image.config.rootfs.diff_ids ?? [];
  const chains: ChainId[] = chainIds(diffIds);
  const lower = diffIds.slice(0, from - 1);
  using below = await openLayersView(store, await stackOf(store, lower, `image ${image.id}`));
  await using spooled = await spoolLayers(store, chains.slice(from - 1, to), session.directory, signal);
  using tars = openTree(spooled.targets);
  const root = mergeChanges(spooled.targets.map(readCatalog), lower.length === 0 ? undefined : below.view);
  using branch = new TreeBranch(root, tars.sources);
  const tar = viewTar(new ReadView({ dialect: "overlay2", lowers: [branch] }), { signal });
  return await addLayer(store, session, chains[from - 2], tar, signal);
}

function squashedConfig(
  image: StoredImage,
  diffIds: readonly DiffId[],
  isEmpty: boolean,
  options: SquashOptions,
): ImageConfig {
  const config = structuredClone(image.config);
  const created = options.created ?? new Date().toISOString();
  config.created = created;
  config.rootfs = diffIds.length > 0 ? { type: "layers", diff_ids: [...diffIds] } : { type: "layers" };
  config.history = squashedHistory(image, isEmpty, { ...options, created });
  return config;
}

function squashedHistory(
  { id, config }: StoredImage,
  isEmpty: boolean,
  { from, to, parent, created = "" }: SquashOptions,
): HistoryRow[] {
  const below = chainIds(config.rootfs.diff_ids ?? [])[from - 2];
  const onto = from === 1 ? undefined : (parent ?? below);
  const comment = onto === undefined ? `create new from ${id}` : `merge ${id} to ${onto}`;
  const row: HistoryRow = { created, comment, ...(isEmpty && { empty_layer: true }) };
  const rows: HistoryRow[] = [];
  let layer = 0;
  for (const before of config.history ?? []) {
    if (before.empty_layer !== true) layer++;
    const isMerged = before.empty_layer !== true && layer >= from && layer <= to;
    rows.push(isMerged ? { ...before, empty_layer: true } : before);
    if (isMerged && layer === to) rows.push(row);
  }
  // A history that says less than the layers do.
  if (layer < to) rows.push(row);
  return rows;
}
