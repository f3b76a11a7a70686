/** The image store's parts, in Docker's words and on Docker's disk layout (behaviours section 8). */
import type { ByteSource, OpenOptions, SeenBlob } from "../bytes/index.ts";
import type { CacheId, Driver, MountedRoot, MountOptions } from "../driver/index.ts";
import type { BlobDigest, ChainId, DiffId, ImageConfig, ImageId, Reference } from "../oci/index.ts";

export interface StoredImage {
  readonly id: ImageId;
  /** The config's exact bytes; `id` is their digest. */
  readonly bytes: Uint8Array;
  readonly config: ImageConfig;
  /** Only images built or committed here have one. */
  readonly parent?: ImageId;
  /** RFC 3339 with nanoseconds; written when the image was last tagged. */
  readonly lastUpdated?: string;
}

/** `imagedb/`: configs by their digest. */
export interface ImageDb {
  get(id: ImageId): Promise<StoredImage | undefined>;
  list(): Promise<ImageId[]>;
  /** Parents of all images that have one, by the child. The configs are not read. */
  parents(): Promise<ReadonlyMap<ImageId, ImageId>>;
  /** Stores a config whose layers are registered; idempotent. Throws `Failure("corrupt")` for a bad config. */
  put(bytes: Uint8Array, options?: { readonly parent?: ImageId }): Promise<ImageId>;
  markUpdated(id: ImageId): Promise<void>;
  /** Removes config and metadata; layers are the caller's business. */
  remove(id: ImageId): Promise<void>;
}

export interface StoredLayer {
  readonly chainId: ChainId;
  readonly diffId: DiffId;
  readonly parent?: ChainId;
  readonly cacheId: CacheId;
  /** Bytes, by behaviours B135. */
  readonly size: number;
}

/** What has to be known of an unpacked directory for it to become a layer. */
export interface NewLayer extends Omit<StoredLayer, "chainId"> {
  /**
   * The `tar-split.json.gz` that was written while unpacking; it is moved into the entry. None where the driver keeps
   * the tar itself.
   */
  readonly tarSplit?: string;
}

/** A layer whose entry is written and not visible yet. */
export interface StagedLayer {
  /** Where the entry lies. What is in it has to be on the disk before {@link publish}. */
  readonly directory: string;
  /**
   * Gives the entry its name, by one rename. If another process registered the chain ID first, that one is returned.
   * Throws `Failure("not-found")` if the layer below is not registered.
   */
  publish(): StoredLayer;
  /** Removes the entry if it was not published. */
  discard(): void;
}

/** `layerdb/sha256/`: layers by chain ID. */
export interface LayerDb {
  get(chainId: ChainId): Promise<StoredLayer | undefined>;
  list(): Promise<ChainId[]>;
  /**
   * Makes the layer visible: staged in `layerdb/tmp`, synced, renamed. The driver's directory must be complete and
   * synced. If another process registered the chain ID first, that one is returned and the caller removes its own.
   */
  register(layer: NewLayer): Promise<StoredLayer>;
  /**
   * {@link register} in steps, for many layers at once: `stage` all, flush the file system once, `publish` them bottom
   * first, `flush`.
   */
  stage(layer: NewLayer): Promise<StagedLayer>;
  /** Brings to the disk which layers there are. */
  flush(): Promise<void>;
  /**
   * Takes entries away (rename, then delete), uppermost first, so that no layer ever stands on nothing. The caller then
   * removes their `cacheId`s from the driver.
   */
  remove(...chainIds: ChainId[]): Promise<void>;
  /** The exact tar, re-assembled with tar-split. Ends with `Failure("corrupt")` if it does not hash to the diff ID. */
  openTar(chainId: ChainId, options: OpenOptions): Promise<ByteSource>;
  /** Bytes of that tar, without making it. Throws `Failure("corrupt")` if the layer's record cannot be read. */
  tarSize(chainId: ChainId): Promise<number>;
}

