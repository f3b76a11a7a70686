/** The whole way of a layer: blob → digest → kept file → decompressed → digest → directory and tar-split. */
import { dirname } from "node:path";
import type { ByteSource, Compression } from "../bytes/index.ts";
import { isFailure } from "../errors.ts";
import { BlobIntake } from "./blob_intake.ts";
import { decompressInto } from "./decompress_into.ts";
import { Flusher } from "./flush_to_disk.ts";
import type { Recorder } from "./recorder.ts";
import { TarStage, type UnpackLimits } from "./tar_stage.ts";
import { isTarTarget, type LayerTarget, type UnpackedLayer, type UnpackJob } from "./types.ts";

/** What of a job crosses into a worker. */
export interface StreamJob extends Pick<UnpackJob, "target" | "blob" | "diffId" | "tarSplit" | "partial"> {
  /** Bytes of the blob that `partial` holds already. */
  readonly offset: number;
  readonly limits: UnpackLimits;
  /** Flush to disk before the layer counts as whole. */
  readonly sync: boolean;
  /** Where a worker reads the bytes itself. */
  readonly file?: string;
}

/**
 * Unpacks one layer in one pass. Nothing is left open afterwards; after a failure the target directory is left to
 * the caller, and `partial` is left to be resumed unless its bytes are wrong.
 * @param source the blob from `offset` on
 * @param recorder computes the diff ID and writes `tarSplit`, in another thread; it is closed in any case. Only for
 *   blobs whose digest is expected: that of an unknown plain tar is its diff ID
 * @throws Failure("corrupt") where bytes are not what was announced; "invalid" and "limit" for what a layer may not
 *   hold; and what `source` throws
 */
export async function unpackStream(
  job: StreamJob,
  source: ByteSource,
  recorder?: Recorder,
): Promise<UnpackedLayer> {
  using resources = new DisposableStack();
  resources.defer(() => recorder?.close());
  using flusher = job.sync ? new Flusher(placeOf(job.target)) : undefined;
  using intake = new BlobIntake(job);
  let compression: Compression = "none";
  const onFound = (found: Compression): void => {
    compression = found;
    if (found === "none") intake.isPlain();
  };
  using stage = new TarStage({ ...job, onFound, ...(recorder && { recorder }) });
  const bytes = intake.through(source);
  try {
    await decompressInto(unending(bytes), stage, job.blob?.size).catch((error: unknown) =>
      blame(error, job, intake, bytes),
    );
    const blob = intake.finish(() => stage.diffId());
    const { size } = await stage.finish();
    flusher?.flush([job.partial, job.tarSplit]);
    return { diffId: stage.diffId(), blob, compression, size, tarSize: stage.size };
  } catch (error) {
    if (isFailure(error, "corrupt") || isFailure(error, "invalid")) discardWrong(job, intake);
    throw error;
  } finally {
    await bytes.return();
  }
}

/** A directory on the file system of the target. */
function placeOf(target: LayerTarget): string {
  return isTarTarget(target) ? dirname(target.tar) : target.directory;
}

/** The same bytes; who stops reading does not end them. */
function unending(bytes: AsyncGenerator<Uint8Array, void, undefined>): ByteSource {
  return { [Symbol.asyncIterator]: () => ({ next: () => bytes.next() }) };
}

/**
 * Bytes that make no sense may be damaged or bad from the start. Only the blob's digest can tell, so the rest of it is
 * read: damaged bytes can be fetched again, and Docker's clients know its text for them.
 */
async function blame(
  error: unknown,
  job: StreamJob,
  intake: BlobIntake,
  bytes: AsyncGenerator<Uint8Array, void, undefined>,
): Promise<never> {
  const isContent = isFailure(error, "corrupt") || isFailure(error, "invalid");
  if (!isContent || job.blob === undefined || intake.size > job.blob.size) throw error;
  for await (const _ of bytes);
  intake.finish(() => "");
  throw error;
}

/** A whole blob that is wrong would be wrong again; what is merely cut off can be resumed. */
function discardWrong({ blob }: StreamJob, intake: BlobIntake): void {
  if (blob === undefined || intake.size >= blob.size) intake.discard();
}
