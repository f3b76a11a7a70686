/** One pool of repositories as this instance knows it: counted off the tree, kept up to date by what it does itself. */
import type { Digest } from "../../oci/index.ts";
import type { PoolUsage } from "./pool_usage.ts";
import type { QuotaPool } from "./quota_rules.ts";
import { Reservations } from "./reservations.ts";

export interface AccountParts {
  readonly pool: QuotaPool;
  readonly count: () => Promise<PoolUsage>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** After how many milliseconds the tree is counted again, because others change it, too. */
  readonly recount: number;
  /** Told when a later count fails; the former one holds. */
  readonly onProblem: (error: unknown) => void;
}

export interface Cost {
  readonly bytes: number;
  readonly tags: number;
}

/** What a push lacks. */
export interface Shortage {
  readonly account: Account;
  readonly what: "bytes" | "tags";
  readonly limit: number;
  /** With what is promised to others. */
  readonly used: number;
  readonly wanted: number;
}

type Change = (usage: PoolUsage) => void;

/** Of its time an instance spends at most a tenth with counting because somebody was refused. */
const share = 10;
const soonest = 5000;

export class Account {
  readonly pool: QuotaPool;
  readonly held = new Reservations();
  readonly #parts: AccountParts;
  #usage: PoolUsage | undefined;
  #counting: Promise<void> | undefined;
  /** What happens while it is counted. */
  readonly #meanwhile: Change[] = [];
  #countedAt = -Infinity;
  #isDoubtful = false;
  #took = 0;

  constructor(parts: AccountParts) {
    this.#parts = parts;
    this.pool = parts.pool;
  }

  /** Resolves when there is a count; an old one is renewed without waiting. @throws what the storage throws */
  async ready(): Promise<void> {
    if (this.#usage === undefined || this.#isDoubtful) return this.#count();
    if (this.#parts.now() - this.#countedAt > this.#parts.recount)
      void this.#count().catch(this.#parts.onProblem);
  }

  /** Counts again unless it has just been done; false then. Before somebody is refused. */
  async recount(): Promise<boolean> {
    const pause = Math.max(soonest, this.#took * share);
    if (this.#parts.now() - this.#countedAt < pause) return false;
    await this.#count().catch(this.#parts.onProblem);
    return true;
  }

  /** Something has happened of which nobody knows enough: the next look waits for a new count. */
  distrust(): void {
    this.#isDoubtful = true;
  }

  /** Something that has happened. */
  change(change: Change): void {
    if (this.#usage !== undefined) change(this.#usage);
    if (this.#counting !== undefined) this.#meanwhile.push(change);
  }

  /** The latest count. It must be {@link ready}. */
  get usage(): PoolUsage {
    const usage = this.#usage!;
    usage.settle(this.#parts.now());
    return usage;
  }

  /** What is missing for a push, beside all that is promised to others. */
  shortage(key: string, cost: Cost): Shortage | undefined {
    const { pool, usage } = this;
    const promised = this.held.sum(key, this.#parts.now());
    for (const what of ["bytes", "tags"] as const) {
      const limit = pool[what] ?? Infinity;
      const used = usage[what] + promised[what];
      if (cost[what] > 0 && used + cost[what] > limit)
        return { account: this, what, limit, used, wanted: cost[what] };
    }
    return undefined;
  }

  /** Gives back what was held for something that has happened; returns the blobs that it names. */
  fulfil(repository: string, digest: Digest): readonly Digest[] | undefined {
    return this.held.fulfil(repository, digest);
  }

  #count(): Promise<void> {
    this.#counting ??= this.#countNow().finally(() => {
      this.#counting = undefined;
      this.#meanwhile.length = 0;
    });
    return this.#counting;
  }

  async #countNow(): Promise<void> {
    const start = this.#parts.now();
    this.#isDoubtful = false;
    const usage = await this.#parts.count();
    // What the count has seen of it or not: now it is so.
    for (const change of this.#meanwhile) change(usage);
    this.#usage = usage;
    this.#countedAt = this.#parts.now();
    this.#took = this.#countedAt - start;
  }
}
