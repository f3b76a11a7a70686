/** Records of the build cache: what a step made, by a key of all that it depends on. */
import type { ChainId, Digest, DiffId } from "../../oci/index.ts";
import type { Session } from "../sessions.ts";

export interface CacheRecord {
  /** Of all that the step depends on; sha256. */
  readonly key: Digest;
  /** Top of the stack after the step; undefined: there is no layer yet. */
  readonly top?: ChainId;
  /** The layer that the step made; undefined: it changed nothing. */
  readonly layer?: { readonly diffId: DiffId; readonly chainId: ChainId; readonly size: number };
  /** For people: `RUN make`. */
  readonly description: string;
  /** RFC 3339. */
  readonly created: string;
  /** `exec`, `copy`, `workdir`. */
  readonly kind: string;
  /** What explains later why a step was not found. Plain JSON. */
  readonly facts?: unknown;
}

export interface CacheEntry extends CacheRecord {
  /** When it was made or last taken. */
  readonly lastUsed: Date;
}

/** A record with what it holds. */
export interface CacheUsage extends CacheEntry {
  /** An image or a container has the layer too: removing the record frees nothing. */
  readonly shared: boolean;
  /** A living operation stands on it. */
  readonly inUse: boolean;
  /** Bytes of the step's own layer; 0 without one. */
  readonly size: number;
}

export interface PruneCacheOptions {
  /** Records whose layers images or containers have as well (default false: they cost nothing). */
  readonly all?: boolean;
  /** Only what was last used before. */
  readonly unusedSince?: Date;
  /**
   * Bytes of layers that may stay of those that the cache alone has: the least recently used records go first, until no
   * more are there. Default: all records go. What is shared stays: it takes nothing.
   */
  readonly keepBytes?: number;
}

export interface PrunedCache {
  readonly records: readonly Digest[];
  /** Layers that nothing else needed, in the order in which they went. */
  readonly layers: readonly ChainId[];
  /** Sum of the layers' sizes, in bytes. */
  readonly size: number;
}

/**
 * Records of build steps, in `ROOT/varve/build-cache`. A record holds the layers below its `top` as an image does, until
 * it is removed. Any number of processes may share it. A lost record is a step that is done again, so nothing is flushed.
 */
export interface BuildCache {
  /**
   * The record, if it is whole and the store has all its layers. Marks it used, and claims its layers in `session`:
   * while that lives they stay, whatever becomes of the record.
   */
  get(key: Digest, session: Session): Promise<CacheRecord | undefined>;
  /** Writes a record, over an earlier one of the same key. `session` still claims the layers. */
  put(record: CacheRecord): Promise<void>;
  /** Bytes of the layers that nobody else has. */
  size(): Promise<number>;
  /** All whole records with what they hold, least recently used first. */
  usage(): Promise<CacheUsage[]>;
  /** Takes records away, and the layers that then nothing needs. Unknown keys are passed over. */
  remove(keys: readonly Digest[]): Promise<PrunedCache>;
  /** Takes away what nobody uses. What a living operation stands on stays. */
  prune(options?: PruneCacheOptions): Promise<PrunedCache>;
  /**
   * After a build: {@link prune} down to `keepBytes`, if there is more. Costs no reading of records while there is less.
   */
  bound(keepBytes?: number): Promise<PrunedCache>;
}
