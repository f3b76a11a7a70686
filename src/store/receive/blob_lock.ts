/** One download of a blob at a time, in all processes. */
import { hexOf, type Digest } from "../../oci/index.ts";
import { holdLock } from "./hold_lock.ts";
import type { Transfer } from "./types.ts";

/**
 * Waits until nobody else downloads the blob. Whoever comes later finds it whole, in the cache or as a partial file
 * that lacks nothing. A holder waits for the network alone, so these locks cannot close a circle.
 */
export async function holdBlob({ store, signal }: Transfer, digest: Digest): Promise<AsyncDisposable> {
  return holdLock(store, `blob-${hexOf(digest)}`, signal);
}
