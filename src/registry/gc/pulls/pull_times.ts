/**
 * When manifests were last pulled, for retention: `varve/pulls/repositories/<name>/_manifests/<algorithm>/<hex>`, to the
 * hour. `varve/pulls/recorded.json` says since when anybody records, and when nobody did (another server had the tree, or
 * none): such a time counts for nobody's age, so that no tag goes because its pulls were not seen.
 */
import { algorithmOf, hexOf, type Digest } from "../../../oci/index.ts";
import type { StorageDriver } from "../../storage/types.ts";
import { paths } from "../../tree.ts";
import { hour } from "../gc_clock.ts";
import { trashEntries } from "../trash.ts";
import { digestsIn, repositoryNames } from "../tree_files.ts";

const root = "varve/pulls/repositories";
const bookPath = "varve/pulls/recorded.json";

/** Silence longer than this is time in which nobody recorded. An instance writes each hour. Milliseconds. */
const longestSilence = 3 * hour;
const maxGaps = 1000;

const recordOf = (name: string, digest: Digest) =>
  `${root}/${name}/_manifests/${algorithmOf(digest)}/${hexOf(digest)}`;

export interface LastPull {
  /** `recorded`: it was not pulled since recording began. */
  readonly kind: "pulled" | "recorded";
  /** Milliseconds since 1970: of the pull, or of the beginning. */
  readonly at: number;
  /** Milliseconds since then in which pulls were recorded. */
  readonly idle: number;
}

export interface PullTimes {
  lastPull(repository: string, digest: Digest): Promise<LastPull>;
}

/** Milliseconds since 1970. */
interface Book {
  readonly since: number;
  readonly until: number;
  readonly gaps: readonly (readonly [from: number, to: number])[];
}

/** Undefined: pulls were never recorded here. */
export async function pullTimes(storage: StorageDriver, now: number): Promise<PullTimes | undefined> {
  const book = readBook(await storage.read(bookPath));
  if (book === undefined) return undefined;
  const { since } = book;
  const gaps = now - book.until > longestSilence ? [...book.gaps, [book.until, now] as const] : book.gaps;
  const idleSince = (at: number) =>
    gaps.reduce((idle, [from, to]) => idle - Math.max(0, to - Math.max(from, at)), now - at);
  return {
    async lastPull(repository, digest) {
      const pulled = readTime(await storage.read(recordOf(repository, digest)));
      const kind = pulled !== undefined && pulled >= since ? "pulled" : "recorded";
      const at = Math.max(pulled ?? since, since);
      return { kind, at, idle: idleSince(at) };
    },
  };
}

/** Records a pull, unless a later one is. */
export async function recordPull(
  storage: StorageDriver,
  repository: string,
  digest: Digest,
  time: number,
): Promise<void> {
  const path = recordOf(repository, digest);
  const known = readTime(await storage.read(path));
  if (known === undefined || known < time) await storage.write(path, Buffer.from(String(time)));
}

/**
 * Says that all pulls up to now are recorded.
 * @param complete false: some were lost since the last time
 */
export async function keepBook(storage: StorageDriver, now: number, complete: boolean): Promise<void> {
  const book = readBook(await storage.read(bookPath)) ?? { since: now, until: now, gaps: [] };
  const isGap = !complete || now - book.until > longestSilence;
  const gaps = [...book.gaps, ...(isGap ? [[book.until, now] as const] : [])];
  // What lies before the gaps that are dropped is forgotten.
  const since = gaps.length > maxGaps ? (gaps.at(-maxGaps - 1)?.[1] ?? book.since) : book.since;
  const kept: Book = { since, until: Math.max(now, book.until), gaps: gaps.slice(-maxGaps) };
  await storage.write(bookPath, Buffer.from(JSON.stringify(kept)));
}

/** Removes records of manifests that are gone, from the trash as well. */
export async function forgetPulls(storage: StorageDriver, signal: AbortSignal): Promise<void> {
  for await (const name of repositoryNames(storage, root)) {
    for await (const digest of digestsIn(storage, `${root}/${name}/_manifests`)) {
      signal.throwIfAborted();
      const link = paths.revisionLink(name, digest);
      if ((await storage.stat(link)) !== undefined || (await trashEntries(storage, link)).length > 0)
        continue;
      await storage.remove(recordOf(name, digest));
    }
  }
}

function readTime(bytes: Uint8Array | undefined): number | undefined {
  const time = Number(bytes === undefined ? Number.NaN : Buffer.from(bytes).toString("latin1"));
  return Number.isSafeInteger(time) ? time : undefined;
}

/** A damaged book is none: recording begins anew, and what is old is kept for longer. */
function readBook(bytes: Uint8Array | undefined): Book | undefined {
  try {
    const { since, until, gaps } = JSON.parse(Buffer.from(bytes ?? []).toString("utf8")) as Book;
    const isTime = (value: unknown) => Number.isSafeInteger(value);
    const isWhole = isTime(since) && isTime(until) && gaps.every((gap) => gap.every(isTime));
    return isWhole ? { since, until, gaps } : undefined;
  } catch {
    return undefined;
  }
}
