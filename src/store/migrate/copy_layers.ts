/** Layers, parents first, from their exact tars. */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { throwIfCancelled, type ByteSource } from "../../bytes/index.ts";
import { isTarTarget } from "../../layer/index.ts";
import { chainIds, shortId, type ChainId } from "../../oci/index.ts";
import type { Store, StoredLayer } from "../types.ts";
import { planLayers } from "./plan_layers.ts";
import type { Run } from "./types.ts";

/** Bytes between two lines of progress. */
const interval = 1 << 20;

/** Brings along the layers that the target lacks, and takes away those that nobody needs any more. */
export async function copyLayers(run: Run): Promise<void> {
  const { source, target, report } = run;
  const needed = await planLayers(run);
  await dropOthers(target, new Set(needed.map((layer) => layer.chainId)));
  for (const layer of needed) {
    throwIfCancelled(run.signal);
    const id = shortId(layer.diffId);
    if ((await target.layers.get(layer.chainId)) !== undefined) {
      report({ id, status: "Already exists" });
      continue;
    }
    report({ id, status: "Migrating layer" });
    await copyLayer(run, layer);
    report({ id, status: "Migrated" });
    run.step("layer");
  }
  for (const id of await source.images.list()) {
    const top = chainIds((await source.images.get(id))?.config.rootfs.diff_ids ?? []).at(-1);
    const layer = top === undefined ? undefined : await target.layers.get(top);
    // One may have come since: the next round has it.
    if (layer !== undefined) await target.driver.prepare(layer.cacheId);
  }
}

async function copyLayer(run: Run, layer: StoredLayer): Promise<void> {
  const { target, session, signal } = run;
  const { chainId, diffId, parent, size } = layer;
  const below = parent === undefined ? undefined : await target.layers.get(parent);
  const cacheId = randomBytes(32).toString("hex");
  await session.claim(cacheId);
  try {
    await target.driver.create(cacheId, below?.cacheId);
    const to = target.driver.target(cacheId);
    const record = isTarTarget(to)
      ? {}
      : { tarSplit: join(session.directory, `${cacheId}.tar-split.json.gz`) };
    const open = async () => tarOf(run, layer, await run.source.layers.tarSize(chainId));
    await run.pool.unpack({ target: to, diffId, ...record, open, signal });
    await target.layers.register({ diffId, size, cacheId, ...record, ...(parent && { parent }) });
  } catch (error) {
    // The first failure is the one to report; what stays is found by the next attempt.
    await target.driver.remove(cacheId).catch(() => undefined);
    throw error;
  }
  await session.settle(cacheId);
}

/** The tar, verified at its end by the store. */
async function* tarOf({ source, signal, report }: Run, layer: StoredLayer, total: number): ByteSource {
  const id = shortId(layer.diffId);
  let [current, shown] = [0, 0];
  for await (const chunk of await source.layers.openTar(layer.chainId, { signal })) {
    yield chunk;
    current += chunk.length;
    if (current - shown < interval) continue;
    shown = current;
    report({ id, status: "Migrating layer", current, total });
  }
}

/** What an earlier attempt brought along and was removed since, children first. */
async function dropOthers(target: Store, needed: ReadonlySet<ChainId>): Promise<void> {
  const others: StoredLayer[] = [];
  for (const chain of await target.layers.list()) {
    const layer = needed.has(chain) ? undefined : await target.layers.get(chain);
    if (layer !== undefined) others.push(layer);
  }
  while (others.length > 0) {
    const parents = new Set(others.map((layer) => layer.parent));
    for (const layer of others.filter(({ chainId }) => !parents.has(chainId))) {
      await target.layers.remove(layer.chainId);
      await target.driver.remove(layer.cacheId);
      others.splice(others.indexOf(layer), 1);
    }
  }
}
