/**
 * What a pool of repositories has. The rule: each distinct blob counts once, whichever and however many of its
 * repositories have it; manifests are blobs. A blob that no manifest of its repository names counts while it is fresh, so
 * that a push which came to nothing costs nothing, and deleting a manifest frees what only it named.
 */
import type { Digest } from "../../oci/index.ts";

interface Link {
  readonly size: number;
  /** Fresh until then, in milliseconds since 1970. */
  readonly until: number;
}

interface Manifest {
  readonly size: number;
  /** Blobs that it names. */
  readonly names: readonly Digest[];
}

interface Content {
  readonly links: Map<Digest, Link>;
  readonly manifests: Map<Digest, Manifest>;
  readonly tags: Set<string>;
  /** How many manifests name the blob. */
  readonly named: Map<Digest, number>;
  /** What counts for this repository. */
  readonly counted: Map<Digest, number>;
}

/** Each change says how things are, so it may be told more than once. */
export class PoolUsage {
  readonly #repositories = new Map<string, Content>();
  /** In how many repositories a blob counts. */
  readonly #holders = new Map<Digest, number>();
  /** In the order in which they end, once that is needed. */
  readonly #fresh: { readonly repository: string; readonly digest: Digest; readonly until: number }[] = [];
  #isSorted = true;
  #bytes = 0;
  #tags = 0;
  #now = 0;

  get bytes(): number {
    return this.#bytes;
  }

  get tags(): number {
    return this.#tags;
  }

  /** Names of those that have anything. */
  get repositories(): string[] {
    const used = [...this.#repositories].filter(
      ([, { counted, links, tags }]) => counted.size + links.size + tags.size > 0,
    );
    return used.map(([name]) => name).sort();
  }

  /** Lets what is fresh no more go out of the count. @param now milliseconds since 1970; never less than before */
  settle(now: number): void {
    this.#now = now;
    if (!this.#isSorted) this.#fresh.sort((a, b) => a.until - b.until);
    this.#isSorted = true;
    const end = this.#fresh.findIndex(({ until }) => until > now);
    const over = this.#fresh.splice(0, end < 0 ? this.#fresh.length : end);
    for (const { repository, digest } of over) this.#weigh(this.#of(repository), digest);
  }

  has(digest: Digest): boolean {
    return this.#holders.has(digest);
  }

  /** Bytes of a blob that is linked there and does not count in this pool any more. */
  dormant(repository: string, digest: Digest): number {
    return this.has(digest) ? 0 : (this.#repositories.get(repository)?.links.get(digest)?.size ?? 0);
  }

  hasManifest(repository: string, digest: Digest): boolean {
    return this.#repositories.get(repository)?.manifests.has(digest) === true;
  }

  hasTag(repository: string, tag: string): boolean {
    return this.#repositories.get(repository)?.tags.has(tag) === true;
  }

  link(repository: string, digest: Digest, link: Link): void {
    const content = this.#of(repository);
    content.links.set(digest, link);
    if (link.until > this.#now) {
      this.#isSorted &&= (this.#fresh.at(-1)?.until ?? 0) <= link.until;
      this.#fresh.push({ repository, digest, until: link.until });
    }
    this.#weigh(content, digest);
  }

  unlink(repository: string, digest: Digest): void {
    const content = this.#of(repository);
    content.links.delete(digest);
    this.#weigh(content, digest);
  }

  putManifest(repository: string, digest: Digest, manifest: Manifest): void {
    const content = this.#of(repository);
    if (content.manifests.has(digest)) return;
    content.manifests.set(digest, manifest);
    this.#name(content, manifest.names, 1);
    this.#weigh(content, digest);
  }

  removeManifest(repository: string, digest: Digest): void {
    const content = this.#of(repository);
    const manifest = content.manifests.get(digest);
    if (manifest === undefined) return;
    content.manifests.delete(digest);
    this.#name(content, manifest.names, -1);
    this.#weigh(content, digest);
  }

  putTag(repository: string, tag: string): void {
    const { tags } = this.#of(repository);
    this.#tags += tags.has(tag) ? 0 : 1;
    tags.add(tag);
  }

  removeTag(repository: string, tag: string): void {
    if (this.#of(repository).tags.delete(tag)) this.#tags -= 1;
  }

  #of(repository: string): Content {
    const known = this.#repositories.get(repository);
    if (known !== undefined) return known;
    const fresh: Content = {
      links: new Map(),
      manifests: new Map(),
      tags: new Set(),
      named: new Map(),
      counted: new Map(),
    };
    this.#repositories.set(repository, fresh);
    return fresh;
  }

  #name(content: Content, names: readonly Digest[], by: 1 | -1): void {
    for (const digest of names) {
      add(content.named, digest, by);
      this.#weigh(content, digest);
    }
  }

  #weigh({ links, manifests, named, counted }: Content, digest: Digest): void {
    const link = links.get(digest);
    const counts = link !== undefined && (named.has(digest) || link.until > this.#now);
    const size = manifests.get(digest)?.size ?? (counts ? link.size : undefined);
    const before = counted.get(digest);
    if ((before === undefined) === (size === undefined)) return;
    if (size !== undefined) {
      counted.set(digest, size);
      if (add(this.#holders, digest, 1) === 1) this.#bytes += size;
    } else {
      counted.delete(digest);
      if (add(this.#holders, digest, -1) === 0) this.#bytes -= before!;
    }
  }
}

/** Counts, and forgets what is none. Returns the count after. */
function add(counts: Map<Digest, number>, digest: Digest, by: 1 | -1): number {
  const count = (counts.get(digest) ?? 0) + by;
  if (count === 0) counts.delete(digest);
  else counts.set(digest, count);
  return count;
}
