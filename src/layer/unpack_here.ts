/** Unpacks a layer in the calling thread. */
import { stat } from "node:fs/promises";
import { abortable, throwIfCancelled } from "../bytes/index.ts";
import type { UnpackLimits } from "./tar_stage.ts";
import type { UnpackedLayer, UnpackJob } from "./types.ts";
import { type StreamJob, unpackStream } from "./unpack_stream.ts";

export interface UnpackOptions {
  readonly limits?: UnpackLimits;
  /** Flush each layer to disk before it counts as whole (default true). A caller that says no does it himself. */
  readonly sync?: boolean;
}

/**
 * What a worker of `UnpackPool` does, without one: file system calls block the thread for milliseconds at a time. For
 * small layers, tests, and where workers cannot be had.
 */
export async function unpackHere(job: UnpackJob, options: UnpackOptions = {}): Promise<UnpackedLayer> {
  throwIfCancelled(job.signal);
  const plan = await planOf(job, options);
  const progress = new JobProgress(job, plan.offset);
  async function* watched(): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of abortable(restOf(job, plan.offset), job.signal)) {
      progress.arrived(chunk.length);
      yield chunk;
    }
    progress.complete();
  }
  return await unpackStream(plan, watched());
}

/** The part of a job that is known without its bytes. */
export async function planOf(job: UnpackJob, options: UnpackOptions): Promise<StreamJob> {
  const { target, blob, diffId, tarSplit, partial, file } = job;
  return {
    target,
    offset: partial === undefined ? 0 : await keptBytes(partial, blob?.size),
    limits: options.limits ?? {},
    sync: options.sync ?? true,
    ...(blob === undefined ? {} : { blob }),
    ...(diffId === undefined ? {} : { diffId }),
    ...(tarSplit === undefined ? {} : { tarSplit }),
    ...(partial === undefined ? {} : { partial }),
    ...(file === undefined ? {} : { file: file.path }),
  };
}

/** A file longer than the blob holds something else: it is started again. */
async function keptBytes(partial: string, expected = Infinity): Promise<number> {
  const { size } = await stat(partial).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return { size: 0 };
    throw error;
  });
  return size > expected ? 0 : size;
}

/** The bytes that are not kept yet. A blob that is whole already is not opened. */
export async function* restOf(job: UnpackJob, offset: number): AsyncGenerator<Uint8Array, void, undefined> {
  throwIfCancelled(job.signal);
  if (offset > 0 && offset === job.blob?.size) return;
  yield* await job.open(offset);
}

/** Tells the progress of a job in Docker's words (behaviours B122). */
export class JobProgress {
  readonly #job: UnpackJob;
  #arrived: number;
  #used: number;
  #complete = false;

  constructor(job: UnpackJob, offset: number) {
    this.#job = job;
    this.#arrived = this.#used = offset;
  }

  arrived(bytes: number): void {
    this.#arrived += bytes;
    this.#say("Downloading", this.#arrived);
  }

  complete(): void {
    this.#complete = true;
    this.#say("Verifying Checksum");
    this.#say("Download complete");
  }

  /** Bytes went into the layer. While others still arrive, that is the smaller news. */
  used(bytes: number): void {
    this.#used += bytes;
    if (this.#complete) this.#say("Extracting", this.#used);
  }

  #say(status: string, current?: number): void {
    const { report, id, blob } = this.#job;
    report?.({
      status,
      ...(id === undefined ? {} : { id }),
      ...(current === undefined ? {} : { current }),
      ...(current === undefined || blob === undefined ? {} : { total: blob.size }),
    });
  }
}
