/** A client's directory as a source of files. Contents come when they are read, and once. */
import { type ByteString, toText } from "../../byte_string.ts";
import { throwIfCancelled } from "../../bytes/index.ts";
import {
  changed,
  type ContentMemory,
  missing,
  notThat,
  resolvePath,
  type SourceKind,
  type SourceStat,
  type SourceTree,
} from "../../build/index.ts";
import { Failure } from "../../errors.ts";
import type { Fetched, FileTransfer } from "./file_transfer.ts";
import type { ListedFile } from "./listed_files.ts";

export class ClientTree implements SourceTree {
  readonly name: string;
  readonly #transfer: FileTransfer;
  readonly #fetched = new Map<number, Promise<Fetched>>();
  readonly #loaded = new Map<number, Fetched>();
  readonly #memory: ContentMemory | undefined;
  /** Digests from the memory that were told. */
  readonly #remembered = new Map<number, string>();

  /**
   * @param transfer ends with the tree
   * @param memory of earlier builds. A file is taken for the same if size and time are, as BuildKit does; if it turns out
   *   not to be so, reading it fails
   */
  constructor(name: string, transfer: FileTransfer, memory?: ContentMemory) {
    this.name = name;
    this.#transfer = transfer;
    this.#memory = memory;
  }

  [Symbol.dispose](): void {
    this.#transfer[Symbol.dispose]();
  }

  stat(path: ByteString): SourceStat | undefined {
    return this.#transfer.files.get(path)?.stat;
  }

  resolve(path: ByteString): ByteString | undefined {
    return resolvePath(this, path);
  }

  readdir(path: ByteString): ByteString[] {
    return [...this.#existing(path, "directory").names];
  }

  readLink(path: ByteString): ByteString {
    return this.#existing(path, "symlink").target;
  }

  xattrs(path: ByteString): ReadonlyMap<ByteString, Uint8Array> {
    const file = this.#transfer.files.get(path);
    if (file === undefined) throw missing(path, this.name);
    return file.xattrs;
  }

  async *open(path: ByteString, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
    throwIfCancelled(signal);
    const fetched = await this.#fetch(path);
    const { id } = this.#existing(path, "file");
    if ((this.#remembered.get(id) ?? fetched.digest) !== fetched.digest) throw changed(path, this.name);
    for await (const chunk of this.#transfer.spool.chunks(fetched)) {
      throwIfCancelled(signal);
      yield chunk;
    }
  }

  /** What was loaded before: it cannot wait for the client. */
  read(path: ByteString): Uint8Array {
    const { id } = this.#existing(path, "file");
    const fetched = this.#loaded.get(id);
    if (fetched === undefined)
      throw new Failure("internal", `${toText(path)} was not loaded from the client`);
    return this.#transfer.spool.readWhole(fetched);
  }

  async contentDigest(path: ByteString, signal?: AbortSignal): Promise<string> {
    throwIfCancelled(signal);
    const { id, stat } = this.#existing(path, "file");
    const known = this.#fetched.has(id) ? undefined : this.#memory?.get(path, identityOf(stat));
    if (known === undefined) return (await this.#fetch(path)).digest;
    this.#remembered.set(id, known);
    return known;
  }

  /** Makes ready for {@link read}, where there is such a file. @param maxBytes larger ones are not loaded */
  async load(path: ByteString, maxBytes: number): Promise<void> {
    const found = this.resolve(path);
    const stat = found === undefined ? undefined : this.stat(found);
    if (found === undefined || stat?.kind !== "file" || stat.size > maxBytes) return;
    await this.#fetch(found);
  }

  #fetch(path: ByteString): Promise<Fetched> {
    const { id, stat } = this.#existing(path, "file");
    const known = this.#fetched.get(id);
    if (known !== undefined) return known;
    const what = `${JSON.stringify(`/${toText(path)}`)} in ${this.name}`;
    const fetching = this.#transfer.fetch(id, stat.size, what).then((fetched) => {
      this.#loaded.set(id, fetched);
      this.#memory?.set(path, identityOf(stat), fetched.digest, this.#transfer.since);
      return fetched;
    });
    this.#fetched.set(id, fetching);
    return fetching;
  }

  #existing(path: ByteString, kind: SourceKind): ListedFile {
    const file = this.#transfer.files.get(path);
    if (file === undefined) throw missing(path, this.name);
    if (file.stat.kind !== kind) throw notThat(path, this.name, kind);
    return file;
  }
}

/** All that a client tells of a file's state. */
function identityOf({ size, mtime, mtimeNs }: SourceStat): Parameters<ContentMemory["get"]>[1] {
  return { dev: 0, ino: 0n, size, mtime, mtimeNs, ctime: mtime, ctimeNs: mtimeNs };
}
