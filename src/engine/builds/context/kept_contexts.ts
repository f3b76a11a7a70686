/** What builds have kept of their clients' directories: `ROOT/varve/build-cache/contents/<sha256 of the name>/`. */
import { readdirSync, rmSync, statSync, type Stats } from "node:fs";
import { join } from "node:path";
import { buildCacheFolder, type Store } from "../../../store/index.ts";

export interface KeptContext {
  readonly id: string;
  /** Bytes on the disk. */
  readonly size: number;
  readonly lastUsed: Date;
}

export interface KeptLimits {
  /** Default 50. */
  readonly count?: number;
  /** Of all of them together (default 4 GiB). */
  readonly bytes?: number;
}

export const keptBytes = 4 * 2 ** 30;

export function keptFolder(root: string, id: string): string {
  return join(folderOf(root), id);
}

const folderOf = (root: string): string => join(buildCacheFolder(root), "contents");

/** Runs `work`, during which no other process changes what is kept of the directory. */
export function withKept<T>(store: Store, id: string, work: () => Promise<T>): Promise<T> {
  return store.withLock(`context-${id}`, work);
}

/** Least recently used first. */
export function listKeptContexts(root: string): KeptContext[] {
  return namesIn(folderOf(root))
    .filter((name) => /^[0-9a-f]{64}$/.test(name))
    .flatMap((id) => describe(root, id) ?? [])
    .sort((a, b) => a.lastUsed.getTime() - b.lastUsed.getTime());
}

/** A build that reads of it may go on. */
export async function removeKept(store: Store, { id }: KeptContext): Promise<void> {
  await withKept(store, id, async () => rmSync(keptFolder(store.root, id), { recursive: true, force: true }));
}

/** Takes those away that were not used for longest. */
export async function trimKept(store: Store, limits: KeptLimits = {}): Promise<void> {
  const { count = 50, bytes = keptBytes } = limits;
  const newestFirst = listKeptContexts(store.root).reverse();
  let total = 0;
  for (const [index, context] of newestFirst.entries()) {
    total += context.size;
    if (index >= count || total > bytes) await removeKept(store, context);
  }
}

/** Undefined: it has gone meanwhile. */
function describe(root: string, id: string): KeptContext | undefined {
  const folder = keptFolder(root, id);
  const statOf = (path: string): Stats | undefined => statSync(path, { throwIfNoEntry: false });
  // Without an index it is what a kill has left.
  const used = statOf(join(folder, "index")) ?? statOf(folder);
  if (used === undefined) return undefined;
  const blocks = namesIn(folder).map((name) => statOf(join(folder, name))?.blocks ?? 0);
  return { id, size: blocks.reduce((sum, count) => sum + count * 512, 0), lastUsed: used.mtime };
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
