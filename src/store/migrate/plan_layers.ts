/** Which layers a store's images, containers and build cache stand on. */
import { readHolds } from "../build_cache/cache_folder.ts";
import { topsOf } from "../container_layers.ts";
import { Failure } from "../../errors.ts";
import { chainIds, type ChainId } from "../../oci/index.ts";
import { referencesLock } from "../release.ts";
import type { Store, StoredLayer } from "../types.ts";
import type { Run } from "./types.ts";

/** The layers that are to be there, parents first; claimed, so that no removal takes them while they are read. */
export async function planLayers({ source, session, signal }: Run): Promise<StoredLayer[]> {
  return source.withLock(
    referencesLock,
    async () => {
      const layers = await neededLayers(source);
      await session.claim(...layers.map((layer) => layer.chainId));
      return layers;
    },
    signal,
  );
}

/** Parents first. Throws `Failure("corrupt")` where one is missing. */
export async function neededLayers(store: Store): Promise<StoredLayer[]> {
  const needed = new Map<ChainId, StoredLayer>();
  for (const [top, user] of await usedTops(store)) {
    const above: StoredLayer[] = [];
    for (let next: ChainId | undefined = top; next !== undefined && !needed.has(next);) {
      const layer: StoredLayer | undefined = await store.layers.get(next);
      if (layer === undefined) throw missing(next, user);
      above.push(layer);
      next = layer.parent;
    }
    for (const layer of above.reverse()) needed.set(layer.chainId, layer);
  }
  return [...needed.values()];
}

/** Uppermost layers with one who stands on each. A container's image may be gone. */
async function usedTops(store: Store): Promise<Map<ChainId, string>> {
  const tops = new Map<ChainId, string>();
  for (const id of await store.images.list()) {
    const top = chainIds((await store.images.get(id))?.config.rootfs.diff_ids ?? []).at(-1);
    if (top !== undefined) tops.set(top, `image ${id}`);
  }
  for (const id of await store.containers.list()) {
    const layer = await store.containers.get(id);
    for (const top of layer === undefined ? [] : topsOf(layer))
      if (!tops.has(top)) tops.set(top, `container ${id}`);
  }
  // Records stay where they are: they name layers, and these are the same under every driver. One whose layers are gone
  // is as good as none.
  for (const { key, top } of readHolds(store.root)) {
    if (!tops.has(top) && (await store.layers.get(top)) !== undefined)
      tops.set(top, `record ${key} of the build cache`);
  }
  return tops;
}

function missing(chain: ChainId, user: string): Failure {
  return new Failure("corrupt", `${user} needs layer ${chain}, which the store does not have`, {
    hint: "`varve system check` says what is damaged. Remove it, then migrate again.",
  });
}
