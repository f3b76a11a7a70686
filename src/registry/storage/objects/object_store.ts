/** What an object store can do, whoever sells it: flat keys and bytes. {@link ObjectDriver} makes a tree of it. */
import type { ByteSource } from "../../../bytes/index.ts";
import type { AppendableFile, ByteRange } from "../types.ts";

export interface ObjectInfo {
  readonly key: string;
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly modified: number;
}

export interface ObjectBody {
  readonly body: ByteSource;
  /** Names this content: a read that is taken up again asks for the same. */
  readonly etag: string | undefined;
}

/** A name in a listing with delimiter: an object, or what all keys behind `prefix` have in common (ends with `/`). */
export type Listed =
  | { readonly kind: "object"; readonly info: ObjectInfo }
  | { readonly kind: "prefix"; readonly prefix: string };

export interface ListOptions {
  /** Only names up to the next `/` behind the prefix. */
  readonly shallow: boolean;
  /** Names wanted; default all. */
  readonly limit?: number;
}

export interface PutOptions {
  /** Only where there is none; the answer says whether it was put. */
  readonly ifAbsent: boolean;
}

export interface GetOptions {
  readonly range?: ByteRange;
  /** Throw `Failure("unavailable")` if the content is another one by now. */
  readonly etag?: string;
  readonly signal?: AbortSignal;
}

/** Keys have no leading `/`. Everything throws `Failure` (`unavailable`, `denied`, `no-space`). */
export interface ObjectStore {
  /** Undefined if there is no such object; no bytes where the range begins behind the end. */
  get(key: string, options: GetOptions): Promise<ObjectBody | undefined>;
  head(key: string): Promise<ObjectInfo | undefined>;
  put(key: string, bytes: Uint8Array, options: PutOptions): Promise<boolean>;
  /** In the order of keys within each kind; pages are fetched as they are needed. */
  list(prefix: string, options: ListOptions): AsyncIterable<Listed>;
  /** Renames; throws `Failure("not-found")`. */
  move(from: string, to: string): Promise<void>;
  /** Missing ones are no error. */
  delete(keys: readonly string[]): Promise<void>;
  /** See {@link StorageDriver.appendTo}. */
  appendTo(key: string, options: { readonly continuing: boolean }): Promise<AppendableFile>;
  /** Takes unfinished uploads away, of the key itself and of all keys below it, where they do not show in listings. */
  dropUploads?(key: string): Promise<void>;
  signedUrl?(key: string, options: { readonly method: string }): Promise<string | undefined>;
  close(): void;
}

/** How long a signed address works, in seconds; distribution's 20 minutes. */
export const signedSeconds = 20 * 60;
