/**
 * Online garbage collection: mark from manifests, condemn, throw into the trash, purge (ARCHITECTURE.md, "The registry's
 * garbage collection"; behaviours B169).
 */
import type { Digest } from "../../oci/index.ts";
import { Failure } from "../../errors.ts";
import type { StorageDriver } from "../storage/types.ts";
import { paths } from "../tree.ts";
import type { Decision } from "./decision.ts";
import { day, hour, systemClock, timeText, type GcClock } from "./gc_clock.ts";
import { GcRun } from "./gc_run.ts";
import { markRepository, reasonText, type Reason } from "./mark_repository.ts";
import { sweepRepository } from "./sweep_repository.ts";
import { trashOf, unfinishedCopies, walkTrash } from "./trash.ts";
import { blobDigests, blobsRoot, digestOfPath, repositoryNames } from "./tree_files.ts";

export interface GarbageOptions {
  /** Decides all and changes nothing; a run at the same time would have decided the same. */
  readonly dryRun?: boolean;
  /** Also deletes manifests that no tag, index or subject leads to. */
  readonly untagged?: boolean;
  /** How long a file must have been unreferenced, in milliseconds. Default: an hour. */
  readonly grace?: number;
  /** How long the trash is kept, in milliseconds. Default: 7 days. */
  readonly trash?: number;
  /** Age at which an unfinished upload is dropped, in milliseconds. Default: 7 days. */
  readonly uploads?: number;
  /** Nobody else uses the storage: permits any `grace` and `trash`, 0 included. */
  readonly quiet?: boolean;
  /** Whether a repository has only what was asked for of one elsewhere: nothing of it is missing. */
  readonly isCopy?: (repository: string) => boolean;
  readonly clock?: GcClock;
  readonly signal?: AbortSignal;
}

export interface GarbageReport {
  /** Blobs and manifests that something leads to. */
  readonly marked: number;
  readonly eligibleBlobs: number;
  /** Untagged manifests, each once a repository. */
  readonly eligibleManifests: number;
  /** Bytes of blobs that went into the trash, or will once their grace is over. */
  readonly eligibleBytes: number;
  readonly counts: Readonly<Partial<Record<Decision["action"], number>>>;
}

/** Between marking and the last deletion of another instance: clocks, slow storage, a listing that lags. Milliseconds. */
const shortestWait = 600_000;

/** The last line of a dry run, in distribution's words. */
export function garbageSummary(report: GarbageReport): string {
  const { marked, eligibleBlobs, eligibleManifests } = report;
  return `${marked} blobs marked, ${eligibleBlobs} blobs and ${eligibleManifests} manifests eligible for deletion`;
}

/**
 * Runs once. Any number of instances may run it at once, pushes go on meanwhile, and it may be killed at any moment.
 * Yields a decision for each file as it is made; returns the sum. Throws `Failure("invalid")` for waits that are too short
 * for a tree in use, and failures of the storage: what was decided until then was sound.
 */
export async function* collectGarbage(
  storage: StorageDriver,
  options: GarbageOptions = {},
): AsyncGenerator<Decision, GarbageReport> {
  const run = new GcRun(storage, runOptions(options));
  const counts: Partial<Record<Decision["action"], number>> = {};
  const sum = { eligibleBlobs: 0, eligibleManifests: 0, eligibleBytes: 0 };
  const marked = new Map<Digest, Reason>();
  for await (const decision of decide(run, options, marked)) {
    counts[decision.action] = (counts[decision.action] ?? 0) + 1;
    if (decision.action === "condemned" || decision.action === "deleted") {
      if (decision.subject === "manifest") sum.eligibleManifests += 1;
      if (decision.subject === "blob") {
        sum.eligibleBlobs += 1;
        sum.eligibleBytes += decision.size ?? 0;
      }
    }
    yield decision;
  }
  return { marked: marked.size, ...sum, counts };
}

