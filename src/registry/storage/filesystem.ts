/**
 * Storage in a directory: one file a file, in distribution's modes (0755 and 0644, behaviours B158), so that
 * `docker-registry` may be started on the same directory.
 *
 * What is being written lies beside its target under a name that starts with `.tmp-`, or, with directories that are made
 * for it, in `.writing` in the root; what is being removed lies in `.removing` there. None of them can be a name of the
 * registry's, {@link StorageDriver.list} does not show them, and distribution looks at none.
 */
import { randomUUID } from "node:crypto";
import { constants, createReadStream, type Dirent } from "node:fs";
import {
  link,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  rmdir,
  stat,
  type FileHandle,
} from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import type { ByteSource } from "../../bytes/index.ts";
import { readableFile } from "./filesystem_file.ts";
import { FilesystemUpload } from "./filesystem_upload.ts";
import { Failure } from "../../errors.ts";
import { storageFailure, unlessMissing } from "./filesystem_errors.ts";
import type {
  AppendableFile,
  ByteRange,
  ReadableFile,
  StorageDriver,
  StorageEntry,
  StorageStat,
} from "./types.ts";

/** 1 MiB reads cost a third of the CPU of 64 KiB ones. */
const readSize = 1 << 20;
const temporaryPrefix = ".tmp-";
const removing = ".removing";
const writing = ".writing";
const hour = 3_600_000;

/** @param directory the root; it is made when something is written. */
export function filesystemStorage(directory: string): StorageDriver {
  return new FilesystemStorage(directory);
}

class FilesystemStorage implements StorageDriver {
  readonly name = "filesystem";
  readonly #directory: string;
  readonly #swept = new Set<string>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  async read(path: string): Promise<Uint8Array | undefined> {
    return readFile(this.#at(path)).catch(unlessMissing).catch(storageFailure("read", path));
  }

  async write(path: string, bytes: Uint8Array): Promise<void> {
    const replace = (temporary: string, target: string) => rename(temporary, target).then(() => true);
    await this.#write(path, bytes, replace).catch(storageFailure("write", path));
  }

