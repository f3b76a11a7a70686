/** Layers of an archive as the places of this project show layers. */
import { decompress, type LayerView } from "../bytes/index.ts";
import { Failure } from "../errors.ts";
import type { Descriptor, DiffId } from "../oci/index.ts";
import type { ArchiveFile } from "./archive_file.ts";

/** A member that holds a layer's tar, compressed or not; only its diff ID is known. */
export function tarLayer(file: ArchiveFile, member: string, diffId: DiffId): LayerView {
  return {
    diffId,
    openBlob: () => Promise.reject(new Failure("not-found", `layer ${diffId} has no compressed form here`)),
    openTar: ({ offset = 0 }) => Promise.resolve(skip(decompress(file.stream(member)), offset)),
  };
}

/** A member that holds a blob of an OCI layout. */
export function blobLayer(file: ArchiveFile, member: string, blob: Descriptor, diffId: DiffId): LayerView {
  return {
    diffId,
    blob,
    openBlob: ({ offset = 0 }) => Promise.resolve(file.stream(member, offset)),
    openTar: ({ offset = 0 }) => Promise.resolve(skip(decompress(file.stream(member)), offset)),
  };
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
