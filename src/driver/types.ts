/** The storage driver contract: how a stack of change directories becomes a root filesystem. */
import type { Change, LayerTarget } from "../layer/index.ts";
import type { ByteSource } from "../bytes/index.ts";

export const driverNames = ["overlay2", "erofs", "vfs"] as const;
export type DriverName = (typeof driverNames)[number];

/** Names one directory of the driver: 64 random hex digits, `-init` appended for a container's init layer. */
export type CacheId = string;

/** A mounted root. Disposing unmounts it when the last holder in any process lets go. */
export interface MountedRoot extends AsyncDisposable {
  readonly path: string;
}

export interface CreateOptions {
  /**
   * It will be written to where it is mounted, as a container's is. Others are filled as {@link Driver.target} says, and
   * may be kept in a form that no mount can change (default false).
   */
  readonly writable?: boolean;
}

export interface MountOptions {
  /** Every write fails with EROFS. */
  readonly readOnly?: boolean;
  /**
   * What is written need not outlive a loss of power, so that nothing waits for the disk. For a directory that is mounted
   * for writing once and then thrown away: the kernel refuses to mount it so again.
   */
  readonly volatile?: boolean;
}

export interface OptimizeOptions {
  /** Who takes part. The caller sees to it that they stay, and that nobody else optimizes or repairs meanwhile. */
  readonly layers: readonly CacheId[];
  /** Files that are smaller, in bytes, stay as they are. */
  readonly minSize: number;
  /** Only finds what could go. */
  readonly dryRun: boolean;
  readonly signal: AbortSignal;
  /** Told of each layer, before it is looked at. */
  readonly onLayer?: (id: CacheId) => void;
  /** Called between any two steps that write; tests kill the process in it. */
  readonly onStep?: (step: string) => void;
}

/** A layer with files that an older layer has as well. */
export interface OptimizedLayer {
  readonly id: CacheId;
  readonly files: number;
  /** Bytes on the disk: given back, or, unless `done`, what could be. */
  readonly bytes: number;
  readonly outcome: "done" | "dry run" | "in use" | "damaged";
}

export interface Optimized {
  readonly layers: readonly OptimizedLayer[];
  /** Bytes given back of layers that are gone but for the parts that others have of them. */
  readonly remains: number;
}

/**
 * Lifecycle: `create` → (apply or write) → read by children and mounts → `remove`. A driver keeps directories; it
 * knows nothing of images, names or digests. Every method may be called by several processes at once on different
 * ids; the caller holds the lock of an id that it changes.
 */
export interface Driver {
  readonly name: DriverName;
  /** Whether a layer can be unpacked before its parent is: true for overlay, false where a child is a copy. */
  readonly independentLayers: boolean;
  /**
   * Makes the directory of `id` on top of `parent` (which must have been created before). For `independentLayers`
   * the parent may still be empty. Throws `Failure("conflict")` if `id` exists.
   */
  create(id: CacheId, parent: CacheId | undefined, options?: CreateOptions): Promise<void>;
  /** Where the content of `id` is to be unpacked or written, unmounted. */
  target(id: CacheId): LayerTarget;
  /** Does beforehand what the first mount of `id`, whose layers are all there, would have to do. */
  prepare(id: CacheId): Promise<void>;
  /** Mounts `id` over its parents. */
  mount(id: CacheId, options?: MountOptions): Promise<MountedRoot>;
  /** The layer tar of what `id` holds over its parent, whiteouts in tar spelling. */
  diff(id: CacheId, options: { readonly signal: AbortSignal }): ByteSource;
  /** What `id` changes against its parent, sorted by path (behaviours B097). */
  changes(id: CacheId, options: { readonly signal: AbortSignal }): Promise<Change[]>;
  /** Docker's `GraphDriver` of inspect: `Data` sorted by key, or null (behaviours B084, B085). */
  graphData(id: CacheId): Promise<Readonly<Record<string, string>> | null>;
  /** Removes the directory of `id`; a missing one is no error. Must not be mounted. */
  remove(id: CacheId): Promise<void>;
  /** Every id that has a directory, for garbage collection. */
  list(): Promise<CacheId[]>;
  /**
   * Ends the mount of a layer that would stay for the next user, unless somebody uses it now. Undefined where no mount
   * stays.
   */
  endIdleMount?(id: CacheId): Promise<void>;
  /**
   * Keeps large files that several layers have once. May be killed at any point; the next call finishes. Undefined where
   * there is nothing to gain. Throws `Failure("unsupported")` where a file cannot give back a part of its blocks.
   */
  optimize?(options: OptimizeOptions): Promise<Optimized>;
}
