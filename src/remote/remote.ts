/** All registries as one place for images. */
import type {
  ByteSource,
  ImageSource,
  ImageView,
  OpenOptions,
  ResolveOptions,
  TransferOptions,
} from "../bytes/index.ts";
import { parseReference, withDefaultTag, type Descriptor, type Reference } from "../oci/index.ts";
import { metadataHmacKey, type CredentialLookup, type Credentials } from "./auth/credentials.ts";
import type { DockerConfig } from "./auth/docker_config.ts";
import { listAll } from "./listings.ts";
import { describeImage, type DescribedImage } from "./pull/describe_image.ts";
import { headManifest } from "./pull/manifests.ts";
import { blobOpener, resolveImage } from "./pull/resolve_image.ts";
import { defaultUploads, pushImage, type PushedImage } from "./push/push_image.ts";
import type { UploadJournal } from "./push/upload_journal.ts";
import type { Registries } from "./registries.ts";
import { searchHub, searchRegistry, type FoundRepository, type SearchRequest } from "./search.ts";

export interface RemoteResolveOptions extends ResolveOptions {
  /** What `head` gave for the same name: saves asking again. */
  readonly descriptor?: Descriptor;
  /** Media type of a config that is taken as well, though what has it is no image. */
  readonly configType?: string;
}

export interface PushOptions extends TransferOptions {
  /** Layers sent at a time, default 5. */
  readonly concurrency?: number;
}

interface Signalled {
  readonly signal: AbortSignal;
}

/** What a {@link Remote} is made of; `createRemote` puts it together. */
export interface RemoteParts {
  readonly registries: Registries;
  readonly credentials: CredentialLookup;
  readonly config: DockerConfig;
  readonly journal: UploadJournal;
  readonly concurrentDownloads: number | undefined;
  readonly concurrentUploads: number | undefined;
  /** The same registries with other credentials. */
  readonly withCredentials: (lookup: CredentialLookup) => Remote;
  /** Called when kept credentials changed. */
  readonly forget: () => void;
  readonly close: () => void;
}

/**
 * Names are Docker's (`alpine`, `host:5000/a/b:tag`, `a@sha256:...`) or parsed references. Connections are kept open
 * until `close`; an open but idle `Remote` does not keep the process alive. Methods may run at the same time.
 */
export class Remote implements ImageSource, Disposable {
  readonly #parts: RemoteParts;

  constructor(parts: RemoteParts) {
    this.#parts = parts;
  }

  /** How many layers whoever stores an image is to fetch at once; undefined: as many as it likes. */
  get concurrentDownloads(): number | undefined {
    return this.#parts.concurrentDownloads;
  }

