/**
 * Chain IDs (OCI image spec, config.md, "Layer ChainID"):
 * `chain(L0) = diff(L0)`, `chain(L0|...|Ln) = sha256(chain(L0|...|Ln-1) + " " + diff(Ln))`.
 */
import { digestOf, type ChainId, type DiffId } from "./digest.ts";

/** The chain ID of a layer with this diff ID on top of `parent` (undefined: the base). */
export function chainId(parent: ChainId | undefined, diffId: DiffId): ChainId {
  return parent === undefined ? (diffId as string as ChainId) : (digestOf(`${parent} ${diffId}`) as ChainId);
}

/** Chain IDs of a whole stack, bottom first: element n names layers 0..n. */
export function chainIds(diffIds: readonly DiffId[]): ChainId[] {
  const chain: ChainId[] = [];
  for (const diffId of diffIds) chain.push(chainId(chain.at(-1), diffId));
  return chain;
}
