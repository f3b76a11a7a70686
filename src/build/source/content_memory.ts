/** Digests of files that were read before, found again by what the kernel says of the files; like git's index. */
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { ByteString } from "../../byte_string.ts";
import {
  decodeTable,
  digestOf,
  emptyTable,
  encodeTable,
  type FileIdentity,
  isOf,
  isSame,
  joinTables,
  type MemoryTable,
  type Remembered,
} from "./memory_file.ts";

export interface ContentMemory {
  /** sha256 in hex; undefined if the file is not known as it is now. */
  get(path: ByteString, identity: FileIdentity): string | undefined;
  /**
   * Remembers what was read. Nothing is kept of a file that was changed shortly before: it could change once more
   * without any sign of it (git: "racy").
   * @param identity of the file after `since` and before its content was read
   * @param since when that was begun, milliseconds since 1970
   */
  set(path: ByteString, identity: FileIdentity, digest: string, since: number): void;
  /**
   * Writes the file if there is anything new, with what others have written meanwhile. It is an aid only: where it cannot be
   * written, the next build reads more.
   */
  save(): void;
  /** sha256 in hex of all that is known. */
  digests(): ReadonlySet<string>;
}

export interface ContentMemoryOptions {
  /** Entries in the file (default 200,000, about 30 MB). Those that this process did not ask for go first. */
  readonly maximum?: number;
}

/** Seconds: FAT's times have the coarsest grain. */
const racy = 2;

/** @param file is read when the first question comes; missing or damaged it is an empty memory. `save` makes its directory. */
export function openContentMemory(file: string, options: ContentMemoryOptions = {}): ContentMemory {
  return new FileMemory(file, options);
}

class FileMemory implements ContentMemory {
  readonly #file: string;
  readonly #maximum: number;
  readonly #added = new Map<ByteString, Remembered>();
  #table: MemoryTable | undefined;
  #rows: ReadonlyMap<ByteString, number> = new Map();
  /** 1 for each row that was asked for and is true. */
  #used = new Uint8Array(0);

  constructor(file: string, { maximum = 200_000 }: ContentMemoryOptions) {
    this.#file = file;
    this.#maximum = maximum;
  }

  get(path: ByteString, identity: FileIdentity): string | undefined {
    const table = this.#loaded();
    const row = this.#rows.get(path);
    if (row === undefined || !isOf(table, row, identity)) {
      const added = this.#added.get(path);
      return added !== undefined && isSame(added.identity, identity) ? added.digest : undefined;
    }
    this.#used[row] = 1;
    return digestOf(table, row);
  }

  set(path: ByteString, identity: FileIdentity, digest: string, since: number): void {
    if (identity.ctime + racy < since / 1000) this.#added.set(path, { identity, digest });
  }

  save(): void {
    if (this.#added.size === 0) return;
    const before = this.#loaded();
    const asked = new Set(before.paths.filter((_, row) => this.#used[row] === 1));
    this.#table = undefined;
    const table = this.#loaded();
    const kept = table.paths.flatMap((path, row) => (this.#added.has(path) ? [] : [row]));
    const isUsed = (row: number): boolean => asked.has(table.paths[row] as ByteString);
    const used = kept.filter(isUsed);
    const unused = kept.filter((row) => !isUsed(row));
    const room = Math.max(0, this.#maximum - this.#added.size);
    const rows = [...used, ...unused].slice(0, room);
    const added = new Map([...this.#added].slice(0, this.#maximum));
    this.#write(encodeTable(joinTables(table, rows, added)));
  }

  digests(): ReadonlySet<string> {
    const table = this.#loaded();
    const found = new Set([...this.#added.values()].map(({ digest }) => digest));
    for (const [row, path] of table.paths.entries())
      if (!this.#added.has(path)) found.add(digestOf(table, row));
    return found;
  }

  #loaded(): MemoryTable {
    if (this.#table !== undefined) return this.#table;
    let bytes: Buffer | undefined;
    try {
      bytes = readFileSync(this.#file);
    } catch {
      // None yet, or none that we may read.
    }
    this.#table = (bytes && decodeTable(bytes)) ?? emptyTable;
    this.#rows = new Map(this.#table.paths.map((path, row) => [path, row]));
    this.#used = new Uint8Array(this.#table.paths.length);
    return this.#table;
  }

  /** Not flushed: after a loss of power the file may be anything, which its digest shows. */
  #write(bytes: Buffer): void {
    const temporary = `${this.#file}.${randomBytes(8).toString("hex")}.tmp`;
    try {
      mkdirSync(dirname(this.#file), { recursive: true, mode: 0o700 });
    } catch {
      return;
    }
    try {
      writeFileSync(temporary, bytes, { flag: "wx", mode: 0o600 });
      renameSync(temporary, this.#file);
    } catch {
      rmSync(temporary, { force: true });
    }
  }
}
