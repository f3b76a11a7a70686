/** A layer's bytes from the source, counted and told of. */
import { Failure } from "../../errors.ts";
import { abortable, type ByteSource } from "../../bytes/index.ts";
import type { Descriptor } from "../../oci/index.ts";
import { noBytes } from "./file_source.ts";
import type { LayerProgress } from "./layer_progress.ts";
import type { StackLayer, Transfer } from "./types.ts";

/**
 * Opens the blob of a layer at `offset`. A source that ends early ends here with `Failure("unavailable")`: what came
 * so far is good and stays for the next attempt, unlike bytes that turn out wrong.
 */
export async function openBlob(
  transfer: Transfer,
  layer: StackLayer,
  blob: Descriptor,
  progress: LayerProgress,
  offset: number,
): Promise<ByteSource> {
  progress.begin(offset);
  const { signal } = transfer;
  const source = offset < blob.size ? await layer.view.openBlob({ signal, offset }) : noBytes();
  return counted(transfer, source, progress, { at: offset, blob });
}

/** Opens the tar of a layer that has no blob. */
export async function openTar(
  transfer: Transfer,
  layer: StackLayer,
  progress: LayerProgress,
): Promise<ByteSource> {
  progress.begin(0);
  return counted(transfer, await layer.view.openTar({ signal: transfer.signal }), progress);
}

async function* counted(
  transfer: Transfer,
  source: ByteSource,
  progress: LayerProgress,
  expected?: { readonly at: number; readonly blob: Descriptor },
): AsyncGenerator<Uint8Array> {
  let position = expected?.at ?? 0;
  for await (const chunk of abortable(source, transfer.signal)) {
    // The chunk is the consumer's as soon as it is yielded (its buffer may move to a worker): count before.
    position += chunk.length;
    if (expected !== undefined && position > expected.blob.size) throw tooLong(expected.blob);
    transfer.count(chunk.length);
    progress.arrived(chunk.length);
    transfer.step("bytes");
    yield chunk;
  }
  if (expected !== undefined && position < expected.blob.size) {
    const { digest, size } = expected.blob;
    throw new Failure("unavailable", `download of ${digest} ended after ${position} of ${size} bytes`, {
      hint: "try again: what has come is kept and the transfer goes on from there",
    });
  }
  progress.complete();
}

/** The same bytes, told of as they go to the unpacker. */
export async function* toUnpacker(source: ByteSource, progress: LayerProgress): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    progress.unpacked(chunk.length);
    yield chunk;
  }
}

/** A source that never ends must not fill the disk. The text is Docker's for wrong bytes (behaviours B117). */
function tooLong({ digest, size }: Descriptor): Failure {
  return new Failure("corrupt", `filesystem layer verification failed for digest ${digest}`, {
    hint: `more than the ${size} bytes announced arrived`,
  });
}
