/** Turns one tar into one more layer of the store. */
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import type { ByteSource } from "../bytes/index.ts";
import { unpackHere } from "../layer/index.ts";
import type { ChainId } from "../oci/index.ts";
import { withSession, type Store, type StoredLayer } from "../store/index.ts";

/**
 * Unpacks `tar` (in any compression) on top of `parent` and registers it. The diff ID is whatever the bytes hash to.
 * Throws what unpacking throws; then nothing of it stays in the store.
 */
export async function addLayer(
  store: Store,
  parent: ChainId | undefined,
  tar: ByteSource,
  signal: AbortSignal,
): Promise<StoredLayer> {
  const parentLayer = parent === undefined ? undefined : await store.layers.get(parent);
  const cacheId = randomBytes(32).toString("hex");
  return withSession(store, async (session) => {
    await session.claim(cacheId);
    const staging = await mkdtemp(join(session.directory, "layer-"));
    let registered: StoredLayer | undefined;
    try {
      await store.driver.create(cacheId, parentLayer?.cacheId);
      const tarSplit = join(staging, "tar-split.json.gz");
      const unpacked = await unpackHere({
        target: store.driver.target(cacheId),
        tarSplit,
        open: () => Promise.resolve(tar),
        signal,
      });
      const { diffId, size } = unpacked;
      registered = await store.layers.register({ diffId, size, cacheId, tarSplit, ...(parent && { parent }) });
      return registered;
    } finally {
      // Another process may have registered chainId(parent, diffId) first; then ours is surplus.
      if (registered?.cacheId !== cacheId) await store.driver.remove(cacheId);
      await rm(staging, { recursive: true, force: true });
    }
  });
}
