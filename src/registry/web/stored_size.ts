/** What a repository keeps, in bytes. */
import type { Digest } from "../../oci/index.ts";
import { concurrently } from "../concurrently.ts";
import { digestsIn } from "../gc/tree_files.ts";
import type { StorageDriver } from "../storage/types.ts";
import { paths } from "../tree.ts";
import type { BoundedCache } from "./bounded_cache.ts";

/** Bytes of the blobs that a repository links to, each once. */
interface StoredSize {
  readonly blobs: number;
  readonly bytes: number;
  /** There are more blobs, or some are not there. */
  readonly atLeast: boolean;
}

/** Blobs of one repository whose sizes are asked for. */
const mostBlobs = 300;

/** @param sizes of blobs, which never change */
export async function storedSize(
  storage: StorageDriver,
  name: string,
  sizes: BoundedCache<Digest, number>,
): Promise<StoredSize> {
  const digests: Digest[] = [];
  let more = false;
  for await (const digest of digestsIn(storage, paths.layers(name))) {
    more = digests.length === mostBlobs;
    if (more) break;
    digests.push(digest);
  }
  const found = await concurrently(digests, async (digest) => {
    const size = sizes.get(digest) ?? (await storage.stat(paths.blob(digest)))?.size;
    if (size !== undefined) sizes.set(digest, size);
    return size;
  });
  const bytes = found.reduce<number>((sum, size) => sum + (size ?? 0), 0);
  return { blobs: digests.length, bytes, atLeast: more || found.includes(undefined) };
}
