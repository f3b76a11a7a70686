/** Turns one tar into one more layer of the store. */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { ByteSource } from "../bytes/index.ts";
import { Failure } from "../errors.ts";
import { isTarTarget, unpackHere } from "../layer/index.ts";
import { chainId, type ChainId } from "../oci/index.ts";
import {
  referencesLock,
  registerUnflushed,
  type Session,
  type Store,
  type StoredLayer,
} from "../store/index.ts";

/**
 * Unpacks `tar` (in any compression) on top of `parent` and registers it. The diff ID is whatever the bytes hash to.
 * What it makes is claimed in `session`: it stays only if the session's work succeeds and refers to it.
 * Throws `Failure("not-found")` for a parent that is not in the store, and what unpacking throws.
 */
export async function addLayer(
  store: Store,
  session: Session,
  parent: ChainId | undefined,
  tar: ByteSource,
  signal: AbortSignal,
): Promise<StoredLayer> {
  const below = parent === undefined ? undefined : await holdParent(store, session, parent);
  const cacheId = randomBytes(32).toString("hex");
  await session.claim(cacheId);
  await store.driver.create(cacheId, below?.cacheId);
  const target = store.driver.target(cacheId);
  const record = isTarTarget(target)
    ? {}
    : { tarSplit: join(session.directory, `${cacheId}.tar-split.json.gz`) };
  const job = { target, ...record, open: () => Promise.resolve(tar), signal };
  const { diffId, size } = await unpackHere(job, { sync: false });
  await session.claim(chainId(parent, diffId));
  const made = { diffId, size, cacheId, ...record, ...(parent && { parent }) };
  const layer = await registerUnflushed(store, made);
  // Another process may have registered this chain ID first; then our directory is surplus.
  if (layer.cacheId !== cacheId) await store.driver.remove(cacheId);
  return layer;
}

/** From here on no removal takes the parent away, whose image may go meanwhile. */
async function holdParent(store: Store, session: Session, parent: ChainId): Promise<StoredLayer> {
  return store.withLock(referencesLock, async () => {
    const layer = await store.layers.get(parent);
    if (layer === undefined) throw new Failure("not-found", `no layer ${parent} to stand on`);
    await session.claim(parent);
    return layer;
  });
}