/** `repositories.json`: names of images. Changed under a lock, so several processes may share it. */
export interface Names {
  /** All names: familiar string (`alpine:3.20`, `alpine@sha256:...`) to image. */
  all(): Promise<ReadonlyMap<string, ImageId>>;
  namesOf(id: ImageId): Promise<Reference[]>;
  get(name: Reference): Promise<ImageId | undefined>;
  /** Returns the image that held the name before, if it was another. */
  set(name: Reference, id: ImageId): Promise<ImageId | undefined>;
  /** Sets all of them in one write. */
  setAll(names: readonly Reference[], id: ImageId): Promise<void>;
  remove(name: Reference): Promise<boolean>;
}

/** `distribution/`: which blob is which layer, and where a layer was seen. */
export interface DigestMaps {
  diffIdOf(blob: BlobDigest): Promise<DiffId | undefined>;
  seenAt(diffId: DiffId): Promise<SeenBlob[]>;
  /** Records both directions; `hmacKey` is set after a push (behaviours B144). */
  add(diffId: DiffId, seen: SeenBlob, hmacKey?: string): Promise<void>;
  /** {@link add} for many at once. Nothing is flushed: a loss of power may take these facts, which then are unknown. */
  addAll(facts: readonly { readonly diffId: DiffId; readonly seen: SeenBlob }[]): Promise<void>;
}

/** One container's writable layer: `layerdb/mounts/<container id>/`. */
export interface ContainerLayer {
  readonly containerId: string;
  readonly mountId: CacheId;
  readonly initId: CacheId;
  /** Top of the image's stack; undefined for an image without layers. */
  readonly parent?: ChainId;
  /** Tops of images that are mounted in the container, whose layers it needs as well; absent: there are none. */
  readonly mountedTops?: readonly ChainId[];
}

export interface ContainerLayerOptions {
  /** False: a loss of power may take the placeholders (default true). */
  readonly durable?: boolean;
  /** Tops of images that are to be mounted in the container (default none). */
  readonly mountedTops?: readonly ChainId[];
}

export interface ContainerLayers {
  /**
   * Makes `<mount-id>-init` with Docker's placeholders (behaviours B150) and the empty writable layer on it.
   * @throws Failure("not-found") for a layer that is missing
   */
  create(
    containerId: string,
    parent: ChainId | undefined,
    options?: ContainerLayerOptions,
  ): Promise<ContainerLayer>;
  /** Writes down a container whose directories are there already, filled and flushed: one that came from elsewhere. */
  adopt(layer: ContainerLayer): Promise<void>;
  get(containerId: string): Promise<ContainerLayer | undefined>;
  list(): Promise<string[]>;
  mount(containerId: string, options?: MountOptions): Promise<MountedRoot>;
  remove(containerId: string): Promise<void>;
}

/** Compressed blobs that were pulled or made for a push; bounded, least recently used goes first. */
export interface BlobCache {
  /** Path of a whole, verified blob. Marks it used. */
  get(digest: BlobDigest): Promise<string | undefined>;
  /** Where an unfinished download of this blob lies or is to lie. */
  partialPath(digest: BlobDigest): string;
  /**
   * Moves a finished, verified file into the cache, then evicts down to the limit.
   * @param options.flushed the file is on the disk already
   */
  adopt(path: string, digest: BlobDigest, options?: { readonly flushed?: boolean }): Promise<void>;
  remove(digest: BlobDigest): Promise<void>;
  list(): Promise<{ readonly digest: BlobDigest; readonly size: number; readonly partial: boolean }[]>;
}

export interface Store {
  /** Docker's data root. */
  readonly root: string;
  readonly driver: Driver;
  readonly images: ImageDb;
  readonly layers: LayerDb;
  readonly names: Names;
  readonly maps: DigestMaps;
  readonly containers: ContainerLayers;
  readonly blobs: BlobCache;
  /**
   * Runs `work` while this process alone holds the named lock of this root (flock; waits asynchronously).
   * Never held while a network is slow, except a lock of one blob's own download (`blob-<hex>`).
   */
  withLock<T>(name: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T>;
}
