/** A client's directory as a source of files. Contents come when they are read, and once. */
import { type ByteString, toText } from "../../byte_string.ts";
import { throwIfCancelled } from "../../bytes/index.ts";
import {
  changed,
  type ClientMemory,
  type Content,
  missing,
  notThat,
  resolvePath,
  type SourceKind,
  type SourceStat,
  type SourceTree,
} from "../../build/index.ts";
import { Failure } from "../../errors.ts";
import type { FileTransfer } from "./file_transfer.ts";
import type { ListedFile } from "./listed_files.ts";

export class ClientTree implements SourceTree {
  readonly name: string;
  readonly #transfer: FileTransfer;
  readonly #fetched = new Map<number, Promise<Content>>();
  readonly #loaded = new Map<number, Content>();
  readonly #memory: ClientMemory | undefined;
  /** Digests from the memory that were told. */
  readonly #remembered = new Map<number, string>();

  /**
   * @param transfer ends with the tree
   * @param memory of earlier builds. A file is taken for the same if size and time are, as BuildKit does. Where its content
   *   is kept it is not asked for; where it has to be, and turns out to be another one, reading it fails
   */
  constructor(name: string, transfer: FileTransfer, memory?: ClientMemory) {
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
    for await (const chunk of fetched.file.chunks(fetched)) {
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
    return fetched.file.readWhole(fetched);
  }

  async contentDigest(path: ByteString, signal?: AbortSignal): Promise<string> {
    throwIfCancelled(signal);
    const { id, stat } = this.#existing(path, "file");
    const known = this.#fetched.has(id) ? undefined : this.#memory?.digests.get(path, identityOf(stat));
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

  #fetch(path: ByteString): Promise<Content> {
    const { id, stat } = this.#existing(path, "file");
    const known = this.#fetched.get(id);
    if (known !== undefined) return known;
    const fetching = this.#content(path, id, stat).then((content) => {
      this.#loaded.set(id, content);
      return content;
    });
    this.#fetched.set(id, fetching);
    return fetching;
  }

  async #content(path: ByteString, id: number, stat: SourceStat): Promise<Content> {
    const memory = this.#memory;
    const identity = identityOf(stat);
    const known = memory?.digests.get(path, identity);
    const kept = known === undefined ? undefined : await memory?.contents.find(known, stat.size);
    if (kept !== undefined) return kept;
    const what = `${JSON.stringify(`/${toText(path)}`)} in ${this.name}`;
    const fetched = await this.#transfer.fetch(id, stat.size, what);
    memory?.digests.set(path, identity, fetched.digest, this.#transfer.since);
    return memory?.contents.add(fetched.digest, fetched) ?? fetched;
  }

  #existing(path: ByteString, kind: SourceKind): ListedFile {
    const file = this.#transfer.files.get(path);
    if (file === undefined) throw missing(path, this.name);
    if (file.stat.kind !== kind) throw notThat(path, this.name, kind);
    return file;
  }
}

/** All that a client tells of a file's state. */
function identityOf({ size, mtime, mtimeNs }: SourceStat): Parameters<ClientMemory["digests"]["get"]>[1] {
  return { dev: 0, ino: 0n, size, mtime, mtimeNs, ctime: mtime, ctimeNs: mtimeNs };
}
