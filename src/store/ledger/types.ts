/** The ledger's records. "Size" is Docker's number (behaviours B135); "disk" is bytes in blocks, as du(1) counts. */
import type { CacheId } from "../../driver/index.ts";
import type { BlobDigest, ChainId, DiffId, ImageId } from "../../oci/index.ts";

export interface LedgerLayer {
  readonly chainId: ChainId;
  readonly diffId: DiffId;
  readonly cacheId: CacheId;
  readonly parent?: ChainId;
  /** Bytes of its files. */
  readonly size: number;
  /** Bytes that its directory and its entry in layerdb take; only in a measured ledger. */
  readonly disk?: number;
  /** Who stands on it, near or far. */
  readonly images: readonly ImageId[];
  readonly containers: readonly string[];
  /** Whether a record of the build cache stands on it, near or far. */
  readonly cached: boolean;
}

export interface LedgerImage {
  readonly id: ImageId;
  /** Familiar names, sorted; none for a dangling image. */
  readonly names: readonly string[];
  /** Bottom first. */
  readonly layers: readonly ChainId[];
  /** Sum of its layers' sizes: Docker's SIZE. */
  readonly size: number;
  /** The part of `size` in layers that other images have too: Docker's SHARED SIZE. */
  readonly shared: number;
  /** `size - shared`: Docker's UNIQUE SIZE. */
  readonly unique: number;
  /** Containers made from it or from an image below it that stand on one of its layers' tops, and those that mount it. */
  readonly containers: readonly string[];
  /** Bytes of config, metadata and manifest; only in a measured ledger. */
  readonly disk?: number;
}

export interface LedgerContainer {
  readonly id: string;
  /** Top layer of its image; undefined for an image without layers. */
  readonly parent?: ChainId;
  /** Tops of images that are mounted in it; absent: there are none. */
  readonly mountedTops?: readonly ChainId[];
  readonly mountId: CacheId;
  /** Bytes of writable layer, init layer, entry and `ROOT/containers/<id>`; only in a measured ledger. */
  readonly disk?: number;
}

export interface LedgerBlob {
  readonly digest: BlobDigest;
  /** Bytes of the file. */
  readonly size: number;
  /** An unfinished download. */
  readonly partial: boolean;
  readonly disk?: number;
}

export interface Ledger {
  readonly images: readonly LedgerImage[];
  readonly layers: readonly LedgerLayer[];
  readonly containers: readonly LedgerContainer[];
  readonly blobs: readonly LedgerBlob[];
  /** Sum of all layers' sizes, each once: what `system df` shows for images. */
  readonly layersSize: number;
  /** Only in a measured ledger. */
  readonly disk?: LedgerDisk;
  /** What several layers hold together; only in a measured ledger. */
  readonly held?: readonly HeldTogether[];
}

/** A file that several layers have, such as a tar of which others use parts: it goes with the last of them. */
export interface HeldTogether {
  /** In `disk` of the first holder, and of no other. */
  readonly bytes: number;
  /** Undefined: a directory that nothing refers to. */
  readonly holders: readonly (ChainId | undefined)[];
}

/** Every byte below the data root, by holder. */
export interface LedgerDisk {
  readonly layers: number;
  readonly images: number;
  readonly containers: number;
  /** Whole blobs, and unfinished ones. */
  readonly cache: number;
  readonly partials: number;
  /** Records of build steps, cache mounts, what is known of build contexts. Layers of steps are in `layers`. */
  readonly buildCache: number;
  /** Driver directories and staging that nothing refers to: what garbage collection looks at. */
  readonly unowned: number;
  /** Names, digest maps, locks, sessions, empty directories: the store's own books. */
  readonly books: number;
  /** What else lies in the data root (volumes, swarm, buildkit, ...). */
  readonly other: number;
  /** The sum: `du -s --block-size=1 ROOT`. */
  readonly total: number;
}
