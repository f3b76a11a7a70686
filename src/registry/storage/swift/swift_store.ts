/** {@link ObjectStore} on OpenStack Swift. */
import { Failure } from "../../../errors.ts";
import { discard } from "../objects/http_client.ts";
import { inParallel } from "../objects/in_parallel.ts";
import type {
  GetOptions,
  Listed,
  ListOptions,
  ObjectBody,
  ObjectInfo,
  ObjectStore,
  PutOptions,
} from "../objects/object_store.ts";
import { putSettled } from "../objects/put_settled.ts";
import type { AppendableFile } from "../types.ts";
import { awaitSize, SegmentedFile } from "./segmented_file.ts";
import { contentType, listContainer, type Segments, type SwiftEntry } from "./segments.ts";
import type { SwiftClient } from "./swift_client.ts";

export interface SwiftStoreOptions {
  readonly client: SwiftClient;
  readonly segments: Segments;
  /** Bytes a segment. */
  readonly chunkSize: number;
}

interface Head extends ObjectInfo {
  /** Where its segments are, if it is a manifest. */
  readonly place: string | undefined;
}

const mark = "x-object-meta-writer";

export class SwiftStore implements ObjectStore {
  readonly #options: SwiftStoreOptions;
  readonly #client: SwiftClient;
  readonly #segments: Segments;

  constructor(options: SwiftStoreOptions) {
    this.#options = options;
    this.#client = options.client;
    this.#segments = options.segments;
  }

  async get(key: string, { range, etag, signal }: GetOptions): Promise<ObjectBody | undefined> {
    const headers: Record<string, string> = {};
    if (range !== undefined) headers["Range"] = `bytes=${range.start}-${range.end}`;
    if (etag !== undefined) headers["If-Match"] = etag;
    const request = { method: "GET", key, headers, expect: [404, 416] };
    const response = await this.#client.open(signal === undefined ? request : { ...request, signal });
    if (response.status < 300) return { body: response.body, etag: response.headers.etag };
    await discard(response.body);
    return response.status === 404 ? undefined : { body: nothing(), etag };
  }

  async head(key: string): Promise<ObjectInfo | undefined> {
    return this.#head(key);
  }

  /** Swift decides by time stamps which of two puts stays: its own condition looks first and writes later. */
  async put(key: string, body: Uint8Array, { ifAbsent }: PutOptions): Promise<boolean> {
    const put = async (more: Readonly<Record<string, string>>) =>
      void (await this.#client.send({ method: "PUT", key, headers: { ...contentType, ...more }, body }));
    if (ifAbsent) {
      return putSettled({
        put: (writer) => put({ [mark]: writer }),
        writer: async () => {
          const { status, headers } = await this.#client.send({ method: "HEAD", key, expect: [404] });
          return status === 404 ? undefined : String(headers[mark] ?? "");
        },
      });
    }
    await put({});
    return true;
  }

  async *list(prefix: string, { shallow, limit }: ListOptions): AsyncGenerator<Listed, void, undefined> {
    const options = {
      prefix,
      ...(shallow ? { delimiter: "/" } : {}),
      ...(limit === undefined ? {} : { limit }),
    };
    for await (const listed of listContainer(this.#client, options)) {
      if ("subdir" in listed) yield { kind: "prefix", prefix: listed.subdir };
      else yield { kind: "object", info: shallow ? await this.#infoOf(listed) : plainInfo(listed) };
    }
  }

  async move(from: string, to: string): Promise<void> {
    const [source, target] = await Promise.all([this.#head(from), this.#head(to)]);
    if (source === undefined) throw new Failure("not-found", `there is no object ${from}`);
    if (source.place === undefined) {
      const headers = {
        "X-Copy-From": `/${this.#client.container}/${from}`.split("/").map(encodeURIComponent).join("/"),
      };
      await this.#client.send({ method: "PUT", key: to, headers, body: new Uint8Array() });
    } else {
      await this.#segments.assign(source.place, to);
      await this.#segments.writeManifest(to, source.place);
      await awaitSize(this.#client, to, source.size);
    }
    await this.#client.send({ method: "DELETE", key: from, expect: [404] });
    if (target?.place !== undefined && target.place !== source.place)
      await this.#segments.release(target.place, to);
  }

  async delete(keys: readonly string[]): Promise<void> {
    await inParallel(keys, 16, (key) => this.#delete(key));
  }

  async appendTo(key: string, { continuing }: { readonly continuing: boolean }): Promise<AppendableFile> {
    const known = await this.#head(key);
    const { client, segments, chunkSize } = this.#options;
    const at = (place: string) => ({ client, segments, chunkSize, key, place });
    if (continuing && known === undefined) throw new Failure("not-found", `there is no upload ${key}`);
    if (continuing && known?.place !== undefined) {
      return new SegmentedFile(at(known.place), await segments.list(known.place));
    }
    const place = segments.newPlace();
    if (!continuing || known?.size === 0) {
      await segments.writeManifest(key, place);
      if (known?.place !== undefined) await segments.release(known.place, key);
      return new SegmentedFile(at(place), []);
    }
    // It was committed in one piece: that becomes the first segment.
    await this.move(key, segments.keyOf(place, 1));
    await segments.writeManifest(key, place);
    return new SegmentedFile(at(place), [{ number: 1, size: (known as Head).size }]);
  }

  async signedUrl(key: string): Promise<string | undefined> {
    return this.#client.signedUrl(key);
  }

  close(): void {
    this.#client.close();
  }

  async #head(key: string): Promise<Head | undefined> {
    const { status, headers } = await this.#client.send({ method: "HEAD", key, expect: [404] });
    if (status === 404) return undefined;
    const modified = Number(headers["x-timestamp"]) * 1000 || Date.parse(headers["last-modified"] ?? "") || 0;
    const place = this.#segments.placeOf(headers["x-object-manifest"]);
    return { key, size: Number(headers["content-length"]), modified: Math.floor(modified), place };
  }

  /** A manifest is listed with the bytes of its own, which are none. */
  async #infoOf(listed: SwiftEntry): Promise<ObjectInfo> {
    return (listed.bytes === 0 ? await this.#head(listed.name) : undefined) ?? plainInfo(listed);
  }

  /** The manifest first: what is left by a kill is out of sight. */
  async #delete(key: string): Promise<void> {
    const known = await this.#head(key);
    if (known === undefined) return;
    await this.#client.send({ method: "DELETE", key, expect: [404] });
    if (known.place !== undefined) await this.#segments.release(known.place, key);
  }
}

function plainInfo({ name, bytes, last_modified: modified }: SwiftEntry): ObjectInfo {
  return { key: name, size: bytes, modified: Date.parse(`${modified}Z`) || 0 };
}

async function* nothing(): AsyncGenerator<Uint8Array, void, undefined> {}
