/** A {@link StorageDriver} on any {@link ObjectStore}: paths become keys, common prefixes directories. */
import { collect, throwIfCancelled } from "../../../bytes/index.ts";
import { Failure, isFailure } from "../../../errors.ts";
import type { AppendableFile, ByteRange, StorageDriver, StorageEntry, StorageStat } from "../types.ts";
import type { Listed, ObjectStore } from "./object_store.ts";

/** What is read whole is a manifest or smaller. */
const readLimit = 64 << 20;
/** A read that breaks off is taken up again where it stood, so often without a byte in between. */
const resumes = 5;

export class ObjectDriver implements StorageDriver {
  readonly name: string;
  readonly #store: ObjectStore;
  readonly #root: string;

  /** @param rootDirectory before all keys, as distribution has it: slashes at its ends do not count */
  constructor(name: string, store: ObjectStore, rootDirectory: string) {
    this.name = name;
    this.#store = store;
    this.#root = keyPrefix(rootDirectory);
  }

  async read(path: string): Promise<Uint8Array | undefined> {
    for (let attempt = 1; ; attempt++) {
      const found = await this.#store.get(this.#key(path), {});
      if (found === undefined) return undefined;
      try {
        return await collect(found.body, readLimit, path);
      } catch (error) {
        if (error instanceof Failure || attempt >= resumes) throw this.#broken(path, error);
      }
    }
  }

  async write(path: string, bytes: Uint8Array): Promise<void> {
    await this.#store.put(this.#key(path), bytes, { ifAbsent: false });
  }

  async writeNew(path: string, bytes: Uint8Array): Promise<boolean> {
    return this.#store.put(this.#key(path), bytes, { ifAbsent: true });
  }

  async stat(path: string): Promise<StorageStat | undefined> {
    const found = path === "" ? undefined : await this.#store.head(this.#key(path));
    if (found !== undefined) return { kind: "file", size: found.size, modified: found.modified };
    for await (const _ of this.#store.list(this.#below(path), { shallow: false, limit: 1 })) {
      return { kind: "directory", size: 0, modified: 0 };
    }
    return undefined;
  }

  async *open(
    path: string,
    range: ByteRange,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    let { start } = range;
    let etag: string | undefined;
    if (range.end < start) return this.#mustExist(path);
    for (let attempt = 1; ; attempt++) {
      throwIfCancelled(signal);
      const options = { range: { start, end: range.end }, signal, ...(etag === undefined ? {} : { etag }) };
      const found = await this.#store.get(this.#key(path), options);
      if (found === undefined) throw notFound(path);
      ({ etag } = found);
      try {
        for await (const chunk of found.body) {
          start += chunk.length;
          attempt = 1;
          yield chunk;
        }
        return;
      } catch (error) {
        throwIfCancelled(signal);
        if (error instanceof Failure || attempt >= resumes) throw this.#broken(path, error);
        if (start > range.end) return;
      }
    }
  }

  async appendTo(path: string, options: { readonly continuing: boolean }): Promise<AppendableFile> {
    return this.#store.appendTo(this.#key(path), options).catch((error: unknown) => {
      throw isFailure(error, "not-found") ? notFound(path) : error;
    });
  }

  /**
   * Collects a directory before it yields: stores sort `a-b/` before `a/`, names sort the other way, and an `a/` may
   * come any number of pages behind.
   */
  async *list(path: string): AsyncGenerator<StorageEntry, void, undefined> {
    const below = this.#below(path);
    const entries = new Map<string, StorageEntry>();
    for await (const listed of this.#store.list(below, { shallow: true })) {
      const entry = entryOf(listed, below.length);
      // "" is the marker that some consoles make for a folder.
      if (entry.name !== "" && entries.get(entry.name)?.kind !== "directory") entries.set(entry.name, entry);
    }
    yield* [...entries.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async move(from: string, to: string): Promise<void> {
    await this.#store.move(this.#key(from), this.#key(to)).catch((error: unknown) => {
      throw isFailure(error, "not-found") ? notFound(from) : error;
    });
  }

  async remove(path: string): Promise<void> {
    await this.#store.dropUploads?.(this.#key(path));
    let keys: string[] = path === "" ? [] : [this.#key(path)];
    for await (const listed of this.#store.list(this.#below(path), { shallow: false })) {
      if (listed.kind === "object") keys.push(listed.info.key);
      if (keys.length < 1000) continue;
      await this.#store.delete(keys);
      keys = [];
    }
    if (keys.length > 0) await this.#store.delete(keys);
  }

  async redirectUrl(path: string, options: { readonly method: string }): Promise<string | undefined> {
    return this.#store.signedUrl?.(this.#key(path), options);
  }

  async close(): Promise<void> {
    this.#store.close();
  }

  async #mustExist(path: string): Promise<void> {
    if ((await this.#store.head(this.#key(path))) === undefined) throw notFound(path);
  }

  #key(path: string): string {
    return path === "" ? this.#root.slice(0, -1) : this.#root + path;
  }

  #below(path: string): string {
    return path === "" ? this.#root : `${this.#root}${path}/`;
  }

  #broken(path: string, error: unknown): Failure {
    if (error instanceof Failure) return error;
    const { message } = error as Error;
    return new Failure("unavailable", `${this.name} broke off while ${path} was read: ${message}`, {
      cause: error,
    });
  }
}

/** What all keys begin with: "" or the directory with one slash behind it. */
export function keyPrefix(rootDirectory: string): string {
  const root = rootDirectory.replace(/^\/+|\/+$/g, "");
  return root === "" ? "" : `${root}/`;
}

function entryOf(listed: Listed, skip: number): StorageEntry {
  switch (listed.kind) {
    case "object": {
      const { key, size, modified } = listed.info;
      return { name: key.slice(skip), kind: "file", size, modified };
    }
    case "prefix":
      return { name: listed.prefix.slice(skip, -1), kind: "directory", size: 0, modified: 0 };
  }
}

function notFound(path: string): Failure {
  return new Failure("not-found", `there is no file ${path} in the storage`);
}
