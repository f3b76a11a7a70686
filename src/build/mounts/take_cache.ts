/** Getting hold of a cache's directory. */
import { existsSync } from "node:fs";
import { mkdir, rename, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fromText } from "../../byte_string.ts";
import * as sys from "../../sys/index.ts";
import { cacheFolder, lockIn, lockOf, unfinished } from "./cache_folder.ts";

export interface TakeCacheOptions {
  readonly id: string;
  /**
   * `shared`: with all who share. `private`: alone, in a directory of one's own if the first is in use. `locked`: alone, in
   * the first directory, once nobody else uses it.
   */
  readonly sharing: "shared" | "private" | "locked";
  /** Fills a new directory. */
  readonly fill: (directory: string) => Promise<void>;
  readonly onWait?: (text: string) => void;
  readonly signal: AbortSignal;
}

export interface TakenCache extends AsyncDisposable {
  readonly path: string;
}

/** Takes a directory of the cache `id` until disposal. Throws `Failure("cancelled")`. */
export async function takeCache(root: string, options: TakeCacheOptions): Promise<TakenCache> {
  const folder = cacheFolder(root, options.id);
  const first = options.sharing === "locked" ? await lockFirst(folder, options) : undefined;
  let lock: Disposable | undefined = first;
  try {
    await using gate = await lockIn(folder, "gate", options.signal);
    void gate;
    await writeFile(join(folder, "id"), options.id, { mode: 0o600 });
    let number = 0;
    const mode = options.sharing === "shared" ? "shared" : "exclusive";
    while (lock === undefined) {
      lock = sys.tryLockFile(fromText(lockOf(join(folder, String(number)))), mode);
      if (lock === undefined) number++;
    }
    const path = join(folder, String(number));
    await markUsed(path);
    if (!existsSync(path)) await make(path, options.fill);
    const held = lock;
    return {
      path,
      [Symbol.asyncDispose]: async () => {
        await markUsed(path);
        held[Symbol.dispose]();
      },
    };
  } catch (error) {
    lock?.[Symbol.dispose]();
    throw error;
  }
}

/** Milliseconds after which a wait is told. */
const patience = 200;

async function lockFirst(folder: string, { id, onWait, signal }: TakeCacheOptions): Promise<Disposable> {
  const timer = setTimeout(() => onWait?.(`waiting for the cache ${id}, which another step uses`), patience);
  try {
    return await lockIn(folder, "0.lock", signal);
  } finally {
    clearTimeout(timer);
  }
}

async function make(path: string, fill: TakeCacheOptions["fill"]): Promise<void> {
  const directory = unfinished(path);
  await sys.removeTreeInSlices(fromText(directory)).catch(unlessMissing);
  await mkdir(directory, { mode: 0o755 });
  await fill(directory);
  await rename(directory, path);
}

function unlessMissing(error: unknown): void {
  if (!sys.isSysError(error, "ENOENT")) throw error;
}

async function markUsed(path: string): Promise<void> {
  const now = new Date();
  await utimes(lockOf(path), now, now);
}
