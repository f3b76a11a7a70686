/** A stack of layers as its tars have it, for where an ordinary user could not unpack it exactly. */
import type { ByteSource } from "../bytes/index.ts";
import { treeOfTars } from "../layer/index.ts";
import type { Store, StoredLayer } from "../store/index.ts";
import type { DirectoryNode } from "../union/index.ts";

/**
 * All names with kind, permission, owner, times and attributes, devices too; contents are to be read elsewhere. Reads
 * every layer whole.
 *
 * @param layers bottom first
 * @throws Failure("corrupt") for a damaged layer, Failure("cancelled")
 */
export async function recordedTree(
  store: Store,
  layers: readonly StoredLayer[],
  signal: AbortSignal,
): Promise<DirectoryNode> {
  return treeOfTars(tarsOf(store, layers, signal), signal);
}

async function* tarsOf(
  store: Store,
  layers: readonly StoredLayer[],
  signal: AbortSignal,
): AsyncGenerator<ByteSource, void, undefined> {
  for (const { chainId } of layers) yield await store.layers.openTar(chainId, { signal });
}
