/** Checks all of a registry's storage while it is in use, and heals what can be healed. */
import { setTimeout } from "node:timers/promises";
import type { ByteSource } from "../../../bytes/index.ts";
import type { Digest } from "../../../oci/index.ts";
import type { StorageDriver } from "../../storage/types.ts";
import { paths } from "../../tree.ts";
import { guardOf } from "../blob_guard.ts";
import { systemClock, type GcClock } from "../gc_clock.ts";
import { markRepository, reasonText, type MarkedRepository } from "../mark_repository.ts";
import { moveToTrash, writeBlob } from "../trash.ts";
import { repositoryNames } from "../tree_files.ts";
import { checkRepository } from "./check_repository.ts";
import type { Finding } from "./finding.ts";
import { corruptBlobs } from "./scrub_blobs.ts";

export interface FsckOptions {
  /** False: finds and changes nothing but the record of how far it got. */
  readonly repair: boolean;
  /** Reads all blobs; false: only looks whether they are there. Default: true. */
  readonly scrub?: boolean;
  /** Most bytes per second that the scrub reads. */
  readonly rate?: number;
  /** Bytes of a blob or manifest from elsewhere; what is not as its digest says is thrown away. */
  readonly fetchBlob?: (digest: Digest, repositories: readonly string[]) => Promise<ByteSource | undefined>;
  readonly clock?: GcClock;
  readonly sleep?: (milliseconds: number) => Promise<unknown>;
  readonly signal?: AbortSignal;
}

export interface Repairs {
  readonly storage: StorageDriver;
  readonly repair: boolean;
  /** Gets a blob from the trash or from elsewhere to its place; false: there is none. */
  bringBlob(digest: Digest, repositories: readonly string[]): Promise<boolean>;
  setAside(path: string): Promise<Finding["outcome"]>;
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

/** Without a source, 404 is the best answer: a client that pushes finds it missing and sends it. */
async function mend(repairs: Repairs, digest: Digest, marks: readonly MarkedRepository[]): Promise<Finding> {
  const path = paths.blob(digest);
  const users = marks.filter(({ contents }) => contents.has(digest));
  const reason = users[0]?.contents.get(digest);
  const finding = { kind: "corrupt blob", path, digest, neededBy: reasonText(reason) } as const;
  if (!repairs.repair) return { ...finding, outcome: "found" };
  const outcome = await repairs.setAside(path);
  const names = users.map((user) => user.name);
  return { ...finding, outcome: (await repairs.bringBlob(digest, names)) ? "healed" : outcome };
}

function repairsOf(
  storage: StorageDriver,
  { repair, fetchBlob }: FsckOptions,
  clock: GcClock,
  signal: AbortSignal,
): Repairs {
  const guard = guardOf(storage, clock);
  return {
    storage,
    repair,
    async bringBlob(digest, repositories) {
      if (await guard.recover(paths.blob(digest))) return true;
      const source = await fetchBlob?.(digest, repositories);
      return source !== undefined && writeBlob(storage, digest, source, clock, signal);
    },
    async setAside(path) {
      await moveToTrash(storage, path, "fsck", clock);
      return "set aside";
    },
  };
}
