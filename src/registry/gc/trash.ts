/**
 * The trash: `varve/trash/<path in the tree>/<time>-<id>-<by>`, where distribution does not look. Nothing of the tree is
 * ever removed at its place; it is moved here under a name that nobody else uses. So a slow mover can do harm only to
 * the file at its place, which is here then, and a slow remover only to its own entry.
 */
import { createHash } from "node:crypto";
import type { ByteSource } from "../../bytes/index.ts";
import { algorithmOf, type Digest } from "../../oci/index.ts";
import { Failure, isFailure } from "../../errors.ts";
import type { StorageDriver } from "../storage/types.ts";
import { paths } from "../tree.ts";
import type { GcClock } from "./gc_clock.ts";
import { digestOfPath, isBlobPath, namesIn } from "./tree_files.ts";

/**
 * Who threw it away: garbage collection (whoever needs it gets it back), retention, a request to delete, or `fsck`, because
 * it is damaged.
 */
export type ThrownBy = "gc" | "retention" | "request" | "fsck";

export interface TrashEntry {
  /** Where it was in the tree. */
  readonly path: string;
  readonly at: number;
  readonly by: ThrownBy;
  readonly place: string;
}

const root = "varve/trash";
const restoring = "varve/restoring";

/** Bytes; what is larger is copied in pieces. */
const smallFile = 64 << 10;

export const trashOf = (path: string) => `${root}/${path}`;

/** Moves a file of the tree into the trash; undefined if it is not there. */
export async function moveToTrash(
  storage: StorageDriver,
  path: string,
  by: ThrownBy,
  clock: GcClock,
): Promise<TrashEntry | undefined> {
  const at = clock.now();
  const place = `${trashOf(path)}/${stampedName(clock)}-${by}`;
  try {
    await storage.move(path, place);
  } catch (error) {
    if (isFailure(error, "not-found")) return undefined;
    throw error;
  }
  return { path, at, by, place };
}

/** Takes an entry of garbage collection out of the reach of those who look for the file; false if it is gone. */
export async function settle(storage: StorageDriver, entry: TrashEntry, by: ThrownBy): Promise<boolean> {
  try {
    await storage.move(entry.place, entry.place.replace(/-gc$/, `-${by}`));
    return true;
  } catch (error) {
    if (isFailure(error, "not-found")) return false;
    throw error;
  }
}

/** What of one path lies in the trash, newest first. */
export async function trashEntries(storage: StorageDriver, path: string): Promise<TrashEntry[]> {
  const entries = (await namesIn(storage, trashOf(path))).map((name) => entryOf(path, name));
  return entries.filter((entry) => entry !== undefined).sort((a, b) => b.at - a.at);
}

/** All that lies in the trash below a path of the tree. */
export async function* walkTrash(storage: StorageDriver, path: string): AsyncIterable<TrashEntry> {
  for await (const child of storage.list(trashOf(path))) {
    const entry = child.kind === "file" ? entryOf(path, child.name) : undefined;
    if (entry !== undefined) yield entry;
    else if (child.kind === "directory") yield* walkTrash(storage, `${path}/${child.name}`);
  }
}

/**
 * Copies an entry back to its place; false if it is gone, or is not what its digest says. The entry stays: a mover that
 * was slow may yet take the copy away (see ARCHITECTURE.md).
 */
export async function copyBack(
  storage: StorageDriver,
  entry: TrashEntry,
  clock: GcClock,
  signal: AbortSignal,
): Promise<boolean> {
  const size = (await storage.stat(entry.place))?.size;
  if (size === undefined) return false;
  if (size <= smallFile) {
    const bytes = await storage.read(entry.place);
    if (bytes === undefined) return false;
    // Not over a newer one: of a tag, a client may have written it since.
    await storage.writeNew(entry.path, bytes);
    return true;
  }
  try {
    return await copyLarge(storage, entry, size, clock, signal);
  } catch (error) {
    if (isFailure(error, "not-found")) return false;
    throw error;
  }
}

async function copyLarge(
  storage: StorageDriver,
  entry: TrashEntry,
  size: number,
  clock: GcClock,
  signal: AbortSignal,
): Promise<boolean> {
  const digest = digestOfPath(entry.path);
  if (digest === undefined || !isBlobPath(entry.path)) {
    throw new Failure("corrupt", `cannot restore ${entry.path}: ${size} bytes are too many for a link`);
  }
  const source = storage.open(entry.place, { start: 0, end: size - 1 }, signal);
  return writeBlob(storage, digest, source, clock, signal);
}

/** Writes a blob beside the tree and moves it to its place; false, and nothing is kept, if it is not what its digest says. */
export async function writeBlob(
  storage: StorageDriver,
  digest: Digest,
  source: ByteSource,
  clock: GcClock,
  signal: AbortSignal,
): Promise<boolean> {
  const beside = `${restoring}/${stampedName(clock)}`;
  await using file = await storage.appendTo(beside, { continuing: false });
  const hash = createHash(algorithmOf(digest));
  await file.append(hashed(source, hash), signal);
  if (`${algorithmOf(digest)}:${hash.digest("hex")}` !== digest) {
    await file.cancel();
    return false;
  }
  await file.commit();
  await storage.move(beside, paths.blob(digest));
  return true;
}

async function* hashed(source: AsyncIterable<Uint8Array>, hash: { update(chunk: Uint8Array): unknown }) {
  for await (const chunk of source) {
    hash.update(chunk);
    yield chunk;
  }
}

/** Copies that a killed process left unfinished, begun before the given time. */
export async function unfinishedCopies(storage: StorageDriver, before: number): Promise<string[]> {
  const names = await namesIn(storage, restoring);
  return names.filter((name) => timeOf(name) < before).map((name) => `${restoring}/${name}`);
}

const stamped = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\d{3})Z-[0-9a-z]+/;

function stampedName(clock: GcClock): string {
  return `${new Date(clock.now()).toISOString().replace(/[-:.]/g, "")}-${clock.newId()}`;
}

function timeOf(name: string): number {
  const iso = name.replace(stamped, "$1-$2-$3T$4:$5:$6.$7Z\n").split("\n")[0] as string;
  return Date.parse(iso);
}

function entryOf(path: string, name: string): TrashEntry | undefined {
  const by = /-(gc|retention|request|fsck)$/.exec(name)?.[1] as ThrownBy | undefined;
  const at = timeOf(name);
  if (by === undefined || Number.isNaN(at)) return undefined;
  return { path, at, by, place: `${trashOf(path)}/${name}` };
}
