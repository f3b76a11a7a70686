/** Blobs on their way from an upstream into the storage, each once, however many clients wait for it. */
import { randomUUID } from "node:crypto";
import type { ByteSource } from "../../bytes/index.ts";
import { algorithmOf, type Digest } from "../../oci/index.ts";
import { continueBlob, type HttpAnswer } from "../../remote/index.ts";
import { linkBlob } from "../blobs.ts";
import type { RegistryCore } from "../core.ts";
import { RegistryError } from "../registry_error.ts";
import { paths } from "../tree.ts";
import type { Upload } from "../upload_sessions.ts";
import { GrowingBlob } from "./growing_blob.ts";
import { Slots } from "./slots.ts";
import type { Upstream } from "./upstream.ts";
import { UpstreamUnavailable } from "./upstream_failure.ts";

/** Blobs of one upstream at a time: each costs a connection and some MiB. */
const atATime = 32;

export interface WantedBlob {
  readonly core: RegistryCore;
  readonly name: string;
  readonly digest: Digest;
  /** Of the request that wants it first. */
  readonly via: string | undefined;
}

interface Download {
  readonly opened: Promise<GrowingBlob>;
  readonly ended: Promise<void>;
}

/**
 * A download goes on when the clients have gone: they come back. It is fetched even where another repository has the same
 * blob, because only its bytes prove that the upstream has it.
 */
export class BlobDownloads {
  readonly #upstream: Upstream;
  readonly #slots = new Slots(atATime);
  readonly #running = new Map<string, Download>();

  constructor(upstream: Upstream) {
    this.#upstream = upstream;
  }

  /** The blob, as soon as the upstream has said that it has it. Throws as `Upstream.ask`, with BLOB_UNKNOWN. */
  open(wanted: WantedBlob): Promise<GrowingBlob> {
    return this.#join(wanted).opened;
  }

  /** Resolves when the blob is in the storage. */
  store(wanted: WantedBlob): Promise<void> {
    return this.#join(wanted).ended;
  }

  /** Resolves when nothing is under way. */
  async ended(): Promise<void> {
    await Promise.allSettled([...this.#running.values()].map((each) => each.ended));
  }

  #join(wanted: WantedBlob): Download {
    const key = `${wanted.name}@${wanted.digest}`;
    const running = this.#running.get(key);
    if (running !== undefined) return running;
    const opened = Promise.withResolvers<GrowingBlob>();
    const run = () => this.#run(wanted, opened.resolve);
    const ended = this.#slots.run(run).finally(() => this.#running.delete(key));
    // Whoever waits for either is told; nobody may be there to wait.
    ended.catch(opened.reject);
    opened.promise.catch(() => undefined);
    const download = { opened: opened.promise, ended };
    this.#running.set(key, download);
    return download;
  }

  async #run(wanted: WantedBlob, opened: (blob: GrowingBlob) => void): Promise<void> {
    const { core, name, digest, via } = wanted;
    const { signal } = this.#upstream;
    const path = `blobs/${digest}`;
    const answer = await this.#upstream.ask({ method: "GET", name, path, unknown: "BLOB_UNKNOWN", via });
    const size = this.#sizeOf(answer);
    const uuid = randomUUID();
    const growing = `${paths.upload(name, uuid)}/data`;
    const blob = new GrowingBlob(size, { storage: core.storage, growing, whole: paths.blob(digest) });
    try {
      await core.sessions.hold(name, uuid, { signal, fresh: algorithmOf(digest) }, async (upload) => {
        opened(blob);
        await this.#store(wanted, upload, this.#received(wanted, answer, blob));
      });
      blob.end();
    } catch (error) {
      blob.fail(error);
      throw error;
    }
  }

  #sizeOf(answer: HttpAnswer): number {
    const size = Number(answer.headers["content-length"] ?? Number.NaN);
    if (answer.status === 200 && Number.isSafeInteger(size) && size >= 0) return size;
    answer.discard();
    const reason = `answered ${answer.status} without the size of a blob`;
    throw this.#upstream.failureOf(new UpstreamUnavailable(this.#upstream.host, reason));
  }

  async *#received({ name, digest }: WantedBlob, answer: HttpAnswer, blob: GrowingBlob): ByteSource {
    const { connection, signal, label, watch } = this.#upstream;
    const place = {
      connection,
      path: this.#upstream.pathOf(name, `blobs/${digest}`),
      scopes: this.#upstream.scopesOf(name),
    };
    const descriptor = { mediaType: "", digest, size: blob.size };
    try {
      for await (const chunk of continueBlob(place, descriptor, answer, signal)) {
        watch.received(label, chunk.length);
        blob.add(chunk);
        yield chunk;
      }
    } catch (error) {
      throw this.#upstream.failureOf(error);
    }
  }

  async #store(wanted: WantedBlob, upload: Upload, source: ByteSource): Promise<void> {
    const { core, name, digest } = wanted;
    try {
      await upload.append(source);
      await upload.finish(digest, async (path) => {
        await core.storage.move(path, paths.blob(digest));
        await linkBlob(core.storage, name, digest);
        core.sightings.saw(digest, name);
      });
    } catch (error) {
      // Nobody knows this session, so nobody can go on with it.
      await upload.cancel().catch(() => undefined);
      const isWrong = error instanceof RegistryError && error.items[0]?.code === "DIGEST_INVALID";
      throw isWrong ? this.#wrongBytes(wanted) : error;
    }
  }

  #wrongBytes({ name, digest }: WantedBlob): UpstreamUnavailable {
    const { host, label, watch } = this.#upstream;
    const failure = new UpstreamUnavailable(host, `its bytes are not ${digest}`);
    watch.problem("upstream gave wrong bytes", { upstream: label, repository: name, digest });
    return failure;
  }
}
