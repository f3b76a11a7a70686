/** Reads every blob and compares it with its digest, as fast as is permitted, and goes on where it was stopped. */
import { createHash } from "node:crypto";
import type { ByteSource } from "../../../bytes/index.ts";
import { algorithmOf, isDigest, type Digest } from "../../../oci/index.ts";
import { isFailure } from "../../../errors.ts";
import type { ByteRange, StorageDriver } from "../../storage/types.ts";
import { paths } from "../../tree.ts";
import { blobDigests } from "../tree_files.ts";

export interface ScrubOptions {
  /** Bytes per second; undefined: as fast as it goes. */
  readonly rate: number | undefined;
  readonly now: () => number;
  readonly sleep: (milliseconds: number) => Promise<void>;
  readonly signal: AbortSignal;
}

const cursor = "varve/fsck/cursor";

/** Bytes between two records of how far it got. */
const stride = 256 << 20;

/** Yields blobs that are not what their digest says. */
export async function* corruptBlobs(storage: StorageDriver, options: ScrubOptions): AsyncGenerator<Digest> {
  const { signal, now } = options;
  const done = Buffer.from((await storage.read(cursor)) ?? []).toString("latin1");
  const pace = { begun: now(), bytes: 0 };
  let recorded = 0;
  for await (const digest of blobDigests(storage)) {
    signal.throwIfAborted();
    // The tree lists digests in order.
    if (isDigest(done) && digest <= done) continue;
    if (!(await isSound(storage, digest, paced(options, pace)))) yield digest;
    if (pace.bytes - recorded < stride) continue;
    recorded = pace.bytes;
    await storage.write(cursor, Buffer.from(digest));
  }
  await storage.remove(cursor);
}

async function isSound(
  storage: StorageDriver,
  digest: Digest,
  take: (source: (signal: AbortSignal) => ByteSource) => ByteSource,
): Promise<boolean> {
  const path = paths.blob(digest);
  const size = (await storage.stat(path))?.size;
  if (size === undefined) return true;
  try {
    return await isDigestOf(digest, size, (range) => take((signal) => storage.open(path, range, signal)));
  } catch (error) {
    // Deleted meanwhile.
    if (isFailure(error, "not-found")) return true;
    throw error;
  }
}

/** Reads all of a file and compares. */
export async function isDigestOf(
  digest: Digest,
  size: number,
  open: (range: ByteRange) => ByteSource,
): Promise<boolean> {
  const hash = createHash(algorithmOf(digest));
  if (size > 0) for await (const chunk of open({ start: 0, end: size - 1 })) hash.update(chunk);
  return `${algorithmOf(digest)}:${hash.digest("hex")}` === digest;
}

function paced({ rate, now, sleep, signal }: ScrubOptions, pace: { readonly begun: number; bytes: number }) {
  return async function* (source: (signal: AbortSignal) => ByteSource): ByteSource {
    for await (const chunk of source(signal)) {
      pace.bytes += chunk.length;
      const ahead = rate === undefined ? 0 : (pace.bytes / rate) * 1000 - (now() - pace.begun);
      if (ahead > 0) await sleep(ahead);
      yield chunk;
    }
  };
}
