/** Storage in a directory: one file a file, in distribution's modes (0755 and 0644, behaviours B158). */
import { randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, readdir, readFile, rename, rm, stat, type FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { ByteSource } from "../bytes/index.ts";
import type { ByteRange, RegistryStorage } from "./storage.ts";

/** 1 MiB reads cost a third of the CPU of 64 KiB ones. */
const readSize = 1 << 20;

export function directoryStorage(directory: string): RegistryStorage {
  return new DirectoryStorage(directory);
}

class DirectoryStorage implements RegistryStorage {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  async read(path: string): Promise<Uint8Array | undefined> {
    return readFile(this.#at(path)).catch(unlessMissing);
  }

  async write(path: string, bytes: Uint8Array): Promise<void> {
    const target = await this.#makeParent(path);
    const temporary = `${target}.${randomUUID()}`;
    try {
      await using file = await open(temporary, "wx", 0o644);
      await file.writeFile(bytes);
      await file.sync();
      await rename(temporary, target);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  }

  async size(path: string): Promise<number | undefined> {
    const stats = await stat(this.#at(path)).catch(unlessMissing);
    return stats?.isFile() ? stats.size : undefined;
  }

  open(path: string, range: ByteRange): ByteSource {
    return createReadStream(this.#at(path), { start: range.start, end: range.end, highWaterMark: readSize });
  }

  async append(path: string, source: ByteSource): Promise<number> {
    await using file = await open(await this.#makeParent(path), "a", 0o644);
    for await (const chunk of source) await writeWhole(file, chunk);
    await file.datasync();
    return (await file.stat()).size;
  }

  async list(path: string): Promise<string[]> {
    return ((await readdir(this.#at(path)).catch(unlessMissing)) ?? []).sort();
  }

  async move(from: string, to: string): Promise<void> {
    await rename(this.#at(from), await this.#makeParent(to));
  }

  async remove(path: string): Promise<void> {
    await rm(this.#at(path), { recursive: true, force: true });
  }

  #at(path: string): string {
    return join(this.#directory, path);
  }

  async #makeParent(path: string): Promise<string> {
    const target = this.#at(path);
    await mkdir(dirname(target), { recursive: true, mode: 0o755 });
    return target;
  }
}

async function writeWhole(file: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let done = 0; done < chunk.length;) done += (await file.write(chunk, done)).bytesWritten;
}

/** ENOTDIR too: a name may be asked for below what is a file. */
function unlessMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
  throw error;
}
