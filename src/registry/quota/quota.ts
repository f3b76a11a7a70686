/** Limits for bytes and tags of repositories (behaviours B172): asked before, told after, and asked for a report. */
import type { RegistryEvent, RegistryHooks, RegistryPolicy } from "../hooks.ts";
import { repositoriesAfter } from "../repositories.ts";
import type { StorageDriver } from "../storage/types.ts";
import { Account, type Cost, type Shortage } from "./account.ts";
import { countUsage, namesIn } from "./count_usage.ts";
import type { PoolUsage } from "./pool_usage.ts";
import { quotaDenied } from "./quota_denied.ts";
import { reportOf, type QuotaReport } from "./quota_report.ts";
import { fixedPools, poolsOf, type QuotaPool, type QuotaRule } from "./quota_rules.ts";
import type { Reservation } from "./reservations.ts";

export interface QuotaOptions {
  readonly storage: StorageDriver;
  readonly rules: readonly QuotaRule[];
  /** How long a blob counts that no manifest names, in milliseconds from its upload or mount on. */
  readonly grace: number;
  /** After how many milliseconds the tree is counted again, because others change it, too. */
  readonly recount: number;
  /** Milliseconds since 1970; default: the clock. */
  readonly now?: () => number;
  readonly onProblem: (error: unknown) => void;
}

/** How long an upload without a byte keeps its place; longer than an idle connection lives. Milliseconds. */
const uploadPatience = 15 * 60_000;
/** How long a mount or a manifest may take that has been let through. Milliseconds. */
const stepPatience = 60_000;

type Claim = Pick<Reservation, "repository" | "digest" | "names"> & {
  readonly key: string;
  readonly patience: number;
  readonly cost: (usage: PoolUsage) => Cost;
};

export class Quota {
  readonly #options: QuotaOptions;
  readonly #now: () => number;
  readonly #accounts = new Map<string, Account>();

