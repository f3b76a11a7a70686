/** What the processor had done for a container at one moment. */
interface CpuSample {
  readonly at: bigint;
  readonly nanoseconds: number;
  readonly nanoCores: number;
}

const second = 1_000_000_000n;
/** Two questions at nearly one moment have one answer. */
const shortest = second / 10n;
/** What nobody has asked about for longer is forgotten: most of such containers have gone. */
const longest = 600n * second;

/** Rates, each since the last question about the container. */
export class CpuRates {
  /** By container, those asked about least lately first. */
  readonly #last = new Map<string, CpuSample>();

  /**
   * @param at nanoseconds, never less than before
   * @param nanoseconds of processor time since the container was started
   * @returns billionths of a processor; 0 for the first question
   */
  of(id: string, at: bigint, nanoseconds: number): number {
    for (const [each, sample] of this.#last) {
      if (at - sample.at <= longest) break;
      this.#last.delete(each);
    }
    const before = this.#last.get(id);
    if (before !== undefined && at - before.at < shortest) return before.nanoCores;
    const done = before === undefined ? 0 : nanoseconds - before.nanoseconds;
    // A container that was started again counts from nothing.
    const nanoCores = before === undefined ? 0 : Math.max((done * 1e9) / Number(at - before.at), 0);
    this.#last.delete(id);
    this.#last.set(id, { at, nanoseconds, nanoCores });
    return nanoCores;
  }

  get size(): number {
    return this.#last.size;
  }
}
