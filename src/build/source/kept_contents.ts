/** Contents of a client's files that earlier builds have got, so that only what was changed travels again. */
import { createHash } from "node:crypto";
import { openSync, rmSync, truncateSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { ContentFile, type Place } from "./content_file.ts";
import type { ContentMemory } from "./content_memory.ts";
import { indexOf, type KeptPack, makeFolder, newPackName, openPack, putIndex } from "./kept_pack.ts";
import { Spool } from "./spool.ts";

/** A content, and the file that it lies in. */
export interface Content extends Place {
  /** sha256 in hex. */
  readonly digest: string;
  readonly file: ContentFile;
}

/** What is known, and kept, of a directory of a client. */
export interface ClientMemory {
  readonly digests: ContentMemory;
  readonly contents: KeptContents;
}

export interface KeepOptions {
  /** sha256 in hex of all that a later build can ask for. Nothing else is kept. */
  readonly wanted: () => ReadonlySet<string>;
  /** Bytes. Where there is more, nothing is kept. */
  readonly maximum: number;
}

/** Bytes of a pack that may be nobody's, besides as many as are somebody's. */
const slack = 1 << 20;

export class KeptContents implements Disposable {
  /** Where this build's contents go; it ends with the object. */
  readonly spool: Spool;
  readonly #folder: string;
  readonly #added = new Map<string, Content>();
  readonly #damaged = new Set<string>();
  #pack: KeptPack | "none" | undefined;

  /**
   * Reads nothing yet.
   * @param folder made when something is kept
   * @param temporaryDirectory on the same disk; the spool goes with it
   */
  constructor(folder: string, temporaryDirectory: string) {
    this.#folder = folder;
    this.spool = new Spool(temporaryDirectory, true);
  }

  [Symbol.dispose](): void {
    this.spool[Symbol.dispose]();
    if (typeof this.#pack === "object") this.#pack.file[Symbol.dispose]();
    this.#pack = "none";
  }

  /** Undefined: it is not kept, or is not what it was. It is read to know that. */
  async find(digest: string, size: number): Promise<Content | undefined> {
    const added = this.#added.get(digest);
    if (added !== undefined) return added;
    this.#pack ??= openPack(this.#folder) ?? "none";
    if (this.#pack === "none") return undefined;
    const { file, places } = this.#pack;
    const place = places.get(digest);
    if (place?.size !== size || this.#damaged.has(digest)) return undefined;
    if (isWithin(place, this.#pack.size) && (await digestOf(file, place)) === digest)
      return { ...place, digest, file };
    this.#damaged.add(digest);
    return undefined;
  }

  /** To be kept. @param place in the spool */
  add(digest: string, place: Place): Content {
    const content = { ...place, digest, file: this.spool.file };
    this.#added.set(digest, content);
    return content;
  }

  /**
   * Keeps what was added besides what was there. One at a time for a folder, between all processes. It is an aid only: where
   * it cannot be written, more travels in the next build.
   */
  async save(options: KeepOptions): Promise<void> {
    try {
      if (this.#added.size > 0) await this.#keep(options);
      const now = new Date();
      utimesSync(indexOf(this.#folder), now, now);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    }
  }

  async #keep({ wanted, maximum }: KeepOptions): Promise<void> {
    const before = openPack(this.#folder);
    using _ = before?.file;
    const contents = this.#wanted(before, wanted());
    const bytes = sizeOf(contents.values());
    if (contents.size === 0 || bytes > maximum) return rmSync(this.#folder, { recursive: true, force: true });
    makeFolder(this.#folder);
    const isDense = (size: number): boolean => size <= Math.min(2 * bytes + slack, maximum);
    const fresh = sizeOf(contents.values().filter(({ file }) => file !== before?.file));
    if (before === undefined && isDense(this.spool.size)) {
      const name = newPackName();
      this.spool.moveTo(join(this.#folder, name));
      putIndex(this.#folder, name, contents);
    } else if (before !== undefined && isDense(before.size + fresh)) await this.#append(before, contents);
    else await this.#write(newPackName(), contents);
  }

  #wanted(before: KeptPack | undefined, wanted: ReadonlySet<string>): Map<string, Content> {
    const contents = new Map<string, Content>();
    for (const [digest, place] of before?.places ?? [])
      if (wanted.has(digest) && !this.#damaged.has(digest))
        contents.set(digest, { ...place, digest, file: (before as KeptPack).file });
    for (const [digest, content] of this.#added)
      if (wanted.has(digest) && !contents.has(digest)) contents.set(digest, content);
    return contents;
  }

  async #append({ name, file, size }: KeptPack, contents: ReadonlyMap<string, Content>): Promise<void> {
    try {
      putIndex(this.#folder, name, await copied(contents, file, size));
    } catch (error) {
      // No index knows what comes after.
      truncateSync(join(this.#folder, name), size);
      throw error;
    }
  }

  async #write(name: string, contents: ReadonlyMap<string, Content>): Promise<void> {
    const path = join(this.#folder, name);
    try {
      using file = new ContentFile(openSync(path, "wx+", 0o600));
      putIndex(this.#folder, name, await copied(contents, file, 0));
    } catch (error) {
      rmSync(path, { force: true });
      throw error;
    }
  }
}

/** Where the contents lie once those that `file` has not have been written to its end. */
async function copied(
  contents: ReadonlyMap<string, Content>,
  file: ContentFile,
  end: number,
): Promise<Map<string, Place>> {
  const places = new Map<string, Place>();
  let offset = end;
  let count = 0;
  for (const [digest, content] of contents) {
    // Others get their turn.
    if (++count % 256 === 0) await setImmediate();
    if (content.file === file) {
      places.set(digest, content);
      continue;
    }
    const place = { offset, size: content.size };
    let at = 0;
    for await (const chunk of content.file.chunks(content)) {
      file.write(place, at, chunk);
      at += chunk.length;
    }
    places.set(digest, place);
    offset += content.size;
  }
  return places;
}

async function digestOf(file: ContentFile, place: Place): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of file.chunks(place)) hash.update(chunk);
  return hash.digest("hex");
}

function isWithin({ offset, size }: Place, end: number): boolean {
  return offset >= 0 && offset + size <= end;
}

function sizeOf(places: Iterable<Place>): number {
  let bytes = 0;
  for (const { size } of places) bytes += size;
  return bytes;
}
