/** Download without unpacking, for drivers whose layers are unpacked one on top of the other. */
import { createHash } from "node:crypto";
import { open, type FileHandle } from "node:fs/promises";
import { Failure } from "../../errors.ts";
import { algorithmOf, hexOf, type Descriptor } from "../../oci/index.ts";
import { holdBlob } from "./blob_lock.ts";
import { fileSource } from "./file_source.ts";
import { openBlob } from "./layer_bytes.ts";
import { LayerProgress } from "./layer_progress.ts";
import { dropDamaged, isDamaged, openCached, partialFile } from "./local_blob.ts";
import type { MissingLayer, Transfer } from "./types.ts";

export interface DownloadedBlob {
  readonly file: FileHandle;
  /** The file's path when it is to go to the cache. */
  readonly path?: string;
  readonly progress: LayerProgress;
}

/**
 * Brings the whole blob into a file and verifies it, going on where an earlier attempt ended. The caller closes the
 * file, which stays readable even when another process moves or evicts it.
 */
export async function downloadBlob(
  transfer: Transfer,
  layer: MissingLayer,
  blob: Descriptor,
): Promise<DownloadedBlob> {
  await using locks = new AsyncDisposableStack();
  locks.use(await holdBlob(transfer, blob.digest));
  const cached = await openCached(transfer.store, blob);
  if (cached !== undefined) {
    const progress = new LayerProgress(transfer.report, layer);
    progress.begin(blob.size);
    if (await hashesTo(cached, blob)) {
      progress.complete();
      return { file: cached, progress };
    }
    await cached.close();
    await transfer.store.blobs.remove(blob.digest);
  }
  const partial = await partialFile(transfer.store, blob);
  try {
    return await download(transfer, layer, blob, partial.path);
  } catch (error) {
    await dropDamaged(partial.path, error);
    if (!isDamaged(error) || partial.size === 0) throw error;
  }
  try {
    return await download(transfer, layer, blob, partial.path);
  } catch (error) {
    throw await dropDamaged(partial.path, error);
  }
}

async function download(
  transfer: Transfer,
  layer: MissingLayer,
  blob: Descriptor,
  path: string,
): Promise<DownloadedBlob> {
  const progress = new LayerProgress(transfer.report, layer);
  const file = await open(path, "a+", 0o600);
  try {
    const hash = createHash(algorithmOf(blob.digest));
    let position = 0;
    for await (const chunk of readThrough(file)) {
      hash.update(chunk);
      position += chunk.length;
    }
    for await (const chunk of await openBlob(transfer, layer, blob, progress, position)) {
      hash.update(chunk);
      position += chunk.length;
      await writeAll(file, chunk);
    }
    if (position !== blob.size || hash.digest("hex") !== hexOf(blob.digest)) throw wrongBytes(blob);
    return { file, path, progress };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function hashesTo(file: FileHandle, blob: Descriptor): Promise<boolean> {
  const hash = createHash(algorithmOf(blob.digest));
  for await (const chunk of readThrough(file)) hash.update(chunk);
  return hash.digest("hex") === hexOf(blob.digest);
}

/** Reads a file that stays open. */
function readThrough(file: FileHandle): AsyncIterable<Uint8Array> {
  return fileSource({ read: file.read.bind(file), close: async () => undefined });
}

async function writeAll(file: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let done = 0; done < chunk.length;) {
    done += (await file.write(chunk, done)).bytesWritten;
  }
}

function wrongBytes(blob: Descriptor): Failure {
  return new Failure("corrupt", `filesystem layer verification failed for digest ${blob.digest}`);
}