  constructor(options: QuotaOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  /** What uploads may come to grows as they do, so they need not say how large they will be. */
  readonly policy: RegistryPolicy = {
    beforePush: async ({ repository, blobs, manifest, tags }) => {
      const all = manifest === undefined ? blobs : [...blobs, manifest];
      const cost = (usage: PoolUsage): Cost => ({
        bytes: sum(all.map(({ digest, size }) => (usage.has(digest) ? 0 : size))),
        tags: tags.filter((tag) => !usage.hasTag(repository, tag)).length,
      });
      await this.#admit({ repository, key: "", digest: undefined, patience: 0, cost });
    },
    beforeUpload: async ({ repository, uploadId: key, offset, size }) => {
      const accounts = this.#accountsOf(repository);
      if (accounts.length === 0) return undefined;
      // Whoever does not say how much has at least a byte.
      const bytes = size === undefined ? Math.max(1, offset) : offset + size;
      const claim = { repository, key, digest: undefined, patience: uploadPatience };
      await this.#admit({ ...claim, cost: () => ({ bytes, tags: 0 }) });
      return { grow: (total) => this.#grow(accounts, claim, total) };
    },
    uploadEnded: async (uploadId) => {
      for (const account of this.#accounts.values()) account.held.delete(uploadId);
    },
    beforeBlob: async ({ repository, digest, size, uploadId, actor }) => {
      const key = uploadId ?? `${actor.requestId} ${digest}`;
      const cost = (usage: PoolUsage) => ({ bytes: usage.has(digest) ? 0 : size, tags: 0 });
      await this.#admit({ repository, key, digest, patience: stepPatience, cost });
    },
    beforeManifest: async ({ repository, digest, bytes, tags, actor }) => {
      const names = namesIn(bytes);
      const cost = (usage: PoolUsage): Cost => ({
        bytes:
          (usage.has(digest) ? 0 : bytes.length) + sum(names.map((name) => usage.dormant(repository, name))),
        tags: tags.filter((tag) => !usage.hasTag(repository, tag)).length,
      });
      const key = `${actor.requestId} ${digest}`;
      await this.#admit({ repository, key, digest, names, patience: stepPatience, cost });
    },
  };

  readonly hooks: RegistryHooks = {
    onEvent: (event) => {
      if (event.action === "pull") return;
      for (const account of this.#accountsOf(event.repository)) this.#book(account, event);
    },
  };

  /** All pools with what they have, those without repositories only where the pattern alone makes one; by their names. */
  async report(): Promise<QuotaReport[]> {
    const { rules, storage } = this.#options;
    const pools = new Map(fixedPools(rules).map((pool) => [pool.name, pool]));
    for await (const repository of repositoriesAfter(storage))
      for (const pool of poolsOf(rules, repository)) pools.set(pool.name, pool);
    const accounts = [...pools.values()].map((pool) => this.#accountOf(pool));
    // One after the other: each is many requests to the storage already.
    for (const account of accounts) await account.ready();
    return accounts
      .map((account) => reportOf(account, this.#now()))
      .sort((a, b) => (a.pool < b.pool ? -1 : 1));
  }

  /** Lets it through in all its pools or in none. @throws RegistryError DENIED */
  async #admit(claim: Claim): Promise<void> {
    const accounts = this.#accountsOf(claim.repository);
    await Promise.all(accounts.map((account) => account.ready()));
    const missing = () => this.#missing(accounts, claim.key, claim.cost);
    let shortage = missing();
    if (shortage !== undefined && (await shortage.account.recount())) shortage = missing();
    if (shortage !== undefined) throw quotaDenied(shortage);
    if (claim.patience === 0) return;
    for (const account of accounts) this.#hold(account, claim, claim.cost(account.usage));
  }

  #grow(accounts: readonly Account[], claim: Omit<Claim, "cost">, bytes: number): Promise<void> | undefined {
    const cost = () => ({ bytes, tags: 0 });
    if (this.#missing(accounts, claim.key, cost) !== undefined) return this.#admit({ ...claim, cost });
    for (const account of accounts) {
      const known = account.held.get(claim.key)?.bytes ?? 0;
      this.#hold(account, claim, { bytes: Math.max(bytes, known), tags: 0 });
    }
    return undefined;
  }

  #hold(account: Account, claim: Omit<Claim, "cost">, cost: Cost): void {
    const { key, repository, digest, names, patience } = claim;
    const until = this.#now() + patience;
    account.held.set(key, { repository, digest, until, ...cost, ...(names && { names }) });
  }

  #missing(
    accounts: readonly Account[],
    key: string,
    cost: (usage: PoolUsage) => Cost,
  ): Shortage | undefined {
    for (const account of accounts) {
      const shortage = account.shortage(key, cost(account.usage));
      if (shortage !== undefined) return shortage;
    }
    return undefined;
  }

  #book(account: Account, event: Exclude<RegistryEvent, { action: "pull" }>): void {
    const { repository, digest, size = 0 } = event;
    if (event.action !== "delete" && event.kind === "manifest") {
      const names = account.fulfil(repository, digest);
      account.change((usage) => {
        if (names !== undefined) usage.putManifest(repository, digest, { size, names });
        else if (!usage.hasManifest(repository, digest)) account.distrust();
        if (event.tag !== undefined) usage.putTag(repository, event.tag);
      });
    } else if (event.action !== "delete") {
      account.fulfil(repository, digest);
      const until = this.#now() + this.#options.grace;
      account.change((usage) => usage.link(repository, digest, { size, until }));
    } else if (event.kind === "tag") account.change((usage) => usage.removeTag(repository, event.tag));
    else if (event.kind === "manifest") account.change((usage) => usage.removeManifest(repository, digest));
    else account.change((usage) => usage.unlink(repository, digest));
  }

  #accountsOf(repository: string): Account[] {
    return poolsOf(this.#options.rules, repository).map((pool) => this.#accountOf(pool));
  }

  #accountOf(pool: QuotaPool): Account {
    const known = this.#accounts.get(pool.name);
    if (known !== undefined) return known;
    const { storage, rules, grace, recount, onProblem } = this.#options;
    const now = this.#now;
    const count = () => countUsage(storage, pool, { rules, grace, now });
    const account = new Account({ pool, count, now, recount, onProblem });
    this.#accounts.set(pool.name, account);
    return account;
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