  async writeNew(path: string, bytes: Uint8Array): Promise<boolean> {
    // A link, unlike a rename, refuses to replace.
    const linkNew = async (temporary: string, target: string): Promise<boolean> => {
      const made = await link(temporary, target).then(
        () => true,
        (error: NodeJS.ErrnoException) => {
          if (error.code === "EEXIST") return false;
          throw error;
        },
      );
      await rm(temporary, { force: true });
      return made;
    };
    return (await this.#write(path, bytes, linkNew).catch(storageFailure("write", path))) ?? false;
  }

  async stat(path: string): Promise<StorageStat | undefined> {
    const found = await stat(this.#at(path)).catch(unlessMissing).catch(storageFailure("stat", path));
    if (found === undefined) return undefined;
    const kind = found.isDirectory() ? "directory" : "file";
    return { kind, size: kind === "file" ? found.size : 0, modified: found.mtimeMs };
  }

  async *open(path: string, range: ByteRange, signal: AbortSignal): ByteSource {
    const { start, end } = range;
    if (end < start) {
      if ((await this.stat(path)) === undefined)
        throw new Failure("not-found", `cannot read ${path}: no such file`);
      return;
    }
    const stream = createReadStream(this.#at(path), { start, end, highWaterMark: readSize, signal });
    try {
      yield* stream;
    } catch (error) {
      storageFailure("read", path)(error as NodeJS.ErrnoException);
    }
  }

  async openFile(path: string): Promise<ReadableFile | undefined> {
    const file = await open(this.#at(path)).catch(unlessMissing).catch(storageFailure("read", path));
    return file && readableFile(file, path);
  }

  async appendTo(path: string, options: { readonly continuing: boolean }): Promise<AppendableFile> {
    const { O_WRONLY, O_APPEND, O_CREAT, O_TRUNC } = constants;
    const flags = O_WRONLY | O_APPEND | (options.continuing ? 0 : O_CREAT | O_TRUNC);
    const opened = options.continuing
      ? open(this.#at(path), flags)
      : this.#inParent(path, (target) => open(target, flags, 0o644));
    const file = await opened.catch(storageFailure("append to", path));
    return FilesystemUpload.on(file, path, { absolute: this.#at(path), remove: () => this.remove(path) });
  }

  async *list(path: string): AsyncGenerator<StorageEntry, void, undefined> {
    const at = this.#at(path);
    const found = await readdir(at, { withFileTypes: true })
      .catch(unlessMissing)
      .catch(storageFailure("list", path));
    const entries = (found ?? []).filter(
      ({ name }) => !name.startsWith(temporaryPrefix) && name !== removing && name !== writing,
    );
    entries.sort(byName);
    for (const entry of entries) {
      const { name } = entry;
      // Ten thousand tags are ten thousand directories: what has no size is not asked for one.
      if (entry.isDirectory()) yield { name, kind: "directory", size: 0, modified: 0 };
      else {
        const stats = await this.stat(path === "" ? name : `${path}/${name}`);
        if (stats !== undefined) yield { name, ...stats };
      }
    }
  }

  async move(from: string, to: string): Promise<void> {
    const source = this.#at(from);
    await this.#inParent(to, async (target) => {
      await rename(source, target);
      await syncDirectory(dirname(target));
    }).catch(storageFailure("move", from));
    await this.#pruneAbove(source);
  }

  async remove(path: string): Promise<void> {
    const target = this.#at(path);
    await this.#removeAtOnce(target).catch(storageFailure("remove", path));
    await this.#pruneAbove(target);
  }

  /** A directory goes out of sight in one step: a kill in the middle leaves nothing half removed. */
  async #removeAtOnce(target: string): Promise<void> {
    const found = await stat(target).catch(unlessMissing);
    if (found === undefined) return;
    if (!found.isDirectory() || target === this.#directory)
      return rm(target, { recursive: true, force: true });
    const trash = join(this.#directory, removing);
    // Somebody else's removal does not mind our help, and may be in our way.
    await this.#sweepOnce(trash, 0);
    const doomed = join(trash, randomUUID());
    const vanish = () => mkdir(trash, { recursive: true }).then(() => rename(target, doomed));
    await retryMissing(vanish).catch(unlessMissing);
    await rm(doomed, { recursive: true, force: true });
    await rmdir(trash).catch(() => undefined);
  }

  /** Directories exist as long as something is in them. */
  async #pruneAbove(target: string): Promise<void> {
    for (let at = dirname(target); relative(this.#directory, at).split(sep)[0]; at = dirname(at)) {
      try {
        await rmdir(at);
      } catch {
        return;
      }
    }
  }

  /** @param publish makes the file of the temporary name that of the target; false: there is one already */
  async #write(
    path: string,
    bytes: Uint8Array,
    publish: (temporary: string, target: string) => Promise<boolean>,
  ): Promise<boolean> {
    const target = this.#at(path);
    return retryMissing(async () => {
      await this.#makeRoot();
      for (;;) {
        const top = await firstMissing(dirname(target));
        if (top === undefined) return await writeBeside(target, bytes, publish);
        if (await this.#writeInNew(target, bytes, top)) return true;
      }
    });
  }

  /**
   * Directories come into sight with what is in them: a kill, or somebody's listing, meets no tag without a link.
   * @param top the uppermost of those that are missing
   * @returns false if somebody else has made it meanwhile
   */
  async #writeInNew(target: string, bytes: Uint8Array, top: string): Promise<boolean> {
    const place = join(this.#directory, writing);
    await this.#sweepOnce(place, hour);
    const made = join(place, randomUUID());
    const inside = join(made, relative(top, target));
    try {
      await mkdir(dirname(inside), { recursive: true, mode: 0o755 });
      await writeDurably(inside, bytes);
      await syncUpTo(inside, made);
      await rename(made, top);
      await syncDirectory(dirname(top));
      return true;
    } catch (error) {
      await rm(made, { recursive: true, force: true });
      if (/^(EEXIST|ENOTEMPTY)$/.test((error as NodeJS.ErrnoException).code ?? "")) return false;
      throw error;
    } finally {
      await rmdir(place).catch(() => undefined);
    }
  }

  /** What killed processes left there. @param age milliseconds after which nobody is at it any more */
  async #sweepOnce(place: string, age: number): Promise<void> {
    if (this.#swept.has(place)) return;
    this.#swept.add(place);
    for (const name of await readdir(place).catch(() => [])) {
      const path = join(place, name);
      const { mtimeMs = Infinity } = (await stat(path).catch(unlessMissing)) ?? {};
      if (Date.now() - mtimeMs >= age)
        await rm(path, { recursive: true, force: true }).catch(() => undefined);
    }
  }

  async #makeRoot(): Promise<void> {
    const first = await mkdir(this.#directory, { recursive: true, mode: 0o755 });
    if (first !== undefined) await syncUpTo(this.#directory, dirname(first));
  }

  /** Does something in the path's directory, which is made for it, and made again when somebody prunes it meanwhile. */
  async #inParent<T>(path: string, act: (target: string) => Promise<T>): Promise<T> {
    const target = this.#at(path);
    return retryMissing(async () => {
      const parent = dirname(target);
      const first = await mkdir(parent, { recursive: true, mode: 0o755 });
      const done = await act(target);
      // Only now: so short-lived uploads cost no flush of their directories until something is in them.
      if (first !== undefined) await syncUpTo(parent, dirname(first));
      return done;
    });
  }

  #at(path: string): string {
    return join(this.#directory, path);
  }
}

/** In a directory that is there. */
async function writeBeside(
  target: string,
  bytes: Uint8Array,
  publish: (temporary: string, target: string) => Promise<boolean>,
): Promise<boolean> {
  const temporary = join(dirname(target), `${temporaryPrefix}${randomUUID()}`);
  try {
    await writeDurably(temporary, bytes);
    const published = await publish(temporary, target);
    await syncDirectory(dirname(target));
    return published;
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

async function writeDurably(path: string, bytes: Uint8Array): Promise<void> {
  await using file = await open(path, "wx", 0o644);
  await file.writeFile(bytes);
  await file.sync();
}

/** The uppermost directory of the path that is not there; undefined if all are. */
async function firstMissing(path: string): Promise<string | undefined> {
  let top: string | undefined;
  for (let at = path; (await stat(at).catch(unlessMissing)) === undefined; at = dirname(at)) top = at;
  return top;
}

/** How often a directory is made anew before its absence is believed. */
const attempts = 10;

/** Node's recursive `mkdir` says ENOTDIR of a directory that goes between its attempt to make it and its look at it. */
const missing = /^(ENOENT|ENOTDIR)$/;

async function retryMissing<T>(act: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await act();
    } catch (error) {
      if (!missing.test((error as NodeJS.ErrnoException).code ?? "") || attempt === attempts) throw error;
    }
  }
}

/** New names are durable when their directory is. */
async function syncUpTo(from: string, top: string): Promise<void> {
  for (let at = dirname(from); ; at = dirname(at)) {
    await syncDirectory(at);
    if (at === top || at === dirname(at)) return;
  }
}

async function syncDirectory(path: string): Promise<void> {
  let directory: FileHandle;
  try {
    directory = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  } catch (error) {
    return unlessMissing(error as NodeJS.ErrnoException);
  }
  await directory.sync().finally(() => directory.close());
}

function byName(a: Dirent, b: Dirent): number {
  return a.name < b.name ? -1 : 1;
}
