/** Checks all of a registry's storage while it is in use, and heals what can be healed. */
import { setTimeout } from "node:timers/promises";
import type { ByteSource } from "../../../bytes/index.ts";
import type { Digest } from "../../../oci/index.ts";
import type { ByteRange, StorageDriver } from "../../storage/types.ts";
import { paths } from "../../tree.ts";
import { guardOf } from "../blob_guard.ts";
import { systemClock, type GcClock } from "../gc_clock.ts";
import { markRepository, reasonText, type MarkedRepository } from "../mark_repository.ts";
import { copyBack, moveToTrash, writeBlob } from "../trash.ts";
import { repositoryNames } from "../tree_files.ts";
import { checkRepository } from "./check_repository.ts";
import type { Finding } from "./finding.ts";
import { corruptBlobs, isDigestOf } from "./scrub_blobs.ts";

export interface FsckOptions {
  /** False: finds and changes nothing but the record of how far it got. */
  readonly repair: boolean;
  /** Reads all blobs; false: only looks whether they are there. Default: true. */
  readonly scrub?: boolean;
  /** Most bytes per second that the scrub reads. */
  readonly rate?: number;
  /**
   * A blob or manifest from elsewhere, as many as there are places: the first that is what its digest says is taken. A
   * source that breaks off must end, not fail.
   */
  readonly fetchBlob?: (digest: Digest, repositories: readonly string[]) => AsyncIterable<ByteSource>;
  /** Whether a repository has only what was asked for of one elsewhere: what it has no link for is not missing. */
  readonly isCopy?: (repository: string) => boolean;
  readonly clock?: GcClock;
  readonly sleep?: (milliseconds: number) => Promise<unknown>;
  readonly signal?: AbortSignal;
}

export interface Repairs {
  readonly storage: StorageDriver;
  readonly repair: boolean;
  isCopy(repository: string): boolean;
  /** Gets a missing blob from the trash or from elsewhere to its place; false: there is none. */
  bringBlob(digest: Digest, repositories: readonly string[]): Promise<boolean>;
  /** Puts a blob from elsewhere over what is at its place. */
  replaceBlob(digest: Digest, repositories: readonly string[]): Promise<boolean>;
  setAside(path: string): Promise<Finding["outcome"]>;
  /** As `setAside`; a blob that somebody has pushed anew since it was found corrupt is brought back. */
  setBlobAside(digest: Digest): Promise<Finding["outcome"]>;
}

/**
 * Runs once; a scrub that was stopped goes on where it was. Yields what is wrong as it is found. Throws failures of the
 * storage.
 */
export async function* fsck(storage: StorageDriver, options: FsckOptions): AsyncGenerator<Finding> {
  const { clock = systemClock, signal = new AbortController().signal, sleep = setTimeout } = options;
  const repairs = repairsOf(storage, options, clock, signal);
  const marks: MarkedRepository[] = [];
  for await (const name of repositoryNames(storage)) {
    signal.throwIfAborted();
    const marked = await markRepository(storage, name, { untagged: false });
    yield* checkRepository(repairs, marked);
    marks.push(marked);
  }
  if (options.scrub === false) return;
  const { now } = clock;
  const scrub = { rate: options.rate, now, sleep: async (time: number) => void (await sleep(time)), signal };
  for await (const digest of corruptBlobs(storage, scrub)) yield await mend(repairs, digest, marks);
}

/**
 * It is replaced only by what was verified beside it. Without a source, 404 is the best answer: a client that pushes finds
 * it missing and sends it.
 */
async function mend(repairs: Repairs, digest: Digest, marks: readonly MarkedRepository[]): Promise<Finding> {
  const path = paths.blob(digest);
  const users = marks.filter(({ contents }) => contents.has(digest));
  const reason = users[0]?.contents.get(digest);
  const finding = { kind: "corrupt blob", path, digest, neededBy: reasonText(reason) } as const;
  if (!repairs.repair) return { ...finding, outcome: "found" };
  const names = users.map((user) => user.name);
  if (await repairs.replaceBlob(digest, names)) return { ...finding, outcome: "healed" };
  return { ...finding, outcome: await repairs.setBlobAside(digest) };
}

function repairsOf(
  storage: StorageDriver,
  { repair, fetchBlob, isCopy = () => false }: FsckOptions,
  clock: GcClock,
  signal: AbortSignal,
): Repairs {
  const guard = guardOf(storage, clock);
  const replaceBlob: Repairs["replaceBlob"] = async (digest, repositories) => {
    for await (const source of fetchBlob?.(digest, repositories) ?? [])
      if (await writeBlob(storage, digest, source, clock, signal)) return true;
    return false;
  };
  return {
    storage,
    repair,
    isCopy,
    replaceBlob,
    bringBlob: async (digest, repositories) =>
      (await guard.recover(paths.blob(digest))) || (await replaceBlob(digest, repositories)),
    async setBlobAside(digest) {
      const entry = await moveToTrash(storage, paths.blob(digest), "fsck", clock);
      const open = (range: ByteRange) => storage.open(entry?.place ?? "", range, signal);
      const size = entry && (await storage.stat(entry.place))?.size;
      if (entry === undefined || size === undefined || !(await isDigestOf(digest, size, open)))
        return "set aside";
      return (await copyBack(storage, entry, clock, signal)) ? "healed" : "set aside";
    },
    async setAside(path) {
      await moveToTrash(storage, path, "fsck", clock);
      return "set aside";
    },
  };
}
