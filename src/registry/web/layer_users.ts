/**
 * Which repositories have a blob. Only the links below each repository tell, so what was listed of a repository is kept
 * until something happens to it here, or, as other instances may have changed it, for a while.
 */
import type { Digest } from "../../oci/index.ts";
import { concurrently } from "../concurrently.ts";
import { digestsIn } from "../gc/tree_files.ts";
import { repositoriesAfter } from "../repositories.ts";
import type { StorageDriver } from "../storage/types.ts";
import { isRepositoryName, paths } from "../tree.ts";

/** Repositories that are looked into, in the order of their names, and links of all of them that are remembered. */
const mostRepositories = 1000;
const mostLinks = 100_000;
/** Milliseconds. */
const maxAge = 60_000;

interface Links {
  readonly digests: ReadonlySet<Digest>;
  readonly read: number;
}

export interface LayerUse {
  /** Repositories by blob, sorted. */
  readonly users: ReadonlyMap<Digest, readonly string[]>;
  /** There are repositories that were not looked into. */
  readonly cut: boolean;
}

export class LayerUsers {
  readonly #storage: StorageDriver;
  readonly #now: () => number;
  readonly #patience: number;
  readonly #links = new Map<string, Links>();
  #names: { readonly list: readonly string[]; readonly cut: boolean; readonly read: number } | undefined;
  #reading: Promise<boolean> | undefined;

  /** @param options.now and patience in milliseconds */
  constructor(storage: StorageDriver, options: { now?: () => number; patience?: number } = {}) {
    const { now = Date.now, patience = 2000 } = options;
    this.#storage = storage;
    this.#now = now;
    this.#patience = patience;
  }

  /** Of a storage far away that takes longer than a reader likes to wait, what is known by then; the rest is read on. */
  async of(digests: readonly Digest[]): Promise<LayerUse> {
    // Whoever comes meanwhile gets the same.
    this.#reading ??= this.#read().finally(() => (this.#reading = undefined));
    const cut = await within(this.#patience, this.#reading, true);
    const usersOf = (digest: Digest) =>
      [...this.#links].flatMap(([name, links]) => (links.digests.has(digest) ? [name] : [])).sort();
    return { users: new Map(digests.map((digest) => [digest, usersOf(digest)])), cut };
  }

  /** Something happened to this repository. */
  forget(name: string): void {
    this.#links.delete(name);
    if (this.#names?.list.includes(name) !== true) this.#names = undefined;
  }

  async #read(): Promise<boolean> {
    const { list, cut } = await this.#listed();
    const wanted = new Set(list);
    for (const name of this.#links.keys()) if (!wanted.has(name)) this.#links.delete(name);
    let count = 0;
    for (const links of this.#links.values()) count += links.digests.size;
    const stale = list.filter((name) => !this.#isFresh(this.#links.get(name)));
    let full = false;
    await concurrently(stale, async (name) => {
      full ||= count > mostLinks;
      if (full) return;
      const digests = new Set<Digest>();
      for await (const digest of digestsIn(this.#storage, paths.layers(name))) digests.add(digest);
      count += digests.size - (this.#links.get(name)?.digests.size ?? 0);
      this.#links.set(name, { digests, read: this.#now() });
    });
    return cut || full;
  }

  async #listed() {
    if (this.#isFresh(this.#names)) return this.#names;
    const list: string[] = [];
    let cut = false;
    for await (const name of repositoriesAfter(this.#storage)) {
      cut = list.length === mostRepositories;
      if (cut) break;
      if (isRepositoryName(name)) list.push(name);
    }
    return (this.#names = { list, cut, read: this.#now() });
  }

  #isFresh<Read extends { readonly read: number }>(read: Read | undefined): read is Read {
    return read !== undefined && this.#now() - read.read < maxAge;
  }
}

async function within<Value>(patience: number, promise: Promise<Value>, otherwise: Value): Promise<Value> {
  // The next reader will be told of a failure that comes late.
  promise.catch(() => undefined);
  const late = Promise.withResolvers<Value>();
  const timer = setTimeout(() => late.resolve(otherwise), patience);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
