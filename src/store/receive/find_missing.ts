/** Which layers have to be fetched, and by whom. */
import { hexOf } from "../../oci/index.ts";
import { referencesLock } from "../release.ts";
import { holdLock } from "./hold_lock.ts";
import type { StackLayer, Transfer } from "./types.ts";

/**
 * Finds the first layer that the store lacks and takes the locks `chain-<hex>` of it and all above it, so that of
 * several processes one fetches and the others wait and find the layer registered. What is there is claimed, so that
 * no removal takes it from under us. Returns its index; `stack.length` when all is there.
 *
 * No deadlock: locks are taken from the base upwards, and who holds the lock of a layer waits only for locks of layers
 * above it, or of blobs (whose holders wait for the network alone). Below the first missing layer nothing is locked.
 */
export async function findMissing(
  transfer: Transfer,
  stack: readonly StackLayer[],
  locks: AsyncDisposableStack,
): Promise<number> {
  const { store, signal } = transfer;
  for (;;) {
    const first = await claimExisting(transfer, stack);
    const lowest = stack[first];
    if (lowest === undefined) return first;
    const lock = await holdLock(store, chainLock(lowest), signal);
    locks.use(lock);
    if ((await store.layers.get(lowest.chainId)) !== undefined) {
      // Another process registered it while we waited.
      await lock[Symbol.asyncDispose]();
      continue;
    }
    for (const layer of stack.slice(first + 1)) locks.use(await holdLock(store, chainLock(layer), signal));
    return first;
  }
}

/** Chain IDs are shared by prefix only, so the first gap is the only one. */
async function claimExisting({ store, session }: Transfer, stack: readonly StackLayer[]): Promise<number> {
  return store.withLock(referencesLock, async () => {
    let first = 0;
    for (const layer of stack) {
      if ((await store.layers.get(layer.chainId)) === undefined) break;
      first = layer.index + 1;
    }
    const top = stack[first - 1];
    if (top !== undefined) await session.claim(top.chainId);
    return first;
  });
}

function chainLock(layer: StackLayer): string {
  return `chain-${hexOf(layer.chainId)}`;
}