function runOptions(options: GarbageOptions) {
  const { dryRun = false, grace = hour, trash = 7 * day, clock = systemClock } = options;
  if (options.quiet !== true && Math.min(grace, trash) < shortestWait) {
    throw new Failure(
      "invalid",
      `cannot collect garbage with a grace of ${grace} ms and a trash of ${trash} ms: ten minutes each are the least while the registry is in use`,
      { hint: "Stop all servers on this storage and say that it is quiet, or wait longer." },
    );
  }
  return { dryRun, grace, trash, clock, signal: options.signal ?? new AbortController().signal };
}

async function* decide(
  run: GcRun,
  options: GarbageOptions,
  marked: Map<Digest, Reason>,
): AsyncGenerator<Decision> {
  const { untagged = false, uploads = 7 * day } = options;
  const dispensable = new Set<Digest>();
  for (const name of await allRepositories(run.storage)) {
    run.options.signal.throwIfAborted();
    const isCopy = options.isCopy?.(name) ?? false;
    const repository = await markRepository(run.storage, name, { untagged });
    for (const [digest, reason] of repository.contents) {
      if (!isCopy) dispensable.delete(digest);
      else if (!marked.has(digest)) dispensable.add(digest);
      if (!marked.has(digest)) marked.set(digest, reason);
    }
    for await (const decision of sweepRepository(run, repository, uploads)) {
      if (!isCopy || decision.action !== "missing") yield decision;
    }
  }
  for await (const decision of sweepBlobs(run, marked)) {
    const isMissed = decision.digest === undefined || !dispensable.has(decision.digest);
    if (isMissed || decision.action !== "missing") yield decision;
  }
  yield* emptyTrash(run, marked);
  // Tags are retention's.
  await run.withdrawOthers("", (path) => !path.endsWith("/current/link"));
  const unfinished = await unfinishedCopies(run.storage, run.started - Math.max(day, run.options.grace));
  for (const path of unfinished) await run.remove(path);
}

/** Also those of which nothing is left but what lies in the trash. */
async function allRepositories(storage: StorageDriver): Promise<string[]> {
  const names = new Set<string>();
  for await (const name of repositoryNames(storage)) names.add(name);
  for await (const name of repositoryNames(storage, trashOf(paths.repositories))) names.add(name);
  return [...names].sort();
}

async function* sweepBlobs(run: GcRun, marked: ReadonlyMap<Digest, Reason>): AsyncGenerator<Decision> {
  const unseen = new Set(marked.keys());
  for await (const digest of blobDigests(run.storage)) {
    const reason = marked.get(digest);
    const path = paths.blob(digest);
    if (reason !== undefined) {
      // Its directory is there: whether `data` is, tells the pull, or fsck.
      unseen.delete(digest);
      yield { action: "kept", subject: "blob", digest, reason: reasonText(reason) };
      continue;
    }
    const size = (await run.storage.stat(path))?.size;
    if (size !== undefined)
      yield await run.dispose({ path, subject: "blob", digest, size, why: "unreferenced" });
  }
  for (const digest of unseen) {
    const path = paths.blob(digest);
    const reason = reasonText(marked.get(digest));
    if ((await run.storage.stat(path)) !== undefined) {
      yield { action: "kept", subject: "blob", digest, reason };
    } else yield { action: await run.bringBack(path), subject: "blob", digest, reason };
  }
}

async function* emptyTrash(run: GcRun, marked: ReadonlyMap<Digest, Reason>): AsyncGenerator<Decision> {
  for await (const entry of walkTrash(run.storage, blobsRoot)) {
    const digest = digestOfPath(entry.path);
    if (!run.isOverdue(entry)) continue;
    // What is needed must be at its place before the copy here goes.
    const needed = digest !== undefined && marked.has(digest);
    if (needed && entry.by === "gc" && (await run.storage.stat(entry.path)) === undefined) continue;
    const size = (await run.storage.stat(entry.place))?.size;
    if (size === undefined) continue;
    await run.remove(entry.place);
    const reason = `in the trash since ${timeText(entry.at)}`;
    yield { action: "purged", subject: "blob", ...(digest && { digest }), reason, size };
  }
}
