/** Which records have to go so that the build cache takes no more than it may. */
import type { ChainId, Digest } from "../../oci/index.ts";
import type { CacheUsage } from "./types.ts";

/** Layers as far as the choice needs them. */
type LayerFacts = ReadonlyMap<ChainId, { readonly parent?: ChainId; readonly size: number }>;

/**
 * Keys of `candidates`, least recently used first, until those who stay hold no more than `keepBytes` of layers that
 * nobody else has. A record counts as used when one that stands on its layers was used: a layer is not freed while others
 * are above it, and a step is no use without those below.
 *
 * @param elsewhere layers that images and containers have: they are not the cache's
 * @param staying records that stay in any case
 */
export function planPrune(
  candidates: readonly CacheUsage[],
  staying: readonly CacheUsage[],
  layers: LayerFacts,
  elsewhere: ReadonlySet<string>,
  keepBytes: number,
): Digest[] {
  const holders = new Holders(layers, elsewhere);
  for (const { top } of [...candidates, ...staying]) holders.add(top);
  const used = usedAbove([...candidates, ...staying], layers);
  const depths = new Map(candidates.map(({ top }) => [top, stackOf(top, layers).length]));
  const lastUse = ({ top, lastUsed }: CacheUsage): number =>
    Math.max(lastUsed.getTime(), (top && used.get(top)) ?? 0);
  const byAge = [...candidates].sort(
    (a, b) => lastUse(a) - lastUse(b) || (depths.get(b.top) ?? 0) - (depths.get(a.top) ?? 0),
  );
  const going: Digest[] = [];
  for (const { key, top } of byAge) {
    if (holders.size <= keepBytes) break;
    going.push(key);
    holders.remove(top);
  }
  return going;
}

/** Bytes of the layers that only records hold. */
class Holders {
  size = 0;
  readonly #layers: LayerFacts;
  readonly #elsewhere: ReadonlySet<string>;
  /** Records and layers that stand directly on a layer. */
  readonly #above = new Map<ChainId, number>();

  constructor(layers: LayerFacts, elsewhere: ReadonlySet<string>) {
    this.#layers = layers;
    this.#elsewhere = elsewhere;
  }

  add(top: ChainId | undefined): void {
    for (let at = top; at !== undefined; at = this.#layers.get(at)?.parent) {
      const count = this.#above.get(at) ?? 0;
      this.#above.set(at, count + 1);
      if (count > 0) return;
      this.size += this.#bytesOf(at);
    }
  }

  remove(top: ChainId | undefined): void {
    for (let at = top; at !== undefined; at = this.#layers.get(at)?.parent) {
      const count = (this.#above.get(at) ?? 0) - 1;
      this.#above.set(at, count);
      if (count > 0) return;
      this.size -= this.#bytesOf(at);
    }
  }

  #bytesOf(chain: ChainId): number {
    return this.#elsewhere.has(chain) ? 0 : (this.#layers.get(chain)?.size ?? 0);
  }
}

/** For each layer, when it or one above it was last used. */
function usedAbove(records: readonly CacheUsage[], layers: LayerFacts): Map<ChainId, number> {
  const used = new Map<ChainId, number>();
  for (const { top, lastUsed } of records) {
    const time = lastUsed.getTime();
    for (let at = top; at !== undefined && (used.get(at) ?? -1) < time; at = layers.get(at)?.parent)
      used.set(at, time);
  }
  return used;
}

function stackOf(top: ChainId | undefined, layers: LayerFacts): ChainId[] {
  const stack: ChainId[] = [];
  for (let at = top; at !== undefined; at = layers.get(at)?.parent) stack.push(at);
  return stack;
}
