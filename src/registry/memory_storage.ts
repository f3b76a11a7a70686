/** Storage in memory, for tests and demonstrations: chunks are kept as they came, never joined. */
import type { ByteSource } from "../bytes/index.ts";
import type { ByteRange, RegistryStorage } from "./storage.ts";

export function memoryStorage(): RegistryStorage {
  return new MemoryStorage();
}

class MemoryStorage implements RegistryStorage {
  readonly #files = new Map<string, Uint8Array[]>();

  async read(path: string): Promise<Uint8Array | undefined> {
    const chunks = this.#files.get(path);
    return chunks && Buffer.concat(chunks);
  }

  async write(path: string, bytes: Uint8Array): Promise<void> {
    this.#files.set(path, [bytes]);
  }

  async size(path: string): Promise<number | undefined> {
    return this.#files.get(path)?.reduce((sum, chunk) => sum + chunk.length, 0);
  }

  async *open(path: string, range: ByteRange): ByteSource {
    let position = 0;
    for (const chunk of this.#files.get(path) ?? []) {
      const part = chunk.subarray(Math.max(0, range.start - position), Math.max(0, range.end + 1 - position));
      position += chunk.length;
      if (part.length > 0) yield part;
    }
  }

  async append(path: string, source: ByteSource): Promise<number> {
    const chunks = this.#files.get(path) ?? [];
    this.#files.set(path, chunks);
    for await (const chunk of source) chunks.push(chunk);
    return (await this.size(path)) ?? 0;
  }

  async list(path: string): Promise<string[]> {
    const prefix = `${path}/`;
    const names = new Set<string>();
    for (const file of this.#files.keys()) {
      if (file.startsWith(prefix)) names.add(file.slice(prefix.length).split("/")[0] as string);
    }
    return [...names].sort();
  }

  async move(from: string, to: string): Promise<void> {
    const chunks = this.#files.get(from);
    if (chunks === undefined) throw new Error(`move ${from}: no such file`);
    this.#files.delete(from);
    this.#files.set(to, chunks);
  }

  async remove(path: string): Promise<void> {
    for (const file of this.#files.keys()) {
      if (file === path || file.startsWith(`${path}/`)) this.#files.delete(file);
    }
  }
}
