/**
 * Uploads as they lie in the storage (behaviours B161): `_uploads/<uuid>/{data, startedat, hashstates/sha256/<offset>}`.
 * Nothing that is needed is in memory, so an upload goes on after a restart and on any other instance.
 */
import { createHash } from "node:crypto";
import type { ByteSource } from "../bytes/index.ts";
import { isFailure } from "../errors.ts";
import { algorithmOf, type Algorithm, type Digest } from "../oci/index.ts";
import { RegistryError } from "./registry_error.ts";
import { Sha256 } from "./sha256.ts";
import type { AppendableFile, StorageDriver } from "./storage/types.ts";
import { paths } from "./tree.ts";
import { UploadHash } from "./upload_hash.ts";

/** More sessions at once than this, and the oldest is hashed again at its end. */
const maxHashes = 1000;
/** How much faster node:crypto reads from the start than {@link Sha256} goes on from a state. */
const stateAdvantage = 10;

/** One session that this request has for itself. */
export interface Upload {
  readonly name: string;
  readonly uuid: string;
  /** Bytes so far. */
  readonly size: number;
  /** Appends; what came before a failure stays. */
  append(source: ByteSource): Promise<void>;
  /** Lets another instance go on with the hash, where that is cheap. */
  keepState(): Promise<void>;
  /**
   * Checks the digest and gives the bytes to `keep`, which makes them a blob; then, and when they are not what the digest
   * says, or `keep` refuses them with `RegistryError`, the session is gone. Other failures leave it as it is.
   */
  finish(digest: Digest, keep: (path: string, size: number) => Promise<void>): Promise<void>;
  cancel(): Promise<void>;
}

interface Holder {
  readonly stop: AbortController;
  readonly done: Promise<void>;
}

export class UploadSessions {
  readonly #storage: StorageDriver;
  /** Least recently used first. */
  readonly #hashes = new Map<string, UploadHash>();
  readonly #holders = new Map<string, Holder>();

  constructor(storage: StorageDriver) {
    this.#storage = storage;
  }

  /** Makes a session that others can find. `algorithm` is that of the digest to come, a hint. */
  async create(name: string, uuid: string, algorithm: Algorithm): Promise<void> {
    const now = `${new Date().toISOString().slice(0, 19)}Z`;
    await this.#storage.write(`${paths.upload(name, uuid)}/startedat`, Buffer.from(now));
    // So that distribution finds it, too: on an object store an upload that has no bytes is something as well.
    await using _ = await this.#storage.appendTo(dataOf(name, uuid), { continuing: false });
    this.#remember(uuid, new UploadHash(algorithm));
  }

  /** Throws BLOB_UPLOAD_UNKNOWN unless there is such a session. */
  async sizeOf(name: string, uuid: string): Promise<number> {
    await this.#mustExist(name, uuid);
    await using file = await this.#continue(name, uuid);
    return file?.size ?? 0;
  }

  async #mustExist(name: string, uuid: string): Promise<void> {
    const started = await this.#storage.read(`${paths.upload(name, uuid)}/startedat`);
    if (started === undefined) throw new RegistryError("BLOB_UPLOAD_UNKNOWN", [{ uuid }]);
  }

  /**
   * Lets `act` have the session for itself. Who holds it already on this instance is stopped first: that is as a rule the
   * connection that broke for the client and not yet for us, and two writers would mix their bytes.
   * @param options.fresh a session that nobody has created and that ends with `act`; the algorithm of its digest
   */
  async hold<T>(
    name: string,
    uuid: string,
    options: { readonly signal: AbortSignal; readonly fresh?: Algorithm },
    act: (upload: Upload) => Promise<T>,
  ): Promise<T> {
    for (let holder; (holder = this.#holders.get(uuid)) !== undefined;) {
      holder.stop.abort();
      await holder.done;
    }
    const stop = new AbortController();
    const done = Promise.withResolvers<void>();
    this.#holders.set(uuid, { stop, done: done.promise });
    const signal = AbortSignal.any([options.signal, stop.signal]);
    let upload: OpenUpload | undefined;
    try {
      if (options.fresh === undefined) await this.#mustExist(name, uuid);
      const known = options.fresh === undefined ? await this.#continue(name, uuid) : undefined;
      const file = known ?? (await this.#storage.appendTo(dataOf(name, uuid), { continuing: false }));
      const hash = this.#hashOf(uuid, file.size, options.fresh);
      upload = new OpenUpload({ storage: this.#storage, name, uuid, file, signal, hash });
      return await act(upload);
    } catch (error) {
      // Another instance has finished or cancelled it meanwhile.
      if (isFailure(error, "not-found")) throw new RegistryError("BLOB_UPLOAD_UNKNOWN", [{ uuid }]);
      throw error;
    } finally {
      await upload?.close();
      if (upload?.hash !== undefined) this.#remember(uuid, upload.hash);
      else this.#hashes.delete(uuid);
      this.#holders.delete(uuid);
      done.resolve();
    }
  }

  async #continue(name: string, uuid: string): Promise<AppendableFile | undefined> {
    return this.#storage.appendTo(dataOf(name, uuid), { continuing: true }).catch((error: unknown) => {
      if (isFailure(error, "not-found")) return undefined;
      throw error;
    });
  }

  /** Another instance may have appended meanwhile: a hash of other bytes than there are is worth nothing. */
  #hashOf(uuid: string, size: number, algorithm: Algorithm = "sha256"): UploadHash | undefined {
    const hash = this.#hashes.get(uuid);
    if (hash?.size === size) return hash;
    return size === 0 ? new UploadHash(algorithm) : undefined;
  }

  #remember(uuid: string, hash: UploadHash): void {
    this.#hashes.delete(uuid);
    this.#hashes.set(uuid, hash);
    if (this.#hashes.size > maxHashes) this.#hashes.delete(this.#hashes.keys().next().value as string);
  }
}

