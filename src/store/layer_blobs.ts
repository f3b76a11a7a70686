/**
 * Which blob is the transfer form of a layer here: `ROOT/varve/layer-blobs/<diff hex>` holds the blob's descriptor.
 * Docker's own maps know only blobs that a registry was seen to have; this one also knows those that came out of an
 * archive or were compressed for a push. A hint: the blob itself is in the cache, or it is not.
 */
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { hexOf, isDigest, type Descriptor, type DiffId } from "../oci/index.ts";
import { writeUnsynced } from "./atomic_write.ts";
import { readTextIfThere } from "./read_small.ts";
import type { Store } from "./types.ts";

/** Records `blob` as the transfer form of the layer `diffId`. */
export async function rememberBlob(
  store: Pick<Store, "root">,
  diffId: DiffId,
  blob: Descriptor,
): Promise<void> {
  const { mediaType, digest, size } = blob;
  const text = JSON.stringify({ mediaType, digest, size });
  const path = hintPath(store, diffId);
  if (readTextIfThere(path) === text) return;
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  // Not flushed: what a crash leaves of it is read as nothing.
  writeUnsynced(path, text, 0o600);
}

/** The descriptor recorded for the layer, or undefined. */
export function rememberedBlob(store: Pick<Store, "root">, diffId: DiffId): Descriptor | undefined {
  const text = readTextIfThere(hintPath(store, diffId));
  if (text === undefined) return undefined;
  try {
    const { mediaType, digest, size } = JSON.parse(text) as Record<string, unknown>;
    if (typeof mediaType !== "string" || typeof digest !== "string" || !isDigest(digest)) return undefined;
    return typeof size === "number" ? { mediaType, digest, size } : undefined;
  } catch {
    return undefined;
  }
}

export function layerBlobsFolder(store: Pick<Store, "root">): string {
  return join(store.root, "varve", "layer-blobs");
}

function hintPath(store: Pick<Store, "root">, diffId: DiffId): string {
  return join(layerBlobsFolder(store), hexOf(diffId));
}
