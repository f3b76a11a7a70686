/** Storage in memory, for tests and demonstrations: chunks are kept as they came, never joined. */
import { abortable, throwIfCancelled, type ByteSource } from "../../bytes/index.ts";
import { Failure } from "../../errors.ts";
import type { AppendableFile, ByteRange, StorageDriver, StorageEntry, StorageStat } from "./types.ts";

interface MemoryFile {
  chunks: Uint8Array[];
  size: number;
  /** Milliseconds since 1970. */
  modified: number;
}
/** Names in order are kept until one comes or goes: a page of ten thousand tags must not sort them again. */
interface MemoryDirectory {
  readonly children: Map<string, MemoryFile | MemoryDirectory>;
  sorted: readonly string[] | undefined;
}

export function memoryStorage(): StorageDriver {
  return new MemoryStorage();
}

class MemoryStorage implements StorageDriver {
  readonly name = "memory";
  readonly #root: MemoryDirectory = emptyDirectory();

  async read(path: string): Promise<Uint8Array | undefined> {
    const file = this.#file(path);
    return file && Buffer.concat(file.chunks);
  }

  async write(path: string, bytes: Uint8Array): Promise<void> {
    this.#put(path, { chunks: [Uint8Array.from(bytes)], size: bytes.length, modified: Date.now() });
  }

  async writeNew(path: string, bytes: Uint8Array): Promise<boolean> {
    if (this.#find(path) !== undefined) return false;
    await this.write(path, bytes);
    return true;
  }

  async stat(path: string): Promise<StorageStat | undefined> {
    const found = this.#find(path);
    return found && statOf(found);
  }

  async *open(path: string, range: ByteRange, signal: AbortSignal): ByteSource {
    let position = 0;
    for (const chunk of this.#existing(path).chunks) {
      const part = chunk.subarray(Math.max(0, range.start - position), Math.max(0, range.end + 1 - position));
      position += chunk.length;
      throwIfCancelled(signal);
      if (part.length > 0) yield part;
    }
    throwIfCancelled(signal);
  }

  async appendTo(path: string, options: { readonly continuing: boolean }): Promise<AppendableFile> {
    if (options.continuing) return this.#appendable(path, this.#existing(path));
    const file: MemoryFile = { chunks: [], size: 0, modified: Date.now() };
    this.#put(path, file);
    return this.#appendable(path, file);
  }

  async *list(path: string): AsyncGenerator<StorageEntry, void, undefined> {
    const found = this.#find(path);
    if (found === undefined || !isDirectory(found)) return;
    found.sorted ??= [...found.children.keys()].sort();
    for (const name of found.sorted) {
      const child = found.children.get(name);
      if (child !== undefined) yield { name, ...statOf(child) };
    }
  }

  async move(from: string, to: string): Promise<void> {
    const file = this.#existing(from);
    if (from === to) return;
    this.#put(to, file);
    await this.remove(from);
  }

  async remove(path: string): Promise<void> {
    const parents = this.#parents(path);
    for (let name = nameOf(path); parents.length > 0;) {
      const parent = parents.pop() as { name: string; directory: MemoryDirectory };
      parent.directory.children.delete(name);
      parent.directory.sorted = undefined;
      if (parent.directory.children.size > 0) return;
      name = parent.name;
    }
  }

  #appendable(path: string, file: MemoryFile): AppendableFile {
    return {
      get size() {
        return file.size;
      },
      append: async (source, signal) => {
        for await (const chunk of abortable(source, signal)) {
          file.chunks.push(chunk);
          file.size += chunk.length;
          file.modified = Date.now();
        }
        return file.size;
      },
      commit: async () => undefined,
      cancel: () => this.remove(path),
      [Symbol.asyncDispose]: async () => undefined,
    };
  }

  #find(path: string): MemoryFile | MemoryDirectory | undefined {
    let at: MemoryFile | MemoryDirectory | undefined = this.#root;
    for (const name of path === "" ? [] : path.split("/")) {
      at = at !== undefined && isDirectory(at) ? at.children.get(name) : undefined;
    }
    return at;
  }

  #file(path: string): MemoryFile | undefined {
    const found = this.#find(path);
    return found === undefined || isDirectory(found) ? undefined : found;
  }

  #existing(path: string): MemoryFile {
    const file = this.#file(path);
    if (file === undefined) throw new Failure("not-found", `cannot open ${path}: no such file`);
    return file;
  }

  /** The directories above an existing path, outermost first; none if it does not exist. */
  #parents(path: string): { name: string; directory: MemoryDirectory }[] {
    if (path === "") this.#root.children.clear();
    if (path === "" || this.#find(path) === undefined) return [];
    const parents = [{ name: "", directory: this.#root }];
    for (const name of path.split("/").slice(0, -1)) {
      parents.push({ name, directory: parents.at(-1)!.directory.children.get(name) as MemoryDirectory });
    }
    return parents;
  }

  #put(path: string, file: MemoryFile): void {
    let at = this.#root;
    for (const name of path.split("/").slice(0, -1)) {
      const child = at.children.get(name) ?? emptyDirectory();
      if (!isDirectory(child)) throw new Failure("conflict", `cannot write ${path}: ${name} is a file`);
      if (!at.children.has(name)) at.sorted = undefined;
      at.children.set(name, child);
      at = child;
    }
    const name = nameOf(path);
    if (!at.children.has(name)) at.sorted = undefined;
    at.children.set(name, file);
  }
}

function emptyDirectory(): MemoryDirectory {
  return { children: new Map(), sorted: undefined };
}

function isDirectory(found: MemoryFile | MemoryDirectory): found is MemoryDirectory {
  return "children" in found;
}

function statOf(found: MemoryFile | MemoryDirectory): StorageStat {
  if (isDirectory(found)) return { kind: "directory", size: 0, modified: 0 };
  return { kind: "file", size: found.size, modified: found.modified };
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
