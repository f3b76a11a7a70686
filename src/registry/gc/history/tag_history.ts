/**
 * What a tag led to, when, and by whom. Events are recorded in `varve/history/<repository>/_tags/<tag>/`, where the tree
 * alone tells no more than which manifests the tag has led to and when each was last pushed.
 */
import type { Digest } from "../../../oci/index.ts";
import { Failure } from "../../../errors.ts";
import type { RegistryEvent, RegistryHooks } from "../../hooks.ts";
import type { StorageDriver } from "../../storage/types.ts";
import { paths, readLink } from "../../tree.ts";
import { systemClock, type GcClock } from "../gc_clock.ts";
import { digestsIn, namesIn } from "../tree_files.ts";
import { Restorer, restoreTagLinks } from "../undelete.ts";

export interface TagEvent {
  readonly action: "pushed" | "deleted" | "restored";
  readonly digest: Digest;
  /** Milliseconds since 1970. */
  readonly time: number;
  /** Undefined: anonymous, or not recorded. */
  readonly user?: string;
  readonly remoteAddress?: string;
  readonly userAgent?: string;
}

export interface TagHistory {
  /** Where the tag leads to now. */
  readonly current: Digest | undefined;
  /** Newest first. */
  readonly events: readonly TagEvent[];
}

const directoryOf = (name: string, tag: string) => `varve/history/${name}/_tags/${tag}`;

export async function recordTagEvent(
  storage: StorageDriver,
  name: string,
  tag: string,
  event: TagEvent,
  clock: GcClock = systemClock,
): Promise<void> {
  const stamp = new Date(event.time).toISOString().replace(/[-:.]/g, "");
  const path = `${directoryOf(name, tag)}/${stamp}-${clock.newId()}`;
  await storage.write(path, Buffer.from(JSON.stringify(event)));
}

/**
 * Hooks that record. A record that cannot be written is told to `onFailure`: the push is done, and the tree has it.
 * Disposal waits for what is being written.
 */
export function recordingHooks(
  storage: StorageDriver,
  onFailure: (error: unknown) => void,
  clock: GcClock = systemClock,
): Required<RegistryHooks> & AsyncDisposable {
  const writing = new Set<Promise<void>>();
  return {
    onEvent(event) {
      if (!("tag" in event) || event.tag === undefined || event.action === "pull") return;
      const record = recordTagEvent(storage, event.repository, event.tag, tagEventOf(event), clock)
        .catch(onFailure)
        .finally(() => writing.delete(record));
      writing.add(record);
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(writing);
    },
  };
}

function tagEventOf(event: RegistryEvent): TagEvent {
  const { remoteAddress, userAgent, digest } = event;
  const { user } = event.identity;
  return {
    action: event.action === "delete" ? "deleted" : "restored" in event ? "restored" : "pushed",
    digest,
    time: event.time.getTime(),
    ...(user !== undefined && { user }),
    ...(remoteAddress !== undefined && { remoteAddress }),
    ...(userAgent !== undefined && { userAgent }),
  };
}

/** The newest record; undefined: there is none, as of a tag that another server wrote. */
export async function latestTagEvent(
  storage: StorageDriver,
  name: string,
  tag: string,
): Promise<TagEvent | undefined> {
  const newest = (await namesIn(storage, directoryOf(name, tag))).at(-1);
  return newest === undefined
    ? undefined
    : readEvent(await storage.read(`${directoryOf(name, tag)}/${newest}`));
}

/**
 * From the records, and, for manifests of which there is none (another server pushed them), from the tree.
 * @param most so many records, the newest, are read
 */
export async function tagHistory(
  storage: StorageDriver,
  name: string,
  tag: string,
  most = Infinity,
): Promise<TagHistory> {
  const files = await namesIn(storage, directoryOf(name, tag));
  const events: TagEvent[] = [];
  for (const file of files.slice(Math.max(0, files.length - most))) {
    const event = readEvent(await storage.read(`${directoryOf(name, tag)}/${file}`));
    if (event !== undefined) events.push(event);
  }
  const recorded = new Set(events.map((event) => event.digest));
  for await (const digest of digestsIn(storage, paths.tagIndexes(name, tag))) {
    const link = await storage.stat(paths.tagIndex(name, tag, digest));
    if (link === undefined || recorded.has(digest)) continue;
    events.push({ action: "pushed", digest, time: link.modified });
  }
  const current = readLink(await storage.read(paths.tagCurrent(name, tag)));
  return { current, events: events.sort((a, b) => b.time - a.time) };
}

function readEvent(bytes: Uint8Array | undefined): TagEvent | undefined {
  try {
    const event = JSON.parse(Buffer.from(bytes ?? []).toString("utf8")) as TagEvent;
    return typeof event.time === "number" && typeof event.digest === "string" ? event : undefined;
  } catch {
    // A damaged record is one event less, not the end of the history.
    return undefined;
  }
}

export interface RestoreTagOptions {
  readonly user?: string;
  readonly clock?: GcClock;
  readonly signal?: AbortSignal;
  /** Default true; false: an event of the registry will record it. */
  readonly record?: boolean;
}

/**
 * Lets a tag lead to an earlier manifest again, out of the trash if need be. Throws `Failure("not-found")` for a manifest
 * that the tag never led to, or that is gone for good.
 */
export async function restoreTag(
  storage: StorageDriver,
  name: string,
  tag: string,
  digest: Digest,
  options: RestoreTagOptions = {},
): Promise<void> {
  const { clock = systemClock, signal = new AbortController().signal, user, record = true } = options;
  const { events } = await tagHistory(storage, name, tag);
  if (!events.some((event) => event.digest === digest)) {
    throw new Failure("not-found", `cannot restore ${name}:${tag}: it never led to ${digest}`);
  }
  await new Restorer(storage, clock, signal).manifest(name, digest);
  await restoreTagLinks(storage, name, tag, digest, clock);
  if (!record) return;
  const event = {
    action: "restored",
    digest,
    time: clock.now(),
    ...(user !== undefined && { user }),
  } as const;
  await recordTagEvent(storage, name, tag, event, clock);
}
