/**
 * A place holds images under names: a registry, a local store, an archive, an OCI layout. Pull, push, save and
 * load are one thing: `sink.put(await source.resolve(name))`. This file is the shape in which an image travels.
 */
import type { BlobDigest, Descriptor, Digest, DiffId, ImageId, Platform } from "../oci/index.ts";
import type { Report } from "./progress.ts";

/** Bytes in order. A chunk belongs to the consumer as soon as it was yielded. */
export type ByteSource = AsyncIterable<Uint8Array>;

export interface TransferOptions {
  readonly signal: AbortSignal;
  readonly report?: Report;
}

export interface OpenOptions {
  readonly signal: AbortSignal;
  /** First byte wanted (default 0); bytes before it are not transferred. */
  readonly offset?: number;
}

/** Where the compressed form of a layer was seen before: lets a push skip or mount it without having the bytes. */
export interface SeenBlob {
  readonly digest: BlobDigest;
  /** `host/path` without tag, in Docker's short form (`docker.io/library/alpine`). */
  readonly repository: string;
}

/** One layer of an image in transit. `openTar` always works; the blob form may not exist yet. */
export interface LayerView {
  /** Known at once in archives and stores; a registry learns it from the config. */
  readonly diffId?: DiffId;
  /** The transfer form that this place has at hand; its bytes come from `openBlob`. */
  readonly blob?: Descriptor;
  readonly seenAt?: readonly SeenBlob[];
  /** The exact bytes of `blob`. Throws `Failure("not-found")` where `blob` is undefined. */
  openBlob(options: OpenOptions): Promise<ByteSource>;
  /** The uncompressed tar, whose digest is the diff ID. */
  openTar(options: OpenOptions): Promise<ByteSource>;
  /** Bytes of the uncompressed tar, where this place can tell without reading it all. */
  tarSize?(): Promise<number>;
  /** Makes the transfer form where there is none (gzip), keeps it, and describes it; idempotent. */
  compress?(options: TransferOptions): Promise<Descriptor>;
}

/** An image in transit: immutable; bytes are fetched only when they are asked for. */
export interface ImageView {
  readonly imageId: ImageId;
  readonly configDescriptor: Descriptor;
  /** Bottom first. */
  readonly layers: readonly LayerView[];
  /** The manifest's exact bytes, where the place keeps manifests. */
  readonly manifest?: { readonly bytes: Uint8Array; readonly descriptor: Descriptor };
  /** What a `name@digest` reference to this image holds: the index's digest if it came through an index. */
  readonly referenceDigest?: Digest;
  /** The config's exact bytes, verified against `imageId`. */
  readConfig(options: { readonly signal: AbortSignal }): Promise<Uint8Array>;
}

export interface ResolveOptions extends TransferOptions {
  readonly platform?: Platform;
}

export interface ImageSource {
  /** Throws `Failure("not-found")` for an unknown name, `Failure("unsupported")` when no platform matches. */
  resolve(name: string, options: ResolveOptions): Promise<ImageView>;
}
