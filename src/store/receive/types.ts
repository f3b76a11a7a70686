/** Records of one image's way into the store. */
import type { ImageView, LayerView, Report, TransferOptions } from "../../bytes/index.ts";
import type { CacheId } from "../../driver/index.ts";
import type { UnpackJob, UnpackedLayer } from "../../layer/index.ts";
import type { ChainId, DiffId, ImageId, Reference } from "../../oci/index.ts";
import type { Session } from "../sessions.ts";
import type { Store } from "../types.ts";
import type { Writeback } from "./writeback.ts";

/** What turns blobs into directories: the worker pool, or anything that acts like it. */
export interface Unpacker {
  unpack(job: UnpackJob): Promise<UnpackedLayer>;
}

export interface ReceiveOptions extends TransferOptions {
  /** Layers that are fetched and unpacked at once (default 3, Docker's `max-concurrent-downloads`). */
  readonly concurrency?: number;
  /** Default: a pool of this call's own. */
  readonly pool?: Unpacker;
  /** The image that this one was built or committed from; kept beside the config. */
  readonly parent?: ImageId;
  /** Whether compressed layers go to the blob cache (default true). Without it nothing can be resumed either. */
  readonly keepBlobs?: boolean;
  /** Called between any two steps that write; tests kill the process in it. */
  readonly onStep?: (step: string) => void;
}

export interface ReceivedImage {
  readonly imageId: ImageId;
  /** Layers that were unpacked, and layers that were there already. */
  readonly layersFetched: number;
  readonly layersExisting: number;
  /** Bytes of layers that the source gave: not those of blob cache, partial files and existing layers. */
  readonly bytesFetched: number;
}

/** One layer of the image that is to come, bottom first. */
export interface StackLayer {
  /** From 0, the base. */
  readonly index: number;
  readonly view: LayerView;
  readonly diffId: DiffId;
  readonly chainId: ChainId;
  readonly parent?: ChainId;
}

/** A layer that the store does not have, with the directory that is going to be it. */
export interface MissingLayer extends StackLayer {
  readonly cacheId: CacheId;
  /** Directory of the layer below, existing or new. */
  readonly parentCacheId?: CacheId;
  /** Where its tar-split is written, if it needs one. */
  readonly tarSplit?: string;
}

/** A missing layer that has been unpacked and verified. */
export interface FetchedLayer {
  readonly layer: MissingLayer;
  readonly unpacked: UnpackedLayer;
  /** The whole blob's file, when it is to go to the cache. */
  readonly blobFile?: string;
}

/** What the steps of one receive share. */
export interface Transfer {
  readonly store: Store;
  readonly image: ImageView;
  readonly names: readonly Reference[];
  readonly session: Session;
  readonly pool: Unpacker;
  readonly signal: AbortSignal;
  readonly concurrency: number;
  readonly keepBlobs: boolean;
  readonly report: Report;
  readonly step: (step: string) => void;
  readonly writeback: Writeback;
  /** Adds to the count of bytes that the source gave. */
  readonly count: (bytes: number) => void;
}
