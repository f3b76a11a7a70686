/** Layers of an archive as the places of this project show layers. */
import { decompress, type Compression, type LayerView } from "../bytes/index.ts";
import { Failure } from "../errors.ts";
import type { Descriptor, DiffId } from "../oci/index.ts";
import type { ArchiveFile } from "./archive_file.ts";

/** A member that holds a layer's tar, compressed or not; only its diff ID is known. */
export function tarLayer(file: ArchiveFile, member: string, diffId: DiffId): LayerView {
  return {
    diffId,
    openBlob: () => Promise.reject(new Failure("not-found", `layer ${diffId} has no compressed form here`)),
    openTar: ({ offset = 0 }) => Promise.resolve(skip(decompress(file.stream(member)), offset)),
    tarSize: () => plainSize(file, member),
  };
}

/**
 * A member that holds a blob of an OCI layout. One that is not compressed is no blob but the tar itself: who receives it
 * need not keep it.
 */
export function blobLayer(file: ArchiveFile, member: string, blob: Descriptor, diffId: DiffId): LayerView {
  const plain = tarLayer(file, member, diffId);
  if (blob.digest === diffId) return plain;
  return {
    ...plain,
    blob,
    openBlob: ({ offset = 0 }) => Promise.resolve(file.stream(member, offset)),
  };
}

/** Bytes of the member's tar: known at once unless it is compressed. */
async function plainSize(file: ArchiveFile, member: string): Promise<number> {
  let compression: Compression = "none";
  let size = 0;
  const onCompression = (found: Compression): void => void (compression = found);
  for await (const chunk of decompress(file.stream(member), { onCompression })) {
    if (compression === "none") return file.size(member);
    size += chunk.length;
  }
  return size;
}

async function* skip(
  source: AsyncIterable<Uint8Array>,
  bytes: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  let left = bytes;
  for await (const chunk of source) {
    if (left >= chunk.length) left -= chunk.length;
    else {
      yield left === 0 ? chunk : chunk.subarray(left);
      left = 0;
    }
  }
}