  /**
   * The image behind a name: manifest only, config and layers are fetched when asked for. An index is passed through
   * to `platform` (default: this machine's). Mirrors are asked first.
   */
  async resolve(name: string | Reference, options: RemoteResolveOptions): Promise<ImageView> {
    const ref = referenceOf(name);
    const greet = options.descriptor === undefined;
    return this.#parts.registries.at(
      ref.domain,
      "pull",
      options.signal,
      (connection, others) => resolveImage(connection, ref, options, others),
      greet,
    );
  }

  /**
   * A remote that has these credentials and no others, not even those of Docker's config: what is proved with them is not
   * used by anybody else. It is of no more use once this one is closed, and need not be closed itself.
   */
  withCredentials(lookup: CredentialLookup): Remote {
    return this.#parts.withCredentials(lookup);
  }

  /** Manifest and platforms, no layers. Throws as {@link resolve}. */
  async describe(name: string | Reference, { signal }: Signalled): Promise<DescribedImage> {
    const ref = referenceOf(name);
    return this.#parts.registries.at(ref.domain, "pull", signal, (connection) =>
      describeImage(connection, ref, signal),
    );
  }

  /** Repositories of a registry (`docker.io`, `host:port`) that have to do with a term. */
  async search(domain: string, request: SearchRequest): Promise<FoundRepository[]> {
    if (domain === "docker.io") return searchHub(request);
    return this.#parts.registries.at(domain, "push", request.signal, (connection) =>
      searchRegistry(connection, request),
    );
  }

  /** What a name stands for now, by one HEAD. Throws `Failure("not-found")` and others in Docker's words. */
  async head(name: string | Reference, { signal }: Signalled): Promise<Descriptor> {
    const ref = referenceOf(name);
    return this.#parts.registries.at(ref.domain, "pull", signal, (connection) =>
      headManifest(connection, ref, signal),
    );
  }

  /** A blob of a repository; see `openBlob` in `pull/blob_source.ts` for what is checked. */
  async openBlob(name: string | Reference, blob: Descriptor, options: OpenOptions): Promise<ByteSource> {
    const ref = referenceOf(name);
    return this.#parts.registries.at(
      ref.domain,
      "pull",
      options.signal,
      (connection, others) => blobOpener([connection, ...others], ref)(blob, options),
      false,
    );
  }

  /** Tags of a repository, in the registry's order. */
  async tags(name: string | Reference, { signal }: Signalled): Promise<string[]> {
    const { domain, path } = referenceOf(name);
    const scopes = [`repository:${path}:pull`];
    return this.#parts.registries.at(domain, "pull", signal, (connection) =>
      listAll(connection, { path: `/v2/${path}/tags/list`, member: "tags", scopes }, signal),
    );
  }

  /** Repositories of a registry (`host:port`), where it tells them. */
  async catalog(server: string, { signal }: Signalled): Promise<string[]> {
    const listing = { path: "/v2/_catalog", member: "repositories", scopes: ["registry:catalog:*"] } as const;
    return this.#parts.registries.at(serverDomain(server), "push", signal, (connection) =>
      listAll(connection, listing, signal),
    );
  }

  /** Sends an image; see `pushImage`. Interrupted uploads go on where they were. */
  async push(image: ImageView, name: string | Reference, options: PushOptions): Promise<PushedImage> {
    const ref = referenceOf(name);
    const { concurrentUploads = defaultUploads } = this.#parts;
    const { signal, report = () => undefined, concurrency = concurrentUploads } = options;
    const scopes = [`repository:${ref.path}:push,pull`];
    return this.#parts.registries.at(ref.domain, "push", signal, (connection) =>
      pushImage(
        { connection, ref, scopes, journal: this.#parts.journal, report, signal },
        image,
        concurrency,
      ),
    );
  }

  /**
   * Proves credentials to a registry and resolves with those to be kept. Nothing is written: see `saveCredentials`.
   *
   * @param server `host:port`, a URL, or empty for Docker Hub.
   */
  async login(server: string, credentials: Credentials, { signal }: Signalled): Promise<Credentials> {
    return this.#parts.registries.at(serverDomain(server), "push", signal, (connection) =>
      connection.login(credentials, signal),
    );
  }

  /** Keeps credentials as Docker does; tells whether a helper or the (unencrypted) file has them now. */
  async saveCredentials(
    server: string,
    credentials: Credentials,
    { signal }: Signalled,
  ): Promise<"helper" | "file"> {
    this.#parts.forget();
    return this.#parts.config.save(serverDomain(server), credentials, signal);
  }

  /** Forgets a registry's credentials; tells whether there were any. */
  async removeCredentials(server: string, { signal }: Signalled): Promise<boolean> {
    this.#parts.forget();
    return this.#parts.config.remove(serverDomain(server), signal);
  }

  /** The key for the store's `HMAC` of layers pushed to this registry with the present credentials (B144). */
  async hmacKey(name: string | Reference): Promise<string> {
    const { domain } = referenceOf(name);
    return metadataHmacKey(domain, await this.#parts.credentials(domain));
  }

  close(): void {
    this.#parts.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function referenceOf(name: string | Reference): Reference {
  return withDefaultTag(typeof name === "string" ? parseReference(name) : name);
}

/** The registry host in what users give to `login`: the Hub's several names are one. */
export function serverDomain(server: string): string {
  const host = server.replace(/^https?:\/\//, "").split("/")[0] as string;
  return ["", "index.docker.io", "registry-1.docker.io"].includes(host) ? "docker.io" : host;
}