interface OpenUploadParts {
  readonly storage: StorageDriver;
  readonly name: string;
  readonly uuid: string;
  readonly file: AppendableFile;
  readonly signal: AbortSignal;
  readonly hash: UploadHash | undefined;
}

class OpenUpload implements Upload {
  readonly name: string;
  readonly uuid: string;
  readonly #storage: StorageDriver;
  readonly #file: AppendableFile;
  readonly #signal: AbortSignal;
  /** Of exactly the bytes that are in the file; undefined when nobody knows it. */
  hash: UploadHash | undefined;

  constructor(parts: OpenUploadParts) {
    this.name = parts.name;
    this.uuid = parts.uuid;
    this.hash = parts.hash;
    this.#storage = parts.storage;
    this.#file = parts.file;
    this.#signal = parts.signal;
  }

  get size(): number {
    return this.#file.size;
  }

  async append(source: ByteSource): Promise<void> {
    const hash = this.hash;
    // Until it is known that all that was hashed was also stored.
    this.hash = undefined;
    try {
      await this.#file.append(hash?.through(source) ?? source, this.#signal);
    } finally {
      if (hash?.size === this.size) this.hash = hash;
    }
  }

  async keepState(): Promise<void> {
    const state = this.hash?.algorithm === "sha256" ? this.hash.state() : undefined;
    // The state is of no use unless the bytes before it are durable, and they are: `append` saw to it.
    if (state !== undefined) await this.#storage.write(`${this.#states}/${this.size}`, state);
  }

  async finish(digest: Digest, keep: (path: string, size: number) => Promise<void>): Promise<void> {
    const size = this.size;
    await this.#file.commit();
    try {
      if ((await this.#digest(algorithmOf(digest), size)) !== digest) {
        throw new RegistryError("DIGEST_INVALID", [{ digest }]);
      }
      await keep(dataOf(this.name, this.uuid), size);
    } catch (error) {
      if (error instanceof RegistryError) await this.#forget();
      throw error;
    }
    await this.#forget();
  }

  async cancel(): Promise<void> {
    await this.#file.cancel();
    await this.#forget();
  }

  async close(): Promise<void> {
    await this.#file[Symbol.asyncDispose]();
  }

  async #forget(): Promise<void> {
    this.hash = undefined;
    await this.#storage.remove(paths.upload(this.name, this.uuid));
  }

  get #states(): string {
    return `${paths.upload(this.name, this.uuid)}/hashstates/sha256`;
  }

  async #digest(algorithm: Algorithm, size: number): Promise<Digest> {
    if (this.hash?.algorithm === algorithm && this.hash.size === size) {
      const hex = this.hash.hex();
      this.hash = undefined;
      return `${algorithm}:${hex}`;
    }
    const state = algorithm === "sha256" ? await this.#nearestState(size) : undefined;
    const hash = state ?? createHash(algorithm);
    const start = state?.length ?? 0;
    if (start < size) {
      const range = { start, end: size - 1 };
      const data = this.#storage.open(dataOf(this.name, this.uuid), range, this.#signal);
      for await (const chunk of data) hash.update(chunk);
    }
    return `${algorithm}:${hash instanceof Sha256 ? hash.hex() : hash.digest("hex")}`;
  }

  /** A state from which it is less work to go on than to begin. */
  async #nearestState(size: number): Promise<Sha256 | undefined> {
    let offset = 0;
    for await (const { name } of this.#storage.list(this.#states)) {
      if (/^\d{1,15}$/.test(name) && Number(name) <= size) offset = Math.max(offset, Number(name));
    }
    if (offset === 0 || (size - offset) * stateAdvantage > size) return undefined;
    const state = await this.#storage.read(`${this.#states}/${offset}`);
    try {
      const hash = state && Sha256.from(state);
      return hash?.length === offset ? hash : undefined;
    } catch {
      return undefined;
    }
  }
}

function dataOf(name: string, uuid: string): string {
  return `${paths.upload(name, uuid)}/data`;
}
