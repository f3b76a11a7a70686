/**
 * Upload sessions (OCI distribution spec, "Pushing blobs"; behaviours B161, B162). What arrived before a broken
 * connection stays, and any known Location goes on: the offset is asked of the storage, not kept in the URL.
 */
import { createHash, randomUUID, type Hash } from "node:crypto";
import type { ByteSource } from "../bytes/index.ts";
import { algorithmOf, isDigest, type Digest } from "../oci/index.ts";
import { linkBlob, linkedBlobSize } from "./blobs.ts";
import { answer, bodyOf, type Exchange } from "./exchange.ts";
import { RegistryError } from "./registry_error.ts";
import type { RegistryStorage } from "./storage.ts";
import { isRepositoryName, paths } from "./tree.ts";

/** Hashes as the bytes come, so that the end need not read them again; lost at a restart, then it must. */
interface Running {
  readonly hash: Hash;
  size: number;
}

export class Uploads {
  readonly #storage: RegistryStorage;
  readonly #running = new Map<string, Running>();

  constructor(storage: RegistryStorage) {
    this.#storage = storage;
  }

  /** POST: a mount, a whole blob in one request (`?digest=`), or a new session. */
  async start(exchange: Exchange, name: string): Promise<void> {
    const query = exchange.url.searchParams;
    const [mount, from] = [query.get("mount"), query.get("from")];
    if (mount !== null && isDigest(mount) && from !== null && isRepositoryName(from)) {
      if ((await linkedBlobSize(this.#storage, from, mount)) !== undefined) {
        await linkBlob(this.#storage, name, mount);
        return answerCreated(exchange, name, mount);
      }
    }
    const uuid = randomUUID();
    const directory = paths.upload(name, uuid);
    const now = `${new Date().toISOString().slice(0, 19)}Z`;
    await this.#storage.write(`${directory}/startedat`, Buffer.from(now));
    await this.#storage.append(`${directory}/data`, nothing());
    this.#running.set(uuid, { hash: createHash("sha256"), size: 0 });
    if (query.has("digest")) return this.finish(exchange, name, uuid);
    return this.#answerSession(exchange, 202, name, uuid, 0);
  }

  /** PATCH: appends. A `Content-Range` that does not start at the end is refused with 416. */
  async append(exchange: Exchange, name: string, uuid: string): Promise<void> {
    const size = await this.#sizeOf(name, uuid);
    const start = /^(?:bytes )?(\d+)-\d+/.exec(exchange.request.headers["content-range"] ?? "")?.[1];
    if (start !== undefined && Number(start) !== size) throw new RegistryError("RANGE_INVALID", [{ size }]);
    const after = await this.#take(exchange, name, uuid);
    return this.#answerSession(exchange, 202, name, uuid, after);
  }

  async status(exchange: Exchange, name: string, uuid: string): Promise<void> {
    return this.#answerSession(exchange, 204, name, uuid, await this.#sizeOf(name, uuid));
  }

  async cancel(exchange: Exchange, name: string, uuid: string): Promise<void> {
    await this.#sizeOf(name, uuid);
    await this.#forget(name, uuid);
    await answer(exchange, 204);
  }

  /** PUT: takes the last bytes, if any, checks the digest and makes the blob visible. */
  async finish(exchange: Exchange, name: string, uuid: string): Promise<void> {
    await this.#sizeOf(name, uuid);
    const digest = exchange.url.searchParams.get("digest") ?? "";
    if (!isDigest(digest)) throw new RegistryError("DIGEST_INVALID", [digest]);
    await this.#take(exchange, name, uuid);
    if ((await this.#digestOf(name, uuid, digest)) !== digest) {
      await this.#forget(name, uuid);
      throw new RegistryError("DIGEST_INVALID", [{ digest }]);
    }
    const known = await this.#storage.size(paths.blob(digest));
    if (known === undefined) await this.#storage.move(this.#data(name, uuid), paths.blob(digest));
    await linkBlob(this.#storage, name, digest);
    await this.#forget(name, uuid);
    return answerCreated(exchange, name, digest);
  }

  async #take(exchange: Exchange, name: string, uuid: string): Promise<number> {
    const running = this.#running.get(uuid);
    const body = bodyOf(exchange);
    return this.#storage.append(this.#data(name, uuid), running ? hashed(body, running) : body);
  }

  async #digestOf(name: string, uuid: string, digest: Digest): Promise<Digest> {
    const algorithm = algorithmOf(digest);
    const size = await this.#sizeOf(name, uuid);
    const running = this.#running.get(uuid);
    if (algorithm === "sha256" && running?.size === size) return `sha256:${running.hash.digest("hex")}`;
    const hash = createHash(algorithm);
    if (size > 0) {
      const data = this.#storage.open(this.#data(name, uuid), { start: 0, end: size - 1 });
      for await (const chunk of data) hash.update(chunk);
    }
    return `${algorithm}:${hash.digest("hex")}`;
  }

  async #sizeOf(name: string, uuid: string): Promise<number> {
    const size = await this.#storage.size(this.#data(name, uuid));
    if (size === undefined) throw new RegistryError("BLOB_UPLOAD_UNKNOWN");
    return size;
  }

  async #forget(name: string, uuid: string): Promise<void> {
    this.#running.delete(uuid);
    await this.#storage.remove(paths.upload(name, uuid));
  }

  #data(name: string, uuid: string): string {
    return `${paths.upload(name, uuid)}/data`;
  }

  /** `Range: 0-0` means empty as well as one byte: distribution's own ambiguity, which clients expect. */
  async #answerSession(exchange: Exchange, status: number, name: string, uuid: string, size: number) {
    await answer(exchange, status, {
      Location: `${exchange.origin}/v2/${name}/blobs/uploads/${uuid}`,
      "Docker-Upload-UUID": uuid,
      Range: `0-${Math.max(0, size - 1)}`,
    });
  }
}

async function answerCreated(exchange: Exchange, name: string, digest: Digest): Promise<void> {
  const location = `${exchange.origin}/v2/${name}/blobs/${digest}`;
  await answer(exchange, 201, { Location: location, "Docker-Content-Digest": digest });
}

async function* hashed(source: ByteSource, running: Running): ByteSource {
  for await (const chunk of source) {
    running.hash.update(chunk);
    running.size += chunk.length;
    yield chunk;
  }
}

async function* nothing(): ByteSource {}
