/** An image from anywhere into the store: the common half of pull, load, import, commit and build. */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { isFailure } from "../errors.ts";
import { cancelled, type ImageView } from "../bytes/index.ts";
import { isTarTarget } from "../layer/index.ts";
import { chainIds, type Reference } from "../oci/index.ts";
import { defaultUnpacker } from "./receive/default_unpacker.ts";
import { findMissing } from "./receive/find_missing.ts";
import { lineId } from "./receive/layer_progress.ts";
import { readConfig, type VerifiedConfig } from "./receive/read_config.ts";
import { knownImage, registerImage, setNames } from "./receive/register_image.ts";
import { stackOf } from "./receive/stack.ts";
import type { MissingLayer, ReceivedImage, ReceiveOptions, StackLayer, Transfer } from "./receive/types.ts";
import { unpackStack } from "./receive/unpack_stack.ts";
import { Writeback } from "./receive/writeback.ts";
import { explainDiskFull } from "./disk_full.ts";
import { keepManifest } from "./manifests.ts";
import { referencesLock } from "./release.ts";
import { withSession } from "./with_session.ts";
import type { Store } from "./types.ts";

export type { ReceivedImage, ReceiveOptions, Unpacker } from "./receive/types.ts";

/** Docker's default. */
const defaultConcurrency = 3;

/**
 * Brings `image` into `store` and gives it `names`, which may be none. Behaviours B114 to B118:
 *
 * 1. An image that is there and whole is only named: nothing is asked of the source.
 * 2. The config is read and verified, and its diff IDs are held against the layers.
 * 3. Layers whose chain IDs are known are not opened. Of several processes one fetches a layer; the others wait.
 * 4. All others are fetched and unpacked in parallel, both digests verified on the way.
 * 5. Layers bottom first, then the image, then its names become visible, everything flushed to the disk before.
 *
 * After any failure, and after a crash at any point, images and names are as they were; directories and layers of the
 * failed image are gone (after a crash: with the next garbage collection). What was downloaded stays in partial files,
 * and the next attempt goes on from there.
 *
 * Throws `Failure`: `corrupt` for wrong digests or a config that does not fit, `limit` for 126 layers, `cancelled`
 * when the signal aborts, `no-space`, and whatever the source throws.
 */
export async function receiveImage(
  store: Store,
  image: ImageView,
  names: readonly Reference[],
  options: ReceiveOptions,
): Promise<ReceivedImage> {
  try {
    const known = await nameKnownImage(store, image, names, options);
    if (known !== undefined) return known;
    const config = await readConfig(image, options.signal);
    const stack = stackOf(image, config.config);
    const concurrency = options.concurrency ?? defaultConcurrency;
    await using own = new AsyncDisposableStack();
    const pool = options.pool ?? own.use(defaultUnpacker(concurrency));
    return await withSession(store, async (session) => {
      let bytesFetched = 0;
      await using writeback = new Writeback(store.root);
      const transfer: Transfer = {
        store,
        image,
        names,
        session,
        pool,
        signal: options.signal,
        concurrency,
        keepBlobs: options.keepBlobs ?? true,
        report: options.report ?? (() => undefined),
        step: options.onStep ?? (() => undefined),
        writeback,
        count: (bytes) => (bytesFetched += bytes),
      };
      const layersFetched = await receiveStack(transfer, stack, config, { ...options, own });
      const layersExisting = stack.length - layersFetched;
      return { imageId: image.imageId, layersFetched, layersExisting, bytesFetched };
    });
  } catch (error) {
    throw asFailure(error, store.root, options.signal);
  }
}

/** Returns the number of layers that were missing. */
async function receiveStack(
  transfer: Transfer,
  stack: readonly StackLayer[],
  config: VerifiedConfig,
  options: ReceiveOptions & { readonly own: AsyncDisposableStack },
): Promise<number> {
  await using locks = new AsyncDisposableStack();
  const first = await findMissing(transfer, stack, locks);
  transfer.step("locked");
  const missing = await nameDirectories(transfer, stack, first);
  announce(transfer, stack, first);
  const fetched = await unpackStack(transfer, missing);
  // A worker is some 50 MB that the rest can do without.
  await options.own.disposeAsync();
  await registerImage(transfer, stack, fetched, config, options.parent);
  for (const { layer } of fetched) {
    if (layer.view.blob !== undefined) transfer.report({ id: lineId(layer), status: "Pull complete" });
  }
  return fetched.length;
}

/** Undefined if the image or one of its layers is not there. */
async function nameKnownImage(
  store: Store,
  image: ImageView,
  names: readonly Reference[],
  options: ReceiveOptions,
): Promise<ReceivedImage | undefined> {
  if ((await knownImage({ store, image })) === undefined) return undefined;
  return store.withLock(
    referencesLock,
    async () => {
      const stored = await knownImage({ store, image });
      if (stored === undefined) return undefined;
      const diffIds = stored.config.rootfs.diff_ids ?? [];
      const stack = chainIds(diffIds);
      for (const chain of stack) if ((await store.layers.get(chain)) === undefined) return undefined;
      await keepManifest(store, image, diffIds);
      await setNames({ store, image, names, step: options.onStep ?? (() => undefined) });
      return {
        imageId: image.imageId,
        layersFetched: 0,
        layersExisting: stack.length,
        bytesFetched: 0,
      };
    },
    options.signal,
  );
}

/** Draws cache IDs and puts them on record before anything is made. */
async function nameDirectories(
  transfer: Transfer,
  stack: readonly StackLayer[],
  first: number,
): Promise<MissingLayer[]> {
  const base = stack[first - 1];
  const below = base === undefined ? undefined : await transfer.store.layers.get(base.chainId);
  const cacheIds = stack.map(() => randomBytes(32).toString("hex"));
  await transfer.session.claim(...cacheIds.slice(first));
  return stack.slice(first).map((layer) => {
    const parentCacheId = layer.index === first ? below?.cacheId : cacheIds[layer.index - 1];
    const cacheId = cacheIds[layer.index] as string;
    const tarSplit = join(transfer.session.directory, `${layer.index}.tar-split.json.gz`);
    return {
      ...layer,
      cacheId,
      ...(!isTarTarget(transfer.store.driver.target(cacheId)) && { tarSplit }),
      ...(parentCacheId !== undefined && { parentCacheId }),
    };
  });
}

/** One line a layer before anything moves. An archive's layers get theirs when they move: Docker's load does so. */
function announce(transfer: Transfer, stack: readonly StackLayer[], first: number): void {
  for (const layer of stack) {
    if (layer.view.blob === undefined) continue;
    const id = lineId(layer);
    transfer.report({ id, status: layer.index < first ? "Already exists" : "Pulling fs layer" });
    if (layer.index >= first + transfer.concurrency) transfer.report({ id, status: "Waiting" });
  }
}

/** Everything that leaves here is a Failure: cancellation and a full disk come from many places in many shapes. */
function asFailure(error: unknown, root: string, signal: AbortSignal): unknown {
  if (isFailure(error)) return error;
  return signal.aborted ? cancelled(signal) : explainDiskFull(root, error);
}
